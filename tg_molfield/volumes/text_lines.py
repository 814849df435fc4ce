"""The lines of a text file, one after another, and what follows them."""

from __future__ import annotations

from pathlib import Path


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
            ValueError: there is none.
        """
        if not self:
            raise ValueError(
                f"{self._path}: expected a line after line {self.number}, got the end; download or copy the file "
                "again, it is cut short"
            )
        end = self._content.find(b"\n", self._place)
        end = len(self._content) if end < 0 else end
        line = self._content[self._place : end].decode("latin-1")
        self._place, self.number = end + 1, self.number + 1
        return line.rstrip("\r")

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
