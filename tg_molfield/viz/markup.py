"""Plain text as HTML: escaped, with a small part of Markdown."""

from __future__ import annotations

import re
from html import escape


def to_html(text: str) -> str:
    """HTML for plain text, with everything in it escaped.

    Blank lines separate paragraphs; ``# `` and ``## `` start headings of level 2 and 3; lines that start with ``- ``
    form a list; ``**bold**`` and ```` `code` ```` work inside lines.
    """
    return "\n".join(_block(block.strip()) for block in re.split(r"\n\s*\n", text) if block.strip())


def _block(block: str) -> str:
    heading = re.fullmatch(r"(#{1,2}) +(.+)", block)
    if heading:
        level = len(heading[1]) + 1
        return f"<h{level}>{_line(heading[2])}</h{level}>"
    lines = [line.strip() for line in block.splitlines()]
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{_line(line[2:])}</li>" for line in lines) + "</ul>"
    return f"<p>{_line(' '.join(lines))}</p>"


def _line(line: str) -> str:
    parts = re.split(r"`([^`]+)`", escape(line))
    plain = (re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", part) for part in parts[::2])
    code = (f"<code>{part}</code>" for part in parts[1::2])
    return "".join(piece for pair in zip(plain, [*code, ""], strict=True) for piece in pair)
