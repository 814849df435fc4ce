"""The field of a molecule, encoded and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.cli.field_files import check_size, need_lattice
from tg_molfield.cli.models import load_model
from tg_molfield.cli.reconstruct.result import FITTED, Reconstructed
from tg_molfield.cli.sampling import default_margin, grid_of, sampled
from tg_molfield.cli.structure import has_bonds, load_structure, warn_of_missing_hydrogens
from tg_molfield.cli.terminal import progress
from tg_molfield.nn.serialization import pretrained_file
from tg_molfield.tensor_files import read_header


def reconstructed_molecule(
    source: str,
    model: str,
    refine: int,
    spacing_and_margin: tuple[float, float | None],
    reading: tuple[int | None, int | None, float | None, Path | None, str | None],
    paths: Sequence[Path],
    yes: bool,
) -> Reconstructed:
    """The field that a `FieldAutoEncoder` reconstructs of a molecule, and the exact one.

    Args:
        source: a file or a SMILES.
        model: its name, file or folder.
        refine: steps that improve the code.
        spacing_and_margin: of the grid in Å.
        reading: record, dimension, time limit, topology and selection, as for `load_structure`.
        paths: the files to write, which the grid must suit.
        yes: whether they may be large.

    Raises:
        ValueError: the molecule cannot be read or encoded, or the model knows no definition to refine with.
    """
    kind = read_header(pretrained_file(model)).kind
    if kind in FITTED:
        raise ValueError(f"{source}: expected the volume that {model} was fitted to, got a molecule; give that volume")
    encoder = load_model(model)
    definition = encoder.mol_field
    if refine and definition is None:
        raise ValueError(
            f"--refine: expected a model that knows the definition of its field, got {model}, which knows channels "
            "alone; leave it out"
        )
    attributes = set(encoder.properties) | (set() if definition is None else definition.attributes)
    with progress(f"reading {source}"):
        loaded = load_structure(source, attributes, *reading)
    data = loaded.data
    exact = None if definition is None else definition(data)
    spacing, margin = spacing_and_margin
    if refine:
        with progress(f"refining the code in {refine} steps"):
            latent = encoder.encode(data, refine=refine, target=exact)
        with torch.no_grad():
            field = encoder.decoder.field(latent).with_atoms(AtomList(data.z, data.pos))
    else:
        with torch.no_grad():
            field = encoder.field(data)
    grid = grid_of(data, spacing, margin, 4.0 if exact is None else default_margin(exact, None, spacing))
    grid = grid.on_lattice() if need_lattice(paths) else grid
    check_size(paths, field, grid, yes)
    with progress(f"sampling {grid.num_nodes:,} nodes"), torch.no_grad():
        volume = sampled(field, grid)
        truth = None if exact is None else sampled(exact, grid)
    if not has_bonds(source):
        warn_of_missing_hydrogens(data, volume.channels)
    notes = [f"record {loaded.record}; --record chooses another"] if loaded.record else []
    if truth is None:
        notes.append("the model knows channels alone and no definition, so there is no exact field to compare with")
    return Reconstructed(volume, loaded.title, volume, truth, "the exact field", "\n".join(notes))
