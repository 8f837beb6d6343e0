"""The site's consent state: bytes of the authority in, verified status list and policy out (`docs/protocol.md`)."""
