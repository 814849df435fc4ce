"""Graph-level labels: numbers that the caller asks for by their name in the file."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch_geometric.data import Data

from tg_molfield.structures.keys import KEYS, RESULTS
from tg_molfield.text_numbers import parse_number


def add_labels(data: Data, names: tuple[str, ...], found: Mapping[str, str], where: str) -> Data:
    """Put the named numbers of a record on ``data``, each as [1] with the dtype of ``pos``.

    A result such as ``energy`` that the format has put there already stays.

    Args:
        data: the molecule of the record.
        names: the labels to take.
        found: the values of the record by label, as text.
        where: what holds the labels in this format, for messages.

    Raises:
        ValueError: a label is missing, is not a finite number, or has a name that ``Data`` cannot hold.
    """
    for name in names:
        if name in RESULTS and name in data and data[name].shape == (1,):
            continue
        _check_label(name, data)
        if name not in found:
            raise ValueError(
                f"label {name!r}: expected one of the {where} ({', '.join(found) or 'none'}), got another name; "
                "correct the name"
            )
        try:
            number = parse_number(found[name])
        except ValueError as error:
            raise ValueError(
                f"label {name!r}: expected a number, got {found[name][:40]!r}; leave it out of labels"
            ) from error
        if not math.isfinite(number):
            raise ValueError(f"label {name!r}: expected a finite number, got {number}; correct or remove the record")
        data[name] = data.pos.new_tensor([number])
    return data


def _check_label(name: str, data: Data) -> None:
    """Refuse a name that cannot hold a label on ``data``.

    Raises:
        ValueError: the name is in use, or PyG treats it specially when it collates.
    """
    remedy = "rename the label in the file"
    if "batch" in name or "index" in name:
        raise ValueError(
            f"label {name!r}: expected a name without 'batch' or 'index', got one that PyG increments when it "
            f"collates; {remedy}"
        )
    if name in KEYS and name not in RESULTS:
        raise ValueError(f"label {name!r}: expected a free name, got the key of {KEYS[name].meaning}; {remedy}")
    if name == "name" or name in data or hasattr(Data, name):
        raise ValueError(f"label {name!r}: expected a free name, got an attribute of Data; {remedy}")
