"""The site's message broker: its certificates, its configuration, and a private one for tests and the demo."""
