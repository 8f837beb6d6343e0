"""What a site has issued: every consent id and every index, for ever, so that none is ever used twice.

Rule 1.  An id and an index are reserved, durably, before anything is signed with them. A crash in between wastes them,
         which costs nothing; signing first could use them twice.
Rule 2.  Indices are random, not counted: a gate or a resident must not learn from one how many came before.
Rule 3.  No names. Who is behind a subject id is written elsewhere, by the admin.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge.core.consent import STATUS_LIST_SIZE
from edge.core.values import ConsentId, SubjectId, WallTime
from edge.errors import PartFailed, Refused

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS issued (consent TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, "
    "subject TEXT NOT NULL, reserved INTEGER NOT NULL) STRICT"
)


class Ledger:
    """The ledger in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @staticmethod
    def create(path: Path) -> None:
        """An empty ledger, readable by its owner only."""
        with _errors(path):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with closing(_connect(path)) as db:
                db.execute(_SCHEMA)

    def reserve(self, subject: SubjectId | None, now_wall: WallTime) -> tuple[ConsentId, int, SubjectId]:
        """A new consent id and index, for a known subject or (None) a new one.

        Raises:
            Refused: the subject is not known, or the site has used up its status list.
        """
        with _errors(self._path), closing(_connect(self._path)) as db:
            db.execute("BEGIN IMMEDIATE")
            known = {number for (number,) in db.execute("SELECT number FROM issued")}
            if len(known) >= STATUS_LIST_SIZE:
                raise Refused(f"this site has issued all of its {STATUS_LIST_SIZE} consents", hint="found a new site")
            if subject is not None and not db.execute("SELECT 1 FROM issued WHERE subject = ?", (subject,)).fetchone():
                raise Refused(f"subject {subject} is not known at this site", hint="leave --subject out for a new one")
            subject = subject or SubjectId(secrets.token_hex(16))
            index = secrets.choice([number for number in range(STATUS_LIST_SIZE) if number not in known])
            consent = ConsentId(secrets.token_hex(16))
            db.execute("INSERT INTO issued VALUES (?, ?, ?, ?)", (consent, index, subject, int(now_wall)))
            db.execute("COMMIT")
        return consent, index, subject


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("PRAGMA synchronous = FULL")
    return db


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise PartFailed(
            f"the ledger {path} cannot be used: {error}", hint="check the disk, or restore the folder from your backup"
        ) from None
