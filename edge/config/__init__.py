"""One TOML file -> frozen values, or every mistake in it at once.

- `schema`: every setting, with its limits and its default; `fields`: the same as data, in words
- `load`: the way from a file to a `Config`; `syntax`, `locate`: past typing mistakes, and on which line they stand
- `rules`: what must hold between settings; `mistakes`: what a finding looks like; `manual`: `docs/config.md`
"""
