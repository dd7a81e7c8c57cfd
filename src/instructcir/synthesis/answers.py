"""Every answer kept by a hash of what was asked, and every request by what it cost: a killed run pays nothing twice."""

from __future__ import annotations

import sqlite3
import threading
from types import TracebackType
from typing import Self

from instructcir.errors import InputError
from instructcir.files import PathLike
from instructcir.synthesis.asking import Answer
from instructcir.synthesis.spending import Spent

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    asked TEXT PRIMARY KEY, text TEXT, end TEXT, tokens_in INTEGER, tokens_out INTEGER, time TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY, asked TEXT, known INTEGER DEFAULT 0, tokens_in INTEGER DEFAULT 0,
    tokens_out INTEGER DEFAULT 0
);
"""


class Answers:
    """Answers in an SQLite file, which survives a kill at any moment. For several threads of one process."""

    def __init__(self, path: PathLike) -> None:
        """Open or make it.

        Raises:
            InputError: it is something else, or cannot be written.
        """
        self._lock = threading.Lock()
        self._path = path
        try:
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.executescript(_TABLES)
        except sqlite3.Error as error:
            raise InputError(f"{path}: holds no answers ({error}); name another place, or delete it") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def get(self, asked: str) -> Answer | None:
        """The answer to a question, by its hash; None where there is none yet."""
        with self._lock:
            columns = "text, end, tokens_in, tokens_out, time"
            row = self._file.execute(f"SELECT {columns} FROM answers WHERE asked = ?", (asked,)).fetchone()
        return None if row is None else Answer(*row)

    def sent(self, asked: str) -> int:
        """Write down that a request is about to be sent; return its number."""
        with self._lock:
            cursor = self._file.execute("INSERT INTO requests (asked) VALUES (?)", (asked,))
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def came(self, number: int, asked: str, answer: Answer | None) -> None:
        """Write down what came of a request, the answer and its cost in one step; None for nothing that costs."""
        with self._lock:
            self._file.execute("BEGIN")
            cost = (0, 0) if answer is None else (answer.tokens_in, answer.tokens_out)
            self._file.execute(
                "UPDATE requests SET known = 1, tokens_in = ?, tokens_out = ? WHERE number = ?", (*cost, number)
            )
            if answer is not None:
                self._put(asked, answer)
            self._file.execute("COMMIT")

    def put(self, asked: str, answer: Answer) -> None:
        """Keep an answer that no single request brought."""
        with self._lock:
            self._put(asked, answer)

    def forget(self, asked: str) -> None:
        """Drop an answer, so that it is asked for again."""
        with self._lock:
            self._file.execute("DELETE FROM answers WHERE asked = ?", (asked,))

    def spent(self) -> Spent:
        """What all requests have cost."""
        with self._lock:
            row = self._file.execute(
                "SELECT COUNT(*), COALESCE(SUM(tokens_in), 0), COALESCE(SUM(tokens_out), 0), "
                "COALESCE(SUM(1 - known), 0) FROM requests"
            ).fetchone()
        return Spent(*row)

    def _put(self, asked: str, answer: Answer) -> None:
        values = (asked, answer.text, answer.end, answer.tokens_in, answer.tokens_out, answer.time)
        self._file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", values)
