"""The notice that a subject reads before consenting: a text to start from, until the site has its own."""

from __future__ import annotations

MAX_NOTICE_BYTES = 256 * 1024
FIRST_VERSION = "1"
STARTER = """\
# Notice on the use of your face at the gate

Replace everything in [brackets], then issue consents. Whoever consented to an older text keeps that text.

- Who processes it: [name and contact of the responsible body]
- What for: to let you through the gate. Nothing else.
- How: a camera at the gate makes a template of your face and compares it with those enrolled. No picture is kept, and
  no picture leaves the gate. A template can be turned back into a likeness of a face; it is stored encrypted.
- How long: until the date on your consent, until you withdraw, or until you have not used it for [period].
- Is it needed: no. A card opens the same gate, at the same hours, without delay.
- What it may mean for you: [impact on the person, and the protections]
- Your rights: see what is held, withdraw at any time at the gate or at [office], complain to [authority].
"""
