"""What is in a volume file."""

from __future__ import annotations

import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from tg_molfield.cli.info.facts import Facts, cell_text, elements_text, listed, periodic_text
from tg_molfield.files import decoding, format_suffix, readable
from tg_molfield.volumes.registry import VolumeWarning, read_volume

_CHANNELS = 20


def volume_facts(path: Path) -> Facts:
    """Format, channels, grid, cell and range of a volume.

    Raises:
        OSError: the file cannot be read.
        MemoryError: it does not fit in memory.
        ValueError: it is damaged.
    """
    data = read_volume(path)
    for note in dict.fromkeys(data.notes):
        warnings.warn(f"{path}: {note}", VolumeWarning, stacklevel=3)
    shape = data.values.shape[1:]
    steps = np.linalg.norm(data.axes, axis=1)
    ends = data.axes * (np.array(shape) - np.logical_not(data.periodic))[:, None]
    facts = {
        "kind": f"volume ({format_suffix(path) or path.name})",
        "channels": listed(data.channels),
        "grid": f"{' × '.join(map(str, shape))} nodes",
        "spacing": f"{' × '.join(f'{step:.4g}' for step in steps)} Å",
        "origin": f"{' '.join(f'{place:.4g}' for place in data.origin)} Å",
        "cell" if any(data.periodic) else "box": f"{cell_text(ends)}, {periodic_text(data.periodic)}",
    }
    if any(data.units):
        facts["unit"] = listed(
            [unit or "none" for unit in (data.units if len(set(data.units)) > 1 else data.units[:1])]
        )
    for name, values in list(zip(data.channels, data.values, strict=True))[:_CHANNELS]:
        mean = float(values.mean(dtype=np.float64))
        facts[f"range {name}"] = f"{values.min():.6g} to {values.max():.6g}, mean {mean:.6g}"
    if data.numbers is not None:
        facts["atoms"] = f"{len(data.numbers):,}"
        facts["elements"] = elements_text(Counter(map(int, data.numbers)))
    return facts


def is_archive_of_volume(path: Path) -> bool:
    """Whether a NumPy archive is that of a volume; a damaged one counts, so that its reader says what is wrong."""
    with readable(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            return True
    return "values.npy" in names


def archive_facts(path: Path) -> Facts:
    """Names, types and shapes of the arrays of a NumPy archive, of which only the headers are read.

    Raises:
        ValueError: it is damaged.
    """
    facts = {"kind": "arrays (.npz)"}
    with decoding(path), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
            facts[f"array {name.removesuffix('.npy')}"] = f"{dtype} {list(shape)}"
    return facts
