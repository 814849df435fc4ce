"""The lines of a text file, one after another, and what follows them."""

from __future__ import annotations

import re
from pathlib import Path

_LONGEST = 2**16
_BLANK = re.compile(rb"\s*")


class Lines:
    """A cursor over the lines of a file.

    Args:
        path: the file, for messages.
        content: its content.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.number = 0
        self._path, self._content, self._place = path, content, 0

    def __bool__(self) -> bool:
        """Whether there are more lines."""
        return self._place < len(self._content)

    def next(self) -> str:
        """The next line without its end.

        Raises:
            ValueError: there is none, or it is longer than any line of a header.
        """
        if not self:
            raise ValueError(
                f"{self._path}: expected a line after line {self.number}, got the end; download or copy the file "
                "again, it is cut short"
            )
        end = self._content.find(b"\n", self._place)
        end = len(self._content) if end < 0 else end
        self.number += 1
        if end - self._place > _LONGEST:
            raise ValueError(
                f"{self._path}: line {self.number}: expected at most {_LONGEST} characters, got {end - self._place}; "
                "download or copy the file again, it is damaged"
            )
        line = self._content[self._place : end].decode("latin-1")
        self._place = end + 1
        return line.rstrip("\r")

    def skip_blank(self) -> bool:
        """Pass over blank lines; whether there are more lines."""
        found = _BLANK.match(self._content, self._place)
        end = self._content.rfind(b"\n", self._place, found.end()) + 1 if found else 0
        if end > self._place:
            self.number += self._content.count(b"\n", self._place, end)
            self._place = end
        return bool(self)

    def next_filled(self) -> str:
        """The next line that is not blank, as in `next`."""
        self.skip_blank()
        return self.next()

    def peek(self) -> str:
        """The next line, which stays the next; empty if there is none."""
        place, number = self._place, self.number
        line = self.next() if self else ""
        self._place, self.number = place, number
        return line

    def rest(self, *ends: bytes) -> bytes:
        """What follows, up to the first of ``ends``, which comes next; all of it if there is none."""
        places = [self._content.find(end, self._place) for end in ends]
        stop = min((place for place in places if place >= 0), default=len(self._content))
        text = self._content[self._place : stop]
        self._place, self.number = stop, self.number + text.count(b"\n")
        return text
