"""An initial guess of atomic positions from their structure factors, by learned rounds."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tg_molfield.nn.ops.ball import ball_points
from tg_molfield.nn.ops.short_products import phases
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.precision import full_precision

_BANDS = 3
_LONGEST_MOVE = 2.0
_RADII = 8
_RANGE = 7.0


class InitialGuess(nn.Module):
    """Positions of atoms of known elements from the structure factors that they should add up to.

    The atoms start in the ellipsoid with the molecule's second moments. In each round every atom sees the residual of
    the structure factors at its position and for its element, by bands of wavelength and with its gradient; it attends
    to the others by distance and moves, at most 2 Å. The rounds are those of a sparse recovery with learned steps
    (LISTA, Gregor & LeCun 2010); they need to come within about half the shortest wavelength, `fit_positions` does the
    rest.

    Args:
        transform: from atoms to structure factors.
        width: features per atom.
        num_rounds: the number of rounds.
        num_heads: of the attention; divides ``width``.

    Raises:
        ValueError: it does not.
    """

    def __init__(self, transform: StructureFactors, width: int = 48, num_rounds: int = 6, num_heads: int = 4) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f"width: expected a multiple of {num_heads} heads, got {width}; change one of them")
        num_kinds, num_waves = len(transform.elements), transform.num_waves
        self.kind = nn.Embedding(num_kinds, width)
        self.start = nn.Linear(3, width)
        self.whole = nn.Sequential(
            nn.Linear(num_kinds + 6 + 2 * num_waves, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )
        self.rounds = nn.ModuleList(_Round(width, num_kinds, num_heads) for _ in range(num_rounds))

    @torch.no_grad()
    def lengthen(self, kept: Tensor, num_waves: int) -> None:
        """Read codes with more wave vectors, ``num_waves``, of which those ``kept`` were there before.

        The atoms see the residual of all; the features of the whole molecule stay those of the wave vectors kept.
        """
        first = self.whole[0]
        assert isinstance(first, nn.Linear)
        start = first.in_features - 2 * len(kept)
        weight = first.weight.new_zeros(first.out_features, start + 2 * num_waves)
        places = torch.cat([torch.arange(start, device=kept.device), start + kept, start + num_waves + kept])
        weight[:, places] = first.weight
        first.in_features = weight.size(1)
        first.weight = nn.Parameter(weight, first.weight.requires_grad)

    def forward(
        self, transform: StructureFactors, code: Tensor, kinds: Tensor, mask: Tensor, start: Tensor | None = None
    ) -> list[Tensor]:
        """The positions ``[B, n, 3]`` after each round.

        Args:
            transform: as at construction.
            code: ``[B, size]``, its output; more columns are ignored.
            kinds: ``[B, n]`` int64.
            mask: ``[B, n]`` bool.
            start: ``[B, n, 3]`` to begin from; points spread over the ellipsoid if None.
        """
        counts, moments, factors = transform.split(code)
        number = mask.sum(1, keepdim=True).clamp(min=1)
        pos = starting_points(moments / number, mask) if start is None else start
        spread = torch.cat([moments[:, :3] / number, moments[:, 3:] / number], 1)
        whole = self.whole(torch.cat([counts / 5, spread / 5, factors / 5], dim=1))
        x = self.kind(kinds) + self.start(pos) + whole.unsqueeze(1)
        reading = _Reading(transform, factors, kinds, mask)
        found = []
        for layer in self.rounds:
            pos = pos.detach()
            seen, pull = reading.at(pos)
            seen = torch.cat([seen, spread[:, None, :3].expand(-1, pos.size(1), -1)], dim=2)
            x, move = layer(x, seen, pull, pos, mask)
            pos = pos + move / (1 + move.square().sum(2, keepdim=True) / _LONGEST_MOVE**2).sqrt()
            found.append(pos)
        return found


@full_precision
def starting_points(moments: Tensor, mask: Tensor) -> Tensor:
    """``[B, n, 3]`` points spread over the ellipsoid with second ``moments [B, 6]`` (xx, yy, zz, xy, yz, zx)."""
    xx, yy, zz, xy, yz, zx = moments.unbind(1)
    matrix = torch.stack([xx, xy, zx, xy, yy, yz, zx, yz, zz], dim=1).view(-1, 3, 3)
    length, axes = torch.linalg.eigh(matrix)
    root = axes @ torch.diag_embed(length.clamp(min=1e-4).sqrt()) @ axes.transpose(1, 2)
    counts, row = mask.sum(1).unique(return_inverse=True)
    balls = [ball_points(count, 5**0.5) for count in counts.tolist()]
    points = pad_sequence([torch.zeros(mask.size(1), 3, dtype=torch.float64), *balls], batch_first=True)[1:]
    return points.to(moments)[row] @ root


class _Reading:
    """What atoms of B molecules see of the structure factors at guessed positions.

    An atom of the right element in the right place contributes e^{iφ} to the structure factors R, with the phase φ of
    that place and element. So the real part of e^{-iφ} R says how much of an atom is missing there, and the imaginary
    part, times the wave vector, where to go. Both are linear in cos φ and sin φ, with the columns below.
    """

    @full_precision
    def __init__(self, transform: StructureFactors, factors: Tensor, kinds: Tensor, mask: Tensor) -> None:
        count = transform.num_waves
        self.vectors, self.factors, self.mask = transform.wave_vectors, factors, mask.unsqueeze(1).to(factors)
        cos, sin = transform.phases.cos(), transform.phases.sin()
        self.cos, self.sin = cos[kinds], sin[kinds]
        self.kind_cos, self.kind_sin = cos.T / count, sin.T / count
        edges = [count * band // _BANDS for band in range(_BANDS + 1)]
        self.bands = factors.new_zeros(count, _BANDS)
        for band, (a, b) in enumerate(pairwise(edges)):
            self.bands[a:b, band] = 1 / max(b - a, 1)
        self.band_vectors = (self.bands.unsqueeze(2) * self.vectors.T.unsqueeze(1)).flatten(1)
        self.seen_by_kind = self._by_kind(factors)
        self.whole_pull = _imaginary(factors, self.vectors.T / count)

    @torch.no_grad()
    @full_precision
    def at(self, pos: Tensor) -> tuple[Tensor, Tensor]:
        """What each atom sees ``[B, n, F]``, and the gradients ``[B, n, bands, 3]`` of the residual for its element."""
        phase = phases(pos, self.vectors)
        place, own = (phase.new_empty(*phase.shape[:2], 2 * phase.size(2)) for _ in range(2))
        cos, sin = place.chunk(2, dim=2)
        torch.cos(phase, out=cos)
        torch.sin(phase, out=sin)
        own_cos, own_sin = own.chunk(2, dim=2)
        torch.mul(cos, self.cos, out=own_cos).addcmul_(sin, self.sin, value=-1)
        torch.mul(sin, self.cos, out=own_sin).addcmul_(cos, self.sin)
        rest = self.factors - (self.mask @ own).squeeze(1)
        by_band = own @ torch.cat([_real(rest, self.bands), _imaginary(rest, self.band_vectors)], dim=2)
        by_kind = place @ torch.cat([self._by_kind(rest), self.seen_by_kind], dim=2)
        seen = torch.cat([by_band, by_kind, own @ self.whole_pull, pos / 5], dim=2)
        return seen, by_band[..., _BANDS:].unflatten(2, (_BANDS, 3))

    def _by_kind(self, factors: Tensor) -> Tensor:
        """Columns ``[B, 2 W, T]``: the mean real part for an atom of each of T elements."""
        cos, sin = factors.unsqueeze(2).chunk(2, dim=1)
        ahead = cos * self.kind_cos + sin * self.kind_sin
        return torch.cat([ahead, sin * self.kind_cos - cos * self.kind_sin], dim=1)


def _real(factors: Tensor, weights: Tensor) -> Tensor:
    """Columns ``[B, 2 W, K]``: the real parts of e^{-iφ} R, with R ``[B, 2 W]``, summed with ``weights [W, K]``."""
    cos, sin = factors.unsqueeze(2).chunk(2, dim=1)
    return torch.cat([cos * weights, sin * weights], dim=1)


def _imaginary(factors: Tensor, weights: Tensor) -> Tensor:
    """The same for the imaginary parts."""
    cos, sin = factors.unsqueeze(2).chunk(2, dim=1)
    return torch.cat([sin * weights, -cos * weights], dim=1)


class _Round(nn.Module):
    def __init__(self, width: int, num_kinds: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        seen = 4 * _BANDS + 2 * num_kinds + 9
        self.reading = nn.Sequential(nn.Linear(width + seen, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.norm = nn.LayerNorm(width)
        self.queries = nn.Linear(width, 3 * width)
        self.distance = nn.Linear(_RADII, num_heads)
        size = 2 * width + 3 * num_heads
        self.mixing = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 + _BANDS + num_heads)
        )

    def forward(self, x: Tensor, seen: Tensor, pull: Tensor, pos: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """New features ``[B, n, width]`` and moves ``[B, n, 3]``."""
        x = x + self.reading(torch.cat([x, seen], dim=2))
        query, key, value = self.queries(self.norm(x)).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        length = _distances(pos)
        centers = torch.linspace(0, _RANGE, _RADII, dtype=pos.dtype, device=pos.device)
        radial = torch.exp(-(length.unsqueeze(3) - centers).square())
        logits = query @ key.transpose(2, 3) / query.size(3) ** 0.5 + self.distance(radial).permute(0, 3, 1, 2)
        share = logits.masked_fill(~mask[:, None, None, :], -1e4).softmax(dim=3)
        message = (share @ value).transpose(1, 2).flatten(2)
        pulled = share / (length + 0.3).unsqueeze(1)
        away = _away(pulled, pos).transpose(1, 2)
        x = x + self.mixing(torch.cat([x, message, away.flatten(2)], dim=2))
        move, along, aside = self.head(x).split([3, _BANDS, self.num_heads], dim=2)
        return x, move + (along.unsqueeze(3) * pull).sum(2) + (aside.unsqueeze(3) * away).sum(2)


@full_precision
def _away(pulled: Tensor, pos: Tensor) -> Tensor:
    """``[B, heads, n, 3]``: the ways from the atoms ``pos [B, n, 3]``, summed with weights ``[B, heads, n, n]``."""
    place = pos.unsqueeze(1)
    return pulled.sum(3, keepdim=True) * place - pulled @ place


def _distances(pos: Tensor) -> Tensor:
    """``[B, n, n]`` Å between ``pos [B, n, 3]``, smooth where they vanish."""
    square = torch.full((), 1e-4, dtype=pos.dtype, device=pos.device)
    for along in pos.unbind(2):
        square = square + (along.unsqueeze(2) - along.unsqueeze(1)).square()
    return square.sqrt()
