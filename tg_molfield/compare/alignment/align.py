"""`align`, `align_many` and `score_in_place`: molecules and fields laid on each other, and scored."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import check_callable, check_choice, check_flag, check_kind
from tg_molfield.compare.alignment.pairs import align_pairs
from tg_molfield.compare.alignment.result import Alignment, Alignments
from tg_molfield.compare.alignment.search import BLURS, PLANS, Found
from tg_molfield.compare.alignment.sides import check_alignable, side_of
from tg_molfield.compare.metrics import Metric
from tg_molfield.compare.molecules import Molecules, fields_to_compare, listed
from tg_molfield.compare.overlap import overlap, self_overlap
from tg_molfield.compare.scoring import By
from tg_molfield.devices import brought_to
from tg_molfield.fields import Field
from tg_molfield.precision import full_precision_on_host


def align(
    mobile: Data | Field,
    fixed: Data | Field,
    by: By | None = None,
    *,
    metric: str | Metric = "tanimoto",
    search: str = "normal",
) -> Alignment:
    """Lay one molecule on another, rigidly, so that their fields are most alike.

    The result does not depend on where the molecules are: searches start from their principal axes, laid on each other
    in several ways, first between blurred fields, and the best pose is carried to the maximum by Newton's method with
    exact derivatives.

    Args:
        mobile: the molecule to move, or its field.
        fixed: the molecule that stays, or its field.
        by: what is compared, see `Scoring.of`: ``"shape"`` (the default), ``("shape", "color")``, a `MolField`, …
            Fields are compared as they are. Where both are 0 everywhere, as colour is without features, they are equal.
        metric: the measure of likeness.
        search: how thorough it is: ``"fast"`` ends in a lesser maximum more often than ``"normal"``, and that more
            often than ``"thorough"``.

    Returns:
        The score, the rotation and translation, and the moved molecule.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a molecule lacks what is compared, or is periodic.
    """
    for name, value in (("mobile", mobile), ("fixed", fixed)):
        _check_one(name, value)
    return align_many(mobile, fixed, by, metric=metric, search=search)[0, 0]


@full_precision_on_host
def align_many(
    mobiles: Molecules,
    fixeds: Molecules | None = None,
    by: By | None = None,
    *,
    metric: str | Metric = "tanimoto",
    search: str = "normal",
    paired: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Alignments:
    """Lay each of A molecules on each of B, as `align` does, in batches.

    Conformers are molecules of their own here; ``best()`` of the result tells which is most alike.

    Args:
        mobiles: the molecules to move, as a list or a PyG batch, or a batch of fields.
        fixeds: the molecules that stay; if not given, the mobile ones, and each pair is aligned once.
        by: what is compared, as for `align`.
        metric: the measure of likeness.
        search: how thorough it is, as for `align`.
        paired: align the i-th with the i-th only.
        progress: called with the pairs done and the pairs in all.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: as for `align`; or ``paired`` with different numbers of molecules.
    """
    check_choice("search", search, PLANS)
    check_flag(paired=paired)
    check_callable("progress", progress)
    given = {"mobiles": mobiles} if fixeds is None else {"mobiles": mobiles, "fixeds": fixeds}
    fields, measure = fields_to_compare(given, by, metric)
    check_alignable(fields[0], fields[-1])
    atoms = [[data.pos for data in listed(name, one)] for name, one in given.items()]
    sides = [side_of(some, pos, BLURS) for some, pos in zip(fields, atoms, strict=True)]
    counts = (len(sides[0]), len(sides[-1]))
    rows, columns = _pairs(*counts, paired, same=fixeds is None)
    found = align_pairs(sides[0], sides[-1], rows, columns, measure, PLANS[search], progress)
    if not paired:
        found = _table(found, rows, columns, counts, same=fixeds is None)
    return _alignments(found, measure.names, mobiles)


@full_precision_on_host
def score_in_place(
    mobiles: Molecules, fixeds: Molecules, by: By | None = None, *, metric: str | Metric = "tanimoto"
) -> Alignments:
    """The scores [A, B] of molecules where they are, such as docked poses beside a known ligand; nothing is moved.

    Args:
        mobiles: A molecules or fields.
        fixeds: B molecules or fields.
        by: what is compared, as for `align`.
        metric: the measure of likeness.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a molecule lacks what is compared, or is periodic.
    """
    (mine, theirs), measure = fields_to_compare({"mobiles": mobiles, "fixeds": fixeds}, by, metric)
    likeness = []
    for f, g in zip(mine, theirs, strict=True):
        own = self_overlap(f).sum(1)[:, None], self_overlap(g).sum(1)[None]
        likeness.append(measure.metric(overlap(f, g).sum(2), *own))
    by_term = torch.stack(likeness, -1)
    score = by_term @ by_term.new_tensor(measure.weights)
    rotation = torch.eye(3, dtype=score.dtype, device=score.device).expand(*score.shape, 3, 3)
    translation = score.new_zeros(*score.shape, 3)
    return _alignments(Found(score, by_term, rotation, translation), measure.names, mobiles)


def _alignments(found: Found, names: tuple[str, ...], mobiles: Molecules) -> Alignments:
    """What was found, where the mobile molecules are."""
    molecules = listed("mobiles", mobiles)
    device = mobiles.device if isinstance(mobiles, Field) else molecules[0].pos.device
    score, by_term, rotation, translation = (brought_to(one, device) for one in found)
    return Alignments(score, by_term, names, rotation, translation, molecules)


def _check_one(name: str, value: Data | Field) -> None:
    if isinstance(value, Field):
        number = value.num_graphs
    else:
        check_kind(name, value, Data, "a Data or an RBFField", "give one molecule, or use align_many")
        number = value.num_graphs if isinstance(value, Batch) else 1
    if number != 1:
        raise ValueError(f"{name}: expected one molecule, got {number}; use align_many for several")


def _pairs(count: int, others: int, paired: bool, same: bool) -> tuple[Tensor, Tensor]:
    """Which mobile molecule is laid on which fixed one."""
    if paired:
        if count != others:
            raise ValueError(
                f"paired: expected as many fixed as mobile molecules, got {others} and {count}; leave it out"
            )
        return torch.arange(count), torch.arange(count)
    if same:
        upper = torch.triu_indices(count, count)
        return upper[0], upper[1]
    rows = torch.arange(count).repeat_interleave(others)
    return rows, torch.arange(others).repeat(count)


def _table(found: Found, rows: Tensor, columns: Tensor, counts: tuple[int, int], same: bool) -> Found:
    """Results of pairs as tables [A, B]; each pair of one set also the other way round."""
    tables = [one.new_zeros(*counts, *one.shape[1:]) for one in found]
    for table, one in zip(tables, found, strict=True):
        table[rows, columns] = one
    if same:
        back = found.rotation.transpose(1, 2)
        shift = -(back @ found.translation[..., None])[..., 0]
        for table, one in zip(tables, (found.score, found.by_term, back, shift), strict=True):
            table[columns, rows] = one
    return Found(*tables)
