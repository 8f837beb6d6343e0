"""One TOML file -> frozen values, or every mistake in it at once."""
