"""Method ``"learned"``: the linear answer, corrected by a network trained on proteins."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.fields import Grid, MolField, Volume
from tg_molfield.inverse.lattice import Lattice, local_steps
from tg_molfield.inverse.superres.checks import check_volume
from tg_molfield.inverse.superres.kriging_weights import kriging_weights
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.methods.kriging import krige, krige_as
from tg_molfield.inverse.superres.prior.inputs import Known
from tg_molfield.inverse.superres.prior.prior import corrected
from tg_molfield.inverse.superres.prior.triples import Triple, take, triples
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress, Solution, no_functions, volume_in_double
from tg_molfield.inverse.superres.widths import resolve_widths

_FINE_WIDTH = 1.2
"""Of the functions that interpolate the correction on the fine lattice, in its steps."""
_FINE_NOISE = 1e-6


def learned(
    volume: Volume,
    progress: Progress,
    max_bytes: int | None,
    *,
    widths: MolField | None = None,
) -> Solution:
    """Kriging, and a correction between the nodes by a network trained on proteins; exact at the nodes.

    The network sees the samples of carbon, nitrogen and all atoms of a part, and corrects these channels; the others
    are kriged. It knows fields of ``MolField.preset("mnf", beta=0.25)`` with nodes 1.5 to 4.6 Å apart.

    Args:
        volume: the samples, on a cubic grid that is not periodic.
        progress: see `superresolve`.
        max_bytes: see `superresolve`.
        widths: the definition of the field; ``volume.mol_field`` if not given.

    Raises:
        ValueError: the network knows no such channels, widths, spacing or grid.
    """
    check_volume(volume, max_bytes)
    exact, definition = volume_in_double(volume), definition_of(volume, widths)
    known = () if definition is None else resolve_widths(volume.channels, definition)
    found, needed = triples(exact, definition, known)
    if not found:
        raise ValueError(f"volume: expected {needed} for method='learned', got others; choose method='kriging'")
    kriged = krige(exact.values, exact, progress=lambda text, share: progress(text, 0.3 * share))
    correction = Correction(exact, kriged)
    for number, triple in enumerate(found):
        correction.add(triple)
        progress(f"{', '.join(volume.channels[c] for c in triple)}: corrected", 0.3 + 0.7 * (number + 1) / len(found))
    lattices = [correction.exact_nodes(), correction.fine()]
    parameters = sum(lattice.num_parameters for lattice in lattices)
    return Solution(no_functions(exact), lattices, parameters, [ChannelFit()] * len(volume.channels))


def definition_of(volume: Volume, widths: object) -> MolField | None:
    """The definition of a field, from the argument ``widths`` or the volume."""
    given = volume.mol_field if widths is None else widths
    return given if isinstance(given, MolField) else None


class Correction:
    """What the network adds to a kriged field, channel by channel.

    Args:
        volume: the samples.
        kriged: the field kriged from them.
    """

    def __init__(self, volume: Volume, kriged: LatticeField) -> None:
        self._volume, self._kriged = volume, kriged
        self._weights: Tensor | None = None
        self._grid = volume.grid
        self.finer: dict[int, Lattice] = {}
        """The corrected channels of carbon and nitrogen on the fine lattice."""

    def add(
        self,
        triple: Triple,
        known: tuple[Known | None, Known | None] = (None, None),
        left_out: tuple[int, int, int] | None = None,
    ) -> None:
        """Correct three channels; those of known functions are left as they are."""
        volume, steps = self._volume, local_steps(self._volume.grid)
        values, lines = corrected(take(volume.values, triple), steps, known, left_out)
        self._grid = _fine_grid(volume.grid, lines)
        spacings = torch.stack([line[1] - line[0] for line in lines])
        self.finer |= {c: Lattice.orthogonal(values[place], spacings) for place, c in enumerate(triple[:2])}
        names = tuple(volume.channels[c] for c in triple)
        added = values - self._kriged[names].on(self._grid).values
        for c, functions in enumerate(known):
            if functions is not None:
                added[c] = 0
        spacing = lines[0][1] - lines[0][0]
        weights = kriging_weights(added, spacing.expand(3), _FINE_WIDTH * float(spacing), _FINE_NOISE)
        if self._weights is None:
            self._weights = torch.zeros(len(volume.channels), *weights.shape[1:], dtype=torch.float64)
        self._weights[torch.tensor(triple)] = weights

    def fine(self) -> LatticeField:
        """The correction."""
        channels = self._volume.channels
        weights = self._weights
        if weights is None:
            weights = torch.zeros(len(channels), *self._grid.shape, dtype=torch.float64)
        width = _FINE_WIDTH * float(local_steps(self._grid)[0])
        return LatticeField(weights, self._grid, (width,) * len(channels), channels)

    def exact_nodes(self) -> LatticeField:
        """The kriged field, less what the correction is at the nodes."""
        return krige_as(self._kriged, self._volume.values - self.fine().on(self._volume.grid).values, self._volume)


def _fine_grid(grid: Grid, lines: list[Tensor]) -> Grid:
    """The grid of the fine lattice in the coordinates of the samples' grid."""
    directions = grid.axes_tensor() / local_steps(grid)[:, None]
    spacings = torch.stack([line[1] - line[0] for line in lines])
    x, y, z = (tuple(axis) for axis in (directions * spacings[:, None]).tolist())
    return Grid(grid.origin, (x, y, z), (len(lines[0]), len(lines[1]), len(lines[2])))
