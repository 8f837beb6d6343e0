"""edge-gate: a turnstile that opens for a resident's face only while that resident consents."""

__version__ = "0.1.0"
