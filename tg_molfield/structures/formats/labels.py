"""Graph-level numbers that a user asks for by the name the file gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch_geometric.data import Data

from tg_molfield.structures.keys import KEYS, RESULTS


def add_labels(data: Data, names: tuple[str, ...], found: Mapping[str, object], where: str) -> Data:
    """Put the named numbers of a record on ``data``, each as [1] in the type of ``pos``.

    Args:
        data: the molecule of the record.
        names: labels to take.
        found: values of the record by label, numbers or text.
        where: what the labels are in this format, for messages.

    Raises:
        ValueError: a label is missing, is no finite number, or has a name that ``Data`` cannot hold.
    """
    for name in names:
        check_label(name, data)
        if name not in found:
            raise ValueError(f"label {name!r} is not among the {where}, which are: {', '.join(found) or 'none'}")
        try:
            number = float(found[name])  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"label {name!r} is {found[name]!r}, which is no number; leave it out of labels"
            ) from error
        if not math.isfinite(number):
            raise ValueError(f"label {name!r} is {number}; correct or remove the record")
        data[name] = data.pos.new_tensor([number])
    return data


def check_label(name: str, data: Data) -> None:
    """Refuse a name that cannot hold a number of the user's choice on ``data``.

    Raises:
        ValueError: the name is taken, or PyG gives it a meaning of its own when it collates.
    """
    if "batch" in name or "index" in name:
        raise ValueError(f"label {name!r}: PyG shifts attributes whose name contains 'batch' or 'index'; rename it")
    if name in KEYS and name not in RESULTS:
        raise ValueError(f"label {name!r}: the name stands for {KEYS[name].meaning}; rename the label in the file")
    if name == "name" or name in data or hasattr(Data, name):
        raise ValueError(f"label {name!r}: the name is taken on Data; rename the label in the file")
