"""The field that was fitted to a volume, sampled again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tg_molfield.cli.field_files import check_size
from tg_molfield.cli.no_effect import refuse
from tg_molfield.cli.reconstruct.result import Reconstructed
from tg_molfield.cli.sampling import sampled
from tg_molfield.cli.terminal import progress
from tg_molfield.fields import Field, Volume
from tg_molfield.inverse.superres import SuperresField
from tg_molfield.nn import FieldAutoDecoder
from tg_molfield.nn.serialization import pretrained_file
from tg_molfield.tensor_files import read_header


def reconstructed_volume(
    source: str, model: str, record: int | None, finer: int, paths: Sequence[Path], yes: bool
) -> Reconstructed:
    """The field of a file that ``superres`` wrote, at the nodes of the volume, and the values of the volume.

    Args:
        source: the volume.
        model: the file, or its folder.
        record: which of the model's fields, from 1; the first if None.
        finer: the refinement of the volume's grid.
        paths: the files to write.
        yes: whether they may be large.

    Raises:
        ValueError: the model encodes molecules, or its field has other channels than the volume.
    """
    field = _fitted(source, pretrained_file(model), record)
    volume = Volume.read(source, dtype=field.dtype)
    if set(volume.channels) != set(field.channels):
        raise ValueError(
            f"{source}: expected a volume with the channels of {model}, {' '.join(field.channels)}, got "
            f"{' '.join(volume.channels)}; give the volume that it was fitted to"
        )
    if finer < 1:
        raise ValueError(f"--finer: expected 1 or more, got {finer}; 1 keeps the grid of the volume")
    volume = volume[field.channels]
    if not bool(volume.values.isfinite().all()):
        raise ValueError(f"{source}: expected finite values, got NaN or infinity; leave these nodes out")
    field = field if volume.atoms is None else field.with_atoms(volume.atoms)
    grid = volume.grid if finer == 1 else volume.grid.refined(finer, volume.periodic)
    check_size(paths, field, grid, yes)
    with progress(f"sampling {grid.num_nodes:,} nodes"), torch.no_grad():
        compared = sampled(field, volume.grid)
        found = compared if finer == 1 else sampled(field, grid)
    return Reconstructed(found, Path(source).name, compared, volume, "the values of the volume")


def _fitted(source: str, path: Path, record: int | None) -> Field:
    kind = read_header(path).kind
    if kind == "SuperresField":
        refuse({"--record": record}, "a model of several volumes", path)
        return SuperresField.load(path)
    if kind == "FieldAutoDecoder":
        fitted = FieldAutoDecoder.load(path)
        number = 1 if record is None else record
        if not 1 <= number <= fitted.num_volumes:
            raise ValueError(f"--record: expected 1 to {fitted.num_volumes}, the fields of {path}, got {number}")
        return fitted.field(number - 1)
    raise ValueError(
        f"{source}: expected a molecule for a {kind or 'model of this kind'}, got a volume; tg-molfield superres "
        "reconstructs volumes"
    )
