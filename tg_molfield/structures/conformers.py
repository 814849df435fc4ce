"""Conformers from RDKit: embedded, optimised and checked.

Run as a script, it makes those of the SMILES on its standard input, in a process that can be stopped.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    del sys.path[0]  # the modules beside this file are no top-level modules

import numpy as np

from tg_molfield.chem.ion_pairs import driven_off, ion_pairs, surround

if TYPE_CHECKING:
    from rdkit.Chem import Mol

GAP = 3.0
"""Distance in Å between the fragments of a SMILES with dots before they are optimised together."""

MAX_ITERATIONS = 1000
"""Iterations of the optimisation."""

BOND_RANGE = (0.6, 1.3)
"""Lengths of bonds as multiples of the sum of the covalent radii."""

MIN_CONTACT = 0.5
"""Smallest distance of atoms without a bond, as a multiple of the sum of the van der Waals radii."""

MIN_ION = 0.8
"""Smallest distance of a cation of one atom from a heavy atom, as a multiple of the sum of the covalent radii; gaseous
LiF has 0.85."""

MIN_ANGLE = 60.0
"""Smallest angle in degrees between bonds of one atom, unless the other two atoms share a bond too."""


MULTIPLE_RADII = {
    2.0: {6: 0.67, 7: 0.60, 8: 0.57, 14: 1.07, 15: 1.02, 16: 0.94, 17: 0.95, 34: 1.07, 35: 1.09, 52: 1.28, 53: 1.29},
    3.0: {6: 0.60, 7: 0.54, 8: 0.53, 14: 1.02, 15: 0.94, 16: 0.95},
}
"""Covalent radii in Å of elements in double and triple bonds.

