"""A day at the gate in about a minute: real models, vault, rules and processes; camera, pins and card are played."""
