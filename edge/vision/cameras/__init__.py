"""Cameras behind the one port `edge.ports.Camera`: one adapter a file, chosen by name in the configuration."""