Pyykkö and Atsumi, Chem. Eur. J. 15, 12770 (2009); Pyykkö, Riedel and Patzschke, Chem. Eur. J. 11, 3511 (2005).
"""

MAX_EXCESS = 0.12
"""Å by which a force field may have multiple bonds longer than these; P=S exceeds them by 0, C=N⁺ by 0.11."""

MAX_FAULT = 0.2
"""Å by which multiple bonds of a conformer may be longer than these without a word."""


class EmbeddingError(Exception):
    """RDKit embeds fewer conformers than wanted; the argument is their number."""


def make_conformers(mol: Mol, conformers: int, seed: int, seconds: float) -> str:
    """Give ``mol`` its conformers, and return the name of the force field that optimised them, or an empty text.

    Where ions come out with a hydrogen at a cation, or driven off, anions are put around the cations first.

    Args:
        mol: molecule with hydrogens.
        conformers: number of conformers.
        seed: seed of the embedding.
        seconds: time limit, looked at between the steps of the work.

    Raises:
        TimeoutError: the limit is over.
        EmbeddingError: RDKit embeds fewer conformers.
    """
    from rdkit import Chem

    deadline = time.monotonic() + seconds
    coordinated = mark_coordination(mol)
    if conformers > 1:
        _choose_stereoisomer(mol, seed, deadline)
    _embed(mol, conformers, seed, deadline)
    embedded = [np.array(conformer.GetPositions()) for conformer in mol.GetConformers()]
    _spread_fragments(mol)
    force_field = _optimise(mol, coordinated, deadline)
    fragments, charges = Chem.GetMolFrags(mol), [atom.GetFormalCharge() for atom in mol.GetAtoms()]
    pairs = ion_pairs(fragments, charges)
    results = [conformer.GetPositions() for conformer in mol.GetConformers()] if pairs else []
    if any(geometry_fault(mol, result) or driven_off(result, fragments) for result in results):
        for conformer, positions in zip(mol.GetConformers(), embedded, strict=True):
            for pair in pairs:
                surround(positions, pair, charges)
            conformer.SetPositions(positions)
        _spread_fragments(mol, pairs)
        force_field = _optimise(mol, coordinated, deadline)
    return force_field


def mark_coordination(mol: Mol) -> list[int]:
    """The atoms with five or six ligands and lone pairs, as VSEPR counts them.

    Where the ligands have one arrangement, it is set as RDKit's stereochemistry of the atom, which the embedding keeps
    to: trigonal bipyramidal (5), octahedral (6, or 5 with a lone pair) or square planar (4 with two lone pairs). In
    rings it is left to the embedding, because not every arrangement closes them.
    """
    from rdkit.Chem import ChiralType, HybridizationType

    shapes = {
        (HybridizationType.SP3D, 5): ChiralType.CHI_TRIGONALBIPYRAMIDAL,
        (HybridizationType.SP3D2, 6): ChiralType.CHI_OCTAHEDRAL,
        (HybridizationType.SP3D2, 5): ChiralType.CHI_OCTAHEDRAL,
        (HybridizationType.SP3D2, 4): ChiralType.CHI_SQUAREPLANAR,
    }
    found = []
    for atom in mol.GetAtoms():
        if atom.GetHybridization() in (HybridizationType.SP3D, HybridizationType.SP3D2) and atom.GetDegree() > 1:
            found.append(atom.GetIdx())
            shape = shapes.get((atom.GetHybridization(), atom.GetDegree()))
            free = not atom.IsInRing() and atom.GetChiralTag() == ChiralType.CHI_UNSPECIFIED
            if shape is not None and free:
                atom.SetChiralTag(shape)
                atom.SetUnsignedProp("_chiralPermutation", 1)
    return found


def _choose_stereoisomer(mol: Mol, seed: int, deadline: float) -> None:
    """Give what the SMILES leaves open, centres and double bonds, the configuration of the conformer of this seed.

    Else every conformer would have one of its own.
    """
    from rdkit import Chem
    from rdkit.Chem import StereoType

    wanted = (StereoType.Atom_Tetrahedral, StereoType.Bond_Double)
    found = [one for one in Chem.FindPotentialStereo(mol) if one.type in wanted]
    free = [one for one in found if one.specified == Chem.StereoSpecified.Unspecified]
    if not free:
        return
    embedded = Chem.Mol(mol)
    _embed(embedded, 1, seed, deadline)
    Chem.AssignStereochemistryFrom3D(embedded)
    for one in free:
        if one.type == StereoType.Atom_Tetrahedral:
            mol.GetAtomWithIdx(one.centeredOn).SetChiralTag(embedded.GetAtomWithIdx(one.centeredOn).GetChiralTag())
        elif list(embedded.GetBondWithIdx(one.centeredOn).GetStereoAtoms()):
            bond = embedded.GetBondWithIdx(one.centeredOn)
            mol.GetBondWithIdx(one.centeredOn).SetStereoAtoms(*bond.GetStereoAtoms())
            mol.GetBondWithIdx(one.centeredOn).SetStereo(bond.GetStereo())
    Chem.AssignStereochemistry(mol, cleanIt=False)


def geometry_fault(mol: Mol, pos: np.ndarray) -> str:
    """What no molecule has: a bond much too long or too short, or atoms without a bond that clash; or an empty text."""
    from rdkit.Chem import GetPeriodicTable
    from scipy.spatial import cKDTree

    table = GetPeriodicTable()
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    covalent = {number: table.GetRcovalent(number) for number in set(numbers)}
    contact = {number: table.GetRvdw(number) for number in set(numbers)}
    bonded: list[set[int]] = [set() for _ in numbers]
    cations = {atom.GetIdx() for atom in mol.GetAtoms() if not atom.GetDegree() and atom.GetFormalCharge() > 0}

    def pair(first: int, second: int) -> str:
        symbols = "–".join(table.GetElementSymbol(numbers[atom]) for atom in (first, second))
        return f"{symbols} {np.linalg.norm(pos[first] - pos[second]):.2f} Å for atoms {first} and {second}"

    for bond in mol.GetBonds():
        first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonded[first].add(second)
        bonded[second].add(first)
        ratio = math.dist(pos[first], pos[second]) / (covalent[numbers[first]] + covalent[numbers[second]])
        if not BOND_RANGE[0] <= ratio <= BOND_RANGE[1]:
            return f"the bond {pair(first, second)}"
    reach = 0.7 * 2 * max(contact.values())
    for first, second in cKDTree(pos).query_pairs(reach, output_type="ndarray").tolist():
        ratio = math.dist(pos[first], pos[second]) / (contact[numbers[first]] + contact[numbers[second]])
        if ratio > 0.7 or second in bonded[first]:
            continue
        if {first, second} & cations and min(numbers[first], numbers[second]) > 1:
            near = MIN_ION * (covalent[numbers[first]] + covalent[numbers[second]])
            if math.dist(pos[first], pos[second]) < near:
                return f"{pair(first, second)}, which have no bond"
            continue
        shared = bonded[first] & bonded[second]
        clash = all(_angle(pos, first, atom, second) < MIN_ANGLE for atom in shared) if shared else ratio < MIN_CONTACT
        if clash:
            return f"{pair(first, second)}, which have no bond"
    return ""


def lengthened_bond(mol: Mol, pos: np.ndarray) -> str:
    """A multiple bond that is much too long, with its length and the usual one; or an empty text."""
    for bond in mol.GetBonds():
        usual = _multiple_bond_length(bond)
        found = math.dist(*pos[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]])
        if usual and found > usual + MAX_FAULT:
            ends = f"{bond.GetBeginAtom().GetSymbol()}={bond.GetEndAtom().GetSymbol()}"
            return f"expected {ends} of about {usual:.2f} Å, got {found:.2f} Å"
    return ""


def _multiple_bond_length(bond: Any) -> float:
    """The sum of the radii of a double or triple bond in Å; 0 for others, and for elements without these radii.

    The bonds of chlorates and the like, which RDKit gives charges, are double bonds.
    """
    ends = bond.GetBeginAtom(), bond.GetEndAtom()
    is_of_oxoanion = any(atom.GetAtomicNum() in (17, 35, 53) and atom.GetFormalCharge() > 0 for atom in ends)
    radii = MULTIPLE_RADII.get(2.0 if is_of_oxoanion else bond.GetBondTypeAsDouble(), {})
    if is_of_oxoanion and all(atom.GetFormalCharge() >= 0 for atom in ends):
        return 0.0
    return (
        sum(radii[atom.GetAtomicNum()] for atom in ends) if all(atom.GetAtomicNum() in radii for atom in ends) else 0.0
    )


def _angle(pos: np.ndarray, first: int, centre: int, second: int) -> float:
    a, b = pos[first] - pos[centre], pos[second] - pos[centre]
    return math.degrees(math.acos(max(-1.0, min(1.0, float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))))


def _left(deadline: float) -> int:
    """Whole seconds until the deadline, rounded up.

    Raises:
        TimeoutError: it is over.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return math.ceil(left)


