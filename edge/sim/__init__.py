"""The stage: what a demo or a test plays to the simulated camera, pins and card reader. Never on a commissioned gate."""
