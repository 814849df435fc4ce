"""Damage to the content of a file, drawn from a seeded generator."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

MAX_BYTES = 2_000_000

EXTREMES = (
    "1e308", "-1e308", "-1", "0", "1", "2", "99999", "1000000000000", "-9000000000000000000", "nan", "inf", "-inf",
    "1e-320", "1_0", "0x1F", "", "+5", "-0.0", "1.5", "1.0D+02", "5.1*^-6", "1e", ".", "-", "1,5", "٣", "½",
)  # fmt: skip
ODD_CHARACTERS = (
    "É",
    "Å",
    "µ",
    "漢",
    "𝛑",
    "\u00a0",
    "\ufeff",
    "\u2028",
    "\x85",
    "\x0c",
    "\x00",
    "\x1a",
    "\t",
    '"',
    "'",
)
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eEdD][-+]?\d+)?")
_HEADER_LINES = 8

Mutation = Callable[[Random, bytes, bytes], bytes]
"""``(random, content, other) -> content``; ``other`` is another file of the same format."""


def mutate(random: Random, content: bytes, other: bytes, mutations: dict[str, Mutation]) -> tuple[bytes, list[str]]:
    """``content`` after one to three mutations, and their names."""
    names = random.choices(list(mutations), k=random.choice((1, 1, 1, 2, 3)))
    for name in names:
        content = mutations[name](random, content, other)[:MAX_BYTES]
    return content, names


def _flip_bytes(random: Random, content: bytes, other: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 2, 8)) if content else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _truncate(random: Random, content: bytes, other: bytes) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _delete_bytes(random: Random, content: bytes, other: bytes) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start + random.choice((1, 2, 4, 100)) :]


def _insert_bytes(random: Random, content: bytes, other: bytes) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + random.randbytes(random.choice((1, 2, 4, 100))) + content[start:]


def _join(random: Random, content: bytes, other: bytes) -> bytes:
    return content + random.choice((other, content, b"\n" + other))


def _change_word(random: Random, content: bytes, other: bytes) -> bytes:
    """Overwrite an aligned word of four bytes, mostly in the header."""
    words = len(content) // 4
    if not words:
        return content
    place = 4 * random.randrange(min(words, random.choice((60, 60, 60, words))))
    value = random.choice((0, 1, -1, 2, 3, 7, 100, 1000, 2**20, 2**31 - 1, -(2**31)))
    word = value.to_bytes(4, "little", signed=True)
    word = random.choice((word, b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\x00\x00\x80\x3f"))
    return content[:place] + word + content[place + 4 :]


def _on_lines(change: Callable[[Random, list[bytes]], None]) -> Mutation:
    def mutation(random: Random, content: bytes, other: bytes) -> bytes:
        lines = content.split(b"\n")
        change(random, lines)
        return b"\n".join(lines)

    return mutation


def _some_lines(random: Random, lines: list[bytes]) -> slice:
    start = random.randrange(len(lines))
    return slice(start, start + random.choice((1, 1, 1, 2, 5, 50)))


def _delete_lines(random: Random, lines: list[bytes]) -> None:
    del lines[_some_lines(random, lines)]


def _repeat_lines(random: Random, lines: list[bytes]) -> None:
    chosen = _some_lines(random, lines)
    lines[chosen] = lines[chosen] * random.choice((2, 2, 2, 3, 50))


def _swap_lines(random: Random, lines: list[bytes]) -> None:
    one, two = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]


def _delete_columns(random: Random, lines: list[bytes]) -> None:
    chosen, start = _some_lines(random, lines), random.randrange(82)
    stop = start + random.choice((1, 1, 2, 8))
    lines[chosen] = [line[:start] + line[stop:] for line in lines[chosen]]


def _delete_word(random: Random, lines: list[bytes]) -> None:
    chosen, place = _some_lines(random, lines), random.randrange(8)
    lines[chosen] = [b" ".join(word for i, word in enumerate(line.split()) if i != place) for line in lines[chosen]]


def _long_line(random: Random, lines: list[bytes]) -> None:
    row = random.randrange(len(lines))
    lines[row] = random.choice((lines[row] + b" ", b" ", b"7", b"channels: [", b"\t", b'"')) * random.choice(
        (300, 9000)
    )


def _blank_lines(random: Random, lines: list[bytes]) -> None:
    row = random.randrange(len(lines) + 1)
    lines[row:row] = [random.choice((b"", b" ", b"#", b"#\t"))] * random.choice((1, 1, 3, 20000))


def _odd_character(random: Random, lines: list[bytes]) -> None:
    """Replace a character, or insert one, by one that is not printable ASCII."""
    character = random.choice(ODD_CHARACTERS).encode("utf-8" if random.random() < 0.8 else "utf-16-le")
    chosen, column = _some_lines(random, lines), random.randrange(82)
    kept = column + random.randrange(2)
    lines[chosen] = [line[:column] + character + line[kept:] for line in lines[chosen]]


def _change_case(random: Random, lines: list[bytes]) -> None:
    chosen, upper = _some_lines(random, lines), random.random() < 0.5
    lines[chosen] = [line.upper() if upper else line.lower() for line in lines[chosen]]


def _tabs(random: Random, lines: list[bytes]) -> None:
    chosen = _some_lines(random, lines)
    lines[chosen] = [re.sub(rb" +", b"\t", line) for line in lines[chosen]]


def _change_number(random: Random, content: bytes, other: bytes) -> bytes:
    return _replace_number(random, content, list(_NUMBER.finditer(content)))


def _change_header_number(random: Random, content: bytes, other: bytes) -> bytes:
    header = b"\n".join(content.split(b"\n", _HEADER_LINES)[:_HEADER_LINES])
    return _replace_number(random, content, list(_NUMBER.finditer(header)))


def _replace_number(random: Random, content: bytes, numbers: list[re.Match[bytes]]) -> bytes:
    """Replace a number: in its columns if it fits there and fixed columns are to be kept."""
    if not numbers:
        return content
    chosen, text = random.choice(numbers), random.choice(EXTREMES).encode()
    if random.random() < 0.3 and chosen[0].isdigit():
        text = b"%d" % max(0, int(chosen[0][:15]) + random.choice((-1, 1)))
    width = chosen.end() - chosen.start()
    if random.random() < 0.6:
        text = text.rjust(width)[:width]
    return content[: chosen.start()] + text + content[chosen.end() :]


def _splice(random: Random, content: bytes, other: bytes) -> bytes:
    lines, taken = content.split(b"\n"), other.split(b"\n")
    row = random.randrange(len(lines) + 1)
    lines[row:row] = taken[_some_lines(random, taken)]
    return b"\n".join(lines)


def _line_ends(random: Random, content: bytes, other: bytes) -> bytes:
    return content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\r", b"\r\r\n")))


BINARY: dict[str, Mutation] = {
    "flip bytes": _flip_bytes,
    "truncate": _truncate,
    "delete bytes": _delete_bytes,
    "insert bytes": _insert_bytes,
    "join": _join,
    "change word": _change_word,
    "change words": lambda random, content, other: _change_word(random, _change_word(random, content, other), other),
}
TEXT: dict[str, Mutation] = {
    "flip bytes": _flip_bytes,
    "truncate": _truncate,
    "delete bytes": _delete_bytes,
    "insert bytes": _insert_bytes,
    "join": _join,
    "delete lines": _on_lines(_delete_lines),
    "repeat lines": _on_lines(_repeat_lines),
    "swap lines": _on_lines(_swap_lines),
    "delete columns": _on_lines(_delete_columns),
    "delete word": _on_lines(_delete_word),
    "long line": _on_lines(_long_line),
    "blank lines": _on_lines(_blank_lines),
    "odd character": _on_lines(_odd_character),
    "change case": _on_lines(_change_case),
    "tabs": _on_lines(_tabs),
    "change number": _change_number,
    "change header number": _change_header_number,
    "splice": _splice,
    "line ends": _line_ends,
}