def _embed(mol: Mol, conformers: int, seed: int, deadline: float) -> None:
    """Embed fragment by fragment, as RDKit does, since its own limit is for each of them."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom

    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed + 1  # 0 would give every conformer the same start
    rows: list[tuple[int, ...]] = []
    fragments = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False, fragsMolAtomMapping=rows)
    if len(fragments) == 1:
        fragments = (mol,)
    with rdBase.BlockLogs():
        for random_start in (False, True):
            parameters.useRandomCoords = random_start
            embedded = conformers
            for fragment in fragments:
                parameters.timeout = _left(deadline)
                ids = rdDistGeom.EmbedMultipleConfs(fragment, conformers, parameters)
                embedded = min(embedded, sum(number >= 0 for number in ids))
                if embedded < conformers:
                    break
            else:
                break
        else:
            _left(deadline)
            raise EmbeddingError(embedded)
    if len(fragments) > 1:
        _join(mol, fragments, rows, conformers)


def _join(mol: Mol, fragments: tuple[Mol, ...], rows: list[tuple[int, ...]], conformers: int) -> None:
    """Give ``mol`` the conformers of its fragments."""
    from rdkit import Chem

    mol.RemoveAllConformers()
    found = [fragment.GetConformers() for fragment in fragments]
    for number in range(conformers):
        pos = np.empty((mol.GetNumAtoms(), 3))
        for atoms, own in zip(rows, found, strict=True):
            pos[list(atoms)] = own[number].GetPositions()
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.Set3D(True)
        conformer.SetPositions(pos)
        mol.AddConformer(conformer, assignId=True)


def _spread_fragments(mol: Mol, pairs: Sequence[Sequence[tuple[int, ...]]] = ()) -> None:
    """Place the fragments, and ions of ``pairs`` together, in a row along x; the embedding puts all at one place."""
    from rdkit import Chem

    paired = {rows for pair in pairs for rows in pair}
    fragments = [sum(pair, ()) for pair in pairs]
    fragments += [rows for rows in Chem.GetMolFrags(mol) if rows not in paired]
    if len(fragments) == 1 and not pairs:
        return
    for conformer in mol.GetConformers():
        positions = np.array(conformer.GetPositions())
        edge = 0.0
        for fragment in fragments:
            rows = list(fragment)
            positions[rows, 0] += edge - positions[rows, 0].min()
            edge = positions[rows, 0].max() + GAP
        conformer.SetPositions(positions)


def _optimise(mol: Mol, coordinated: list[int], deadline: float) -> str:
    """Optimise with MMFF94, or with UFF, which alone knows atoms with more than four ligands and all multiple bonds."""
    from rdkit import rdBase
    from rdkit.Chem import rdForceFieldHelpers as force_fields

    with rdBase.BlockLogs():
        failed = False
        known = not coordinated and force_fields.MMFFHasAllMoleculeParams(mol)
        properties = force_fields.MMFFGetMoleculeProperties(mol) if known else None
        if properties is not None and not _lengthens_multiple_bonds(mol, properties):
            name = "MMFF94"
        elif force_fields.UFFHasAllMoleculeParams(mol):
            name = "UFF"
        else:
            for atom in coordinated:
                _make_symmetric(mol, atom)
            return ""
        for conformer in mol.GetConformers():
            _left(deadline)
            options: dict[str, Any] = {"confId": conformer.GetId(), "ignoreInterfragInteractions": False}
            embedded = np.array(conformer.GetPositions())
            if name == "MMFF94":
                field = force_fields.MMFFGetMoleculeForceField(mol, properties, **options)
            else:
                field = force_fields.UFFGetMoleculeForceField(mol, **options)
            field.Initialize()
            field.Minimize(maxIts=MAX_ITERATIONS)
            if coordinated and geometry_fault(mol, conformer.GetPositions()):
                conformer.SetPositions(embedded)
                failed = True
    return "" if failed else name


def _lengthens_multiple_bonds(mol: Mol, properties: Any) -> bool:
    """Whether MMFF94 takes a multiple bond for a single one.

    RDKit estimates the lengths of bonds that MMFF94 has no parameters for: N2 has 1.46 Å, C=O of CO2 1.41 Å and C=S of
    isothiocyanates 1.80 Å.
    """
    for bond in mol.GetBonds():
        if usual := _multiple_bond_length(bond):
            found = properties.GetMMFFBondStretchParams(mol, bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
            if found is not None and found[2] > usual + MAX_EXCESS:
                return True
    return False


def _make_symmetric(mol: Mol, centre: int) -> None:
    """Put the ligands of an atom in their ideal directions, at the sums of the covalent radii, if all are terminal."""
    from rdkit.Chem import ChiralType, GetPeriodicTable

    sine = math.sqrt(0.75)
    directions: dict[tuple[Any, int], list[tuple[float, float, float]]] = {
        (ChiralType.CHI_TRIGONALBIPYRAMIDAL, 5): [
            (0, 0, 1), (1, 0, 0), (-0.5, sine, 0), (-0.5, -sine, 0), (0, 0, -1),
        ],
        (ChiralType.CHI_OCTAHEDRAL, 6): [(0, 0, 1), (1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1)],
        (ChiralType.CHI_SQUAREPLANAR, 4): [(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)],
    }  # fmt: skip
    atom = mol.GetAtomWithIdx(centre)
    ligands = atom.GetNeighbors()
    ideal = directions.get((atom.GetChiralTag(), len(ligands)))
    if ideal is None or any(ligand.GetDegree() > 1 for ligand in ligands):
        return
    radius = GetPeriodicTable().GetRcovalent
    for conformer in mol.GetConformers():
        pos = np.array(conformer.GetPositions())
        for ligand, direction in zip(ligands, ideal, strict=True):
            length = radius(atom.GetAtomicNum()) + radius(ligand.GetAtomicNum())
            pos[ligand.GetIdx()] = pos[centre] + length * np.array(direction)
        conformer.SetPositions(pos)


def _main() -> None:
    """Make the conformers of a request in JSON, and answer in JSON."""
    from rdkit import Chem

    request = json.load(sys.stdin)
    mol = Chem.AddHs(Chem.MolFromSmiles(request.pop("smiles")))
    answer: dict[str, object] = {}
    try:
        answer["force_field"] = make_conformers(mol, **request)
        answer["positions"] = [conformer.GetPositions().tolist() for conformer in mol.GetConformers()]
    except EmbeddingError as error:
        answer["embedded"] = error.args[0]
    except TimeoutError:
        answer["timeout"] = True
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _main()
