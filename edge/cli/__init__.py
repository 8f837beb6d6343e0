"""The command line: one file a group of commands, all of them thin. `main` registers them by name and imports none.

- `output`: results, for people or as JSON; `complaint`: how edge-gate says no; `options`: options that many share
- `client`: one question to a running gate; `manual`: `docs/cli.md`, made from the tables in the code
"""
