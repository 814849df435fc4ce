"""The structure that a command is given: a record of a file, or a SMILES."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from tg_molfield.cli.no_effect import refuse

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.structures.trajectories import Trajectory


class Structure(NamedTuple):
    """A molecule from the command line.

    Attributes:
        data: the molecule.
        title: name of the file, or the SMILES.
        charges: where its ``partial_charge`` is from, or an empty text.
        record: which of how many records of the file it is, or an empty text where there is one.
    """

    data: Data
    title: str
    charges: str
    record: str = ""


def load_structure(
    text: str,
    needed: set[str],
    record: int | None = None,
    dimension: int | None = None,
    timeout: float | None = None,
    topology: Path | None = None,
    selection: str | None = None,
) -> Structure:
    """The molecule that ``text`` names: a file if its suffix is that of a structure or trajectory, else a SMILES.

    Args:
        text: path of a file, or a SMILES.
        needed: the attributes that a definition reads, see `tg_molfield.structures.needed`.
        record: the record of the file, counted from 1; the first if None.
        dimension: as in ``read``.
        timeout: as in ``from_smiles``.
        topology: the file that names the atoms of a trajectory.
        selection: those of them to keep, in the language of MDAnalysis.

    Raises:
        ValueError: the structure cannot be read, or an option does not apply to it.
    """
    from tg_molfield.files import format_suffix
    from tg_molfield.structures.formats.registry import FORMATS
    from tg_molfield.structures.trajectories import TRAJECTORIES

    suffix = format_suffix(text)
    if suffix in TRAJECTORIES:
        refuse({"--timeout": timeout}, "a SMILES", f"the file {text}")
        refuse({"--dimension": dimension}, "an SDF or MOL file", text)
        return _from_trajectory(text, needed, 1 if record is None else record, topology, selection)
    refuse({"--topology": topology, "--selection": selection}, "an xtc, trr, dcd or nc file", text)
    if suffix in FORMATS:
        refuse({"--timeout": timeout}, "a SMILES", f"the file {text}")
        if not FORMATS[suffix].has_drawings:
            refuse({"--dimension": dimension}, "an SDF or MOL file", text)
        return _from_file(text, needed, 1 if record is None else record, dimension)
    refuse({"--record": record, "--dimension": dimension}, "a file", _short(text))
    return _from_smiles(text, needed, timeout)


def has_bonds(text: str) -> bool:
    """Whether ``text`` is a SMILES or names a file with bonds, whose hydrogens are known."""
    from tg_molfield.files import format_suffix
    from tg_molfield.structures.formats.registry import FORMATS
    from tg_molfield.structures.trajectories import TRAJECTORIES

    suffix = format_suffix(text)
    return suffix not in TRAJECTORIES and (suffix not in FORMATS or FORMATS[suffix].has_bonds)


def warn_of_missing_hydrogens(data: Data, channels: Iterable[str], name: str = "H") -> None:
    """Warn if there is a channel of hydrogen, of this name, and the structure lacks its hydrogens."""
    from tg_molfield.structures import StructureWarning
    from tg_molfield.structures.hydrogens import hydrogens_got

    if name in channels and (got := hydrogens_got(data)):
        result = "is empty" if got == "none" else "lacks them"
        warnings.warn(
            f"hydrogens: expected those that the bond angles call for, got {got}, so the channel {name} {result}; add "
            f"them with another program, or leave {name} out of the channels",
            StructureWarning,
            stacklevel=2,
        )


def _from_file(path: str, needed: set[str], record: int, dimension: int | None) -> Structure:
    from tg_molfield.structures.formats.registry import format_of
    from tg_molfield.structures.needed import with_needed
    from tg_molfield.structures.reading import no_bonds, read_record

    has_bonds = format_of(Path(path)).has_bonds
    flat = cast("Literal[3] | None", dimension)
    source, data, count = read_record(path, record, flat, needed if has_bonds else None, "--record")
    if not has_bonds:
        data = with_needed(data, needed, f"{path}: {no_bonds(Path(path), 'properties')}")
    origin = "Gasteiger" if "partial_charge" in source.computed else "the file"
    return Structure(
        data,
        Path(path).name,
        origin if "partial_charge" in needed else "",
        f"{record} of {count}" if count > 1 else "",
    )


def _from_trajectory(
    path: str, needed: set[str], record: int, topology: Path | None, selection: str | None
) -> Structure:
    from tg_molfield.files import decoding
    from tg_molfield.structures import StructureWarning
    from tg_molfield.structures.needed import with_needed
    from tg_molfield.structures.reading import no_bonds

    with closing(_opened(path, topology, selection)) as frames:
        for note in dict.fromkeys([*frames.notes, *filter(None, [frames.damage])]):
            warnings.warn(f"{path}: {note}", StructureWarning, stacklevel=3)
        if not 1 <= record <= len(frames):
            raise ValueError(
                f"--record: expected 1 to {len(frames)} for {path}, got {record}; frames are counted from 1"
            )
        with decoding(path):
            data = with_needed(frames.frame(record - 1), needed, f"{path}: {no_bonds(Path(path), 'properties')}")
        which = f"{record} of {len(frames)}" if len(frames) > 1 else ""
    return Structure(data, Path(path).name, "the file" if "partial_charge" in needed else "", which)


def _opened(path: str, topology: Path | None, selection: str | None) -> Trajectory:
    from tg_molfield.structures.build import float_dtype
    from tg_molfield.structures.trajectories import ASE, AseTrajectory, Topology, TopologyTrajectory

    if Path(path).suffix.lower() == ASE:
        refuse({"--topology": topology, "--selection": selection}, "an xtc, trr, dcd or nc file", path)
        return AseTrajectory(Path(path), whole=False, dtype=float_dtype(None))
    if topology is None:
        raise ValueError(
            f"--topology: expected the file that names the atoms of {path} with it, got none; give for example "
            "--topology system.pdb"
        )
    atoms = Topology(topology, "all" if selection is None else selection)
    return TopologyTrajectory(Path(path), atoms, whole=False, dtype=float_dtype(None))


def _from_smiles(smiles: str, needed: set[str], timeout: float | None) -> Structure:
    from tg_molfield.structures import from_smiles
    from tg_molfield.structures.needed import to_compute

    options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    properties, color = to_compute(needed)
    try:
        data = from_smiles(smiles, properties=properties, color=color, **options)
    except ValueError as error:
        raise not_a_structure(smiles, error) from error
    return Structure(data, smiles, "Gasteiger" if "partial_charge" in needed else "")


def not_a_structure(text: str, error: Exception) -> Exception:
    """The error for a text that was taken for a SMILES, from the error of ``from_smiles`` or of a model."""
    from tg_molfield.structures.formats.registry import format_of

    if str(error).startswith("expected"):
        return ValueError(f"{_short(text)}: {error}")
    if not str(error).startswith("smiles: expected a valid SMILES"):
        return error
    kind = _kind_of_file(text)
    if kind == "file":
        try:
            format_of(Path(text))
        except ValueError as unknown:
            return unknown
    if kind == "folder":
        return IsADirectoryError(f"structure: expected a file or a SMILES, got the folder {text}; name a file in it")
    if kind:
        return ValueError(
            f"structure: expected a file or a SMILES, got {text}, which is a pipe or device; save the structure as a "
            "file whose suffix tells its format"
        )
    return ValueError(f"structure: expected a file or a SMILES, got {_short(text)}, which is no file; {error}")


def _kind_of_file(text: str) -> Literal["", "file", "folder", "other"]:
    """What there is under a name, empty for nothing."""
    path = Path(text)
    try:
        if path.is_file():
            return "file"
        return "folder" if path.is_dir() else "other" if path.exists() else ""
    except OSError:  # the name is too long for a file
        return ""


def _short(text: str) -> str:
    short = text if len(text) <= 40 else text[:40] + "…"
    return short if short.strip() and short.isprintable() else repr(short)
