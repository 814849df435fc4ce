"""What ``tg-molfield embed`` prints and writes when all codes are there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tg_molfield.cli.compare.outputs import printed_table
from tg_molfield.cli.embed.map import is_map, write_map
from tg_molfield.cli.embed.outputs import failed_path, write_codes, write_failed
from tg_molfield.cli.embed.parts import Parts
from tg_molfield.cli.embed.table import CodeTable
from tg_molfield.cli.terminal import progress, say, say_table
from tg_molfield.cli.wording import counted
from tg_molfield.files import shortened

_SHOWN, _NEIGHBORS_SHOWN = 10, 3


def no_code(parts: Parts, records: int) -> str:
    """The message where none of the records has a code."""
    reasons = "".join(f"\n  {one}" for one in islice(parts.failed(), _SHOWN))
    return f"files: expected a molecule with a code, got none among {records} records; correct them{reasons}"


def tell(parts: Parts, table: CodeTable, records: int, seconds: float) -> None:
    """Print what was found."""
    failed = parts.count_failed()
    without = f", {failed} of them without a code" if failed else ""
    say(f"{counted(records, 'record')}{without}, {seconds:.0f} s")
    if table.neighbors is not None:
        say_table(printed_table(("molecule", "distance of the nearest"), _nearest_rows(parts, table)))


def write(
    outputs: Sequence[Path],
    parts: Parts,
    table: CodeTable,
    summary_channels: int,
    origin: tuple[Sequence[str], str, Sequence[Path]],
) -> None:
    """Write the outputs, and the records without a code.

    Args:
        outputs: the files.
        parts: the codes.
        table: of these.
        summary_channels: the numbers of a summary.
        origin: the projections of a map, the name of the model and the files of the molecules.
    """
    for path in outputs:
        with progress(f"writing {path.name}"):
            if is_map(path):
                write_map(path, table, summary_channels, *origin)
            else:
                write_codes(path, table)
        say(f"{path}: {_content(path, table, summary_channels)}")
    failed, path = parts.count_failed(), failed_path(outputs[0])
    write_failed(path, parts.failed(), failed)
    if failed:
        rows = [(one.file, one.record, one.title, one.reason) for one in islice(parts.failed(), _SHOWN)]
        say_table(printed_table(("file", "record", "name", "reason"), rows))
        say(f"{path}: {counted(failed, 'record')} without a code")


def _content(path: Path, table: CodeTable, summary_channels: int) -> str:
    molecules = counted(len(table), "molecule")
    if is_map(path):
        return f"a map of {molecules}"
    if table.name == "summary":
        return f"{molecules}, summaries of {table.width} numbers"
    last = f", the last {summary_channels} the summary" if summary_channels else ""
    return f"{molecules}, codes of {table.width} numbers{last}"


def _nearest_rows(parts: Parts, table: CodeTable) -> list[tuple[str, str]]:
    """For the screen: the first molecules, each with its nearest and their distances."""
    block = next(table.blocks())
    assert block.neighbors is not None
    rows = []
    for place, source in enumerate(block.sources[:_SHOWN]):
        found = zip(block.neighbors.index[place].tolist(), block.neighbors.distance[place].tolist(), strict=True)
        lines = [
            f"{apart:.4f} {shortened(parts.source(other).title, 40)}"
            for other, apart in islice(found, _NEIGHBORS_SHOWN)
        ]
        rows.append((shortened(source.title, 40), "\n".join(lines)))
    return rows
