"""The parent of the three processes for a desk, a demo or a test; on a commissioned gate systemd has this part.

- `backoff`: how long to wait before a start   - `child`: one process, its lines and its end
- `supervisor`: the loop over all of them        - `desk`: which processes a gate has
"""
