"""The rules, without I/O: no clock, no pin, no socket, no log. Time and randomness are arguments."""
