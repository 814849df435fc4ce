"""Canonical frames: axes that rotate with a molecule, found from its atoms alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch_geometric.utils import degree, scatter

from tg_molfield.chem.rotations import check_rotations, random_rotations, rotations_of_quaternions
from tg_molfield.chem.validation import check_tensor
from tg_molfield.devices import in_widest_type, widest_type
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.members import members_of
from tg_molfield.nn.ops.pieces import runs_of
from tg_molfield.precision import full_precision
from tg_molfield.random_draws import normal

POINT = 1e-8
"""Å²; a molecule whose largest second moment is smaller is a point."""
LINE = 1e-6
"""A molecule whose second moments but one are below this share of the largest is linear."""
GAP = 1e-2
"""Second moments closer than this share of the largest are degenerate."""
SAME = 1e-4
"""Distances that differ by less than this share are equal."""
TIE = 1e-3
"""Frames whose descriptors differ by less are tied; their weight falls linearly from `EQUAL` to 0 here."""
EQUAL = TIE / 4
"""Frames whose descriptors differ by less weigh the same, so that rounding in float32 does not matter."""
_WAVES = 8
_PAIRS_AT_ONCE = 2**18


@full_precision
def canonical_pose(z: Tensor, pos: Tensor, batch: Tensor, num_graphs: int, properties: Tensor | None = None) -> Pose:
    """Origins and frames that depend on the molecules alone, exactly equivariant under proper rigid motions.

    The origin is the mean position (unweighted, as in arXiv 2502.10848). Candidate axes are the principal axes of the
    second moments in their four proper sign choices; degenerate axes are fixed by the atoms farthest from the origin,
    then from the first axis. The candidate with the largest value of a generic descriptor of local coordinates,
    elements and properties is chosen, together with all that tie with it: they differ by a symmetry of the molecule.
    Mirror images have different local coordinates.

    A property that differs between equivalent atoms breaks the symmetry. Properties enter the descriptor linearly where
    they are small and by their logarithm where they are large; differences below about `EQUAL` break no symmetry, and
    those above about `TIE` break it completely.

    Args:
        z: ``[N]`` atomic numbers.
        pos: ``[N, 3]`` Å, finite.
        batch: ``[N]`` int64, sorted; every molecule has at least one atom.
        num_graphs: the number of molecules.
        properties: ``[N, P]`` finite invariant numbers of the atoms, where the molecule is more than elements and
            positions.

    Returns:
        The pose in float64, on devices without it in float32; the origin is differentiable in ``pos``, the frames are
        constants.
    """
    pos = in_widest_type(pos)
    origin = scatter(pos, batch, dim=0, dim_size=num_graphs, reduce="mean")
    r = (pos - origin[batch]).detach()
    if r.dtype != torch.float64:  # equivalent frames need its digits: they are found on the host
        z, batch, properties = z.cpu(), batch.cpu(), None if properties is None else properties.cpu()
    with torch.no_grad():
        frames, weights, rank = _frames(z, r.to(z.device).double(), batch, num_graphs, properties)
    return Pose(origin, frames.to(pos), weights.to(pos), rank.to(pos.device))


@full_precision
def random_pose(pos: Tensor, batch: Tensor, num_graphs: int, seeds: Tensor | None = None) -> Pose:
    """The same origins with uniformly random frames, in float64.

    They are functions of the ``seeds`` [B] int64 where given, else they come from torch's global generator.
    """
    if seeds is None:
        frames = random_rotations(num_graphs, pos.device)
    else:
        frames = rotations_of_quaternions(normalize(normal(seeds.to(pos.device), 4, "normal frame"), dim=1))
    return _pose_of(pos, batch, frames)


@full_precision
def given_pose(pos: Tensor, batch: Tensor, num_graphs: int, frames: Tensor) -> Pose:
    """The same origins with given frames ``[B, 3, 3]``, in float64.

    Raises:
        ValueError: they are not as many proper rotations.
    """
    check_tensor("frames", frames)
    if frames.shape != (num_graphs, 3, 3):
        raise ValueError(
            f"frames: expected shape [{num_graphs}, 3, 3], got {list(frames.shape)}; give one to each molecule"
        )
    frames = frames.detach().to(device=pos.device, dtype=widest_type(pos.device))
    check_rotations("frames", frames, "proper rotations with axes as rows", "give latent.frame")
    return _pose_of(pos, batch, frames)


def _pose_of(pos: Tensor, batch: Tensor, frames: Tensor) -> Pose:
    pos = in_widest_type(pos)
    origin = scatter(pos, batch, dim=0, dim_size=len(frames), reduce="mean")
    weights = torch.ones(len(frames), 1, dtype=pos.dtype, device=pos.device)
    return Pose(origin, frames.unsqueeze(1), weights, torch.full((len(frames),), 3, device=pos.device))


def _frames(
    z: Tensor, r: Tensor, batch: Tensor, num_graphs: int, properties: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    count = degree(batch, num_graphs, dtype=torch.int64)
    outer = (r.unsqueeze(2) * r.unsqueeze(1)).reshape(-1, 9)
    moment, axes = torch.linalg.eigh(scatter(outer, batch, dim=0, dim_size=num_graphs, reduce="mean").view(-1, 3, 3))
    low, middle, high = moment.unbind(1)
    axes = axes.transpose(1, 2)
    point = high <= POINT
    line = (middle <= LINE * high) & ~point
    long = high - middle >= GAP * high
    flat = middle - low >= GAP * high
    known = line | point | (long & flat)
    round_ = ~long & ~flat & ~known
    axial = ~known & ~round_

    graph = torch.arange(num_graphs, device=r.device)
    first = torch.where((long | point).unsqueeze(1), axes[:, 2], axes[:, 0])
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=r.dtype, device=r.device)
    keep = torch.ones(num_graphs, 4, dtype=torch.bool, device=r.device)
    keep[line, 1::2] = False
    keep[point, 1:] = False
    chosen, sign = (keep & known.unsqueeze(1)).nonzero(as_tuple=True)
    owner = [chosen]
    one, two = [first[chosen] * signs[sign, :1]], [axes[chosen, 1] * signs[sign, 1:]]

    if not bool(known.all()):
        farthest = _largest(r.square().sum(1), batch, num_graphs)
        far = farthest[round_[batch[farthest]]]
        axis_owner = torch.cat([graph[axial], graph[axial], batch[far]])
        axis = torch.cat([first[axial], -first[axial], torch.nn.functional.normalize(r[far], dim=1)])
        row, atom = members_of(axis_owner, count)
        across = r[atom] - (r[atom] * axis[row]).sum(1, keepdim=True) * axis[row]
        far = _largest(across.square().sum(1), row, axis.size(0))
        height = (r[atom] * axis[row]).sum(1)[far]
        far = far[_highest(height, row[far], axis.size(0))]
        owner.append(axis_owner[row[far]])
        one.append(axis[row[far]])
        two.append(torch.nn.functional.normalize(across[far], dim=1))

    e1, e2 = torch.cat(one), torch.cat(two)
    frames = torch.stack([e1, e2, torch.linalg.cross(e1, e2)], dim=1)
    rank = torch.where(point, 0, torch.where(line, 1, 3))
    return (*_select(_marks(z, properties), r, rank, frames, torch.cat(owner), count), rank)


def _marks(z: Tensor, properties: Tensor | None) -> Tensor:
    """What distinguishes atoms besides their positions, ``[N, 1 + P]`` of order 1: the element, then each property."""
    element = 1 + torch.frac(z.double() * 0.6180339887498949).unsqueeze(1)
    return element if properties is None else torch.cat([element, properties.double().asinh()], dim=1)


def _largest(square: Tensor, row: Tensor, num_rows: int) -> Tensor:
    """The entries whose squared distance is the largest of their row, within rounding."""
    largest = scatter(square, row, dim=0, dim_size=num_rows, reduce="max")
    return (square >= (1 - SAME) ** 2 * largest[row]).nonzero()[:, 0]


def _highest(height: Tensor, row: Tensor, num_rows: int) -> Tensor:
    """The entries whose height in Å is the largest of their row, within rounding."""
    highest = scatter(height, row, dim=0, dim_size=num_rows, reduce="max")
    return (height >= highest[row] - SAME).nonzero()[:, 0]


def _select(
    marks: Tensor, r: Tensor, rank: Tensor, frames: Tensor, owner: Tensor, count: Tensor
) -> tuple[Tensor, Tensor]:
    """The best frames of each molecule, padded: ``[B, M, 3, 3]`` and their weights ``[B, M]``.

    Each column of ``marks`` has wave vectors and descriptor entries of its own, so that none hides another.
    """
    num_graphs = count.size(0)
    runs = runs_of(count[owner], _PAIRS_AT_ONCE)
    descriptor = torch.cat([_described(marks, r, rank, frames[some], owner[some], count) for some in runs])

    order = descriptor[:, ::_WAVES].sum(1).argsort(descending=True, stable=True)
    order = order[owner[order].argsort(stable=True)]
    owner, frames, descriptor = owner[order], frames[order], descriptor[order]
    size = degree(owner, num_graphs, dtype=torch.int64)
    best = size.cumsum(0) - size
    gap = (descriptor - descriptor[best][owner]).abs().amax(1)
    tied = (gap < TIE).nonzero()[:, 0]
    owner, frames, weight = owner[tied], frames[tied], ((TIE - gap[tied]) / (TIE - EQUAL)).clamp(max=1)
    size = degree(owner, num_graphs, dtype=torch.int64)
    within = torch.arange(owner.size(0), device=owner.device) - (size.cumsum(0) - size)[owner]
    padded = torch.eye(3, dtype=r.dtype, device=r.device).repeat(num_graphs, int(size.max()), 1, 1)
    padded[owner, within] = frames
    weights = r.new_zeros(num_graphs, int(size.max()))
    weights[owner, within] = weight
    return padded, weights / weights.sum(1, keepdim=True)


def _described(marks: Tensor, r: Tensor, rank: Tensor, frames: Tensor, owner: Tensor, count: Tensor) -> Tensor:
    """A generic descriptor of the atoms in each frame, ``[R, (1 + P) · W]``."""
    row, atom = members_of(owner, count)
    local = torch.einsum("pij,pj->pi", frames[row], r[atom])
    local = local * (torch.arange(3, device=r.device) < rank[owner[row]].unsqueeze(1))
    parts = []
    for place, mark in enumerate(marks[atom].unbind(1)):
        step = torch.arange(1, 4 * _WAVES + 1, dtype=r.dtype, device=r.device) + 4 * _WAVES * place
        waves = step.mul(12.9898).sin().view(4, _WAVES)
        value = torch.sin(local @ waves[:3] + 3 * waves[3]) * mark.unsqueeze(1)
        parts.append(scatter(value, row, dim=0, dim_size=owner.size(0), reduce="sum"))
    return torch.cat(parts, dim=1)
