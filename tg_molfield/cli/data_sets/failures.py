"""What is said of the records of a data set that failed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tg_molfield.cli.terminal import say, say_table
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields

_SHOWN = 10


def tell_failed(dataset: MoleculeFields, stays: bool = True) -> None:
    """Print the first records that failed, how many there are, and where the others are listed.

    Args:
        dataset: the data set.
        stays: whether its folder does.
    """
    from tg_molfield.cli.compare.outputs import printed_table

    failed = dataset.failed
    if failed:
        rows = [(one.file, one.record, one.title, one.reason) for one in failed[:_SHOWN]]
        say_table(printed_table(("file", "record", "name", "reason"), rows))
        where = f"{Path(dataset.processed_dir) / 'failed.csv'}: " if stays else ""
        say(f"{where}{counted(len(failed), 'record')} failed")
