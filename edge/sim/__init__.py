"""The stage: what a demo or a test plays to the simulated parts of a lane. Never on a commissioned gate."""
