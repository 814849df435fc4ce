"""`LatentCodes`: a code for each volume and one decoder, fitted together by gradient descent."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from os import PathLike

import torch
from torch import Tensor, nn

from tg_molfield.fields import Field, Volume
from tg_molfield.nn.autodecoder.checkpoint import DescentCheckpoint
from tg_molfield.nn.autodecoder.descent import Budget, Plateau
from tg_molfield.nn.autodecoder.report import AutoDecoderReport
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.latent.pose import Pose

Progress = Callable[[str, float], None]


class LatentCodes(nn.Module):
    """A decoder and the codes of ``num_volumes`` fields (auto-decoding: DeepSDF, Park et al. 2019, arXiv 1901.05103).

    Args:
        decoder: from codes to fields.
        num_volumes: the number of codes.
    """

    def __init__(self, decoder: Decoder, num_volumes: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.codes = nn.Parameter(0.1 * torch.randn(num_volumes, decoder.latent_dim))
        self.register_buffer("origins", torch.zeros(num_volumes, 3))
        self.register_buffer("fitted", torch.tensor(False))
        self.origins: Tensor
        self.fitted: Tensor

    def latent(self) -> Latent:
        """The latents of all volumes."""
        pose = Pose.identity(self.codes.size(0), self.codes.dtype, self.codes.device)
        return Latent(self.codes, Pose(self.origins, pose.frames, pose.weights, pose.rank))

    def field(self, index: int) -> Field:
        """The field of volume ``index``."""
        return self.decoder.field(self.latent()[index])

    def fit(
        self,
        volumes: list[Volume],
        budget: Budget,
        seed: int,
        progress: Progress,
        checkpoint: str | PathLike[str] | None,
    ) -> AutoDecoderReport:
        """Minimise the mean square error at random nodes; nodes with NaN are never drawn.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        samples = [self._samples(volume) for volume in volumes]
        self._place(samples)
        generator = torch.Generator().manual_seed(int(seed))
        optimizer = torch.optim.Adam(self.parameters(), lr=budget.lr)
        state = DescentCheckpoint(checkpoint, self, optimizer, generator, volumes, (budget, seed))
        losses, before = state.restore()
        plateau = Plateau(budget.tolerance, losses)
        begin = time.perf_counter() - before
        spent = budget.spent(len(losses), before)
        self.train()
        while spent < 1 and not plateau.converged:
            for group in optimizer.param_groups:
                group["lr"] = budget.lr * plateau.factor * 0.5 * (1 + math.cos(math.pi * spent))
            losses.append(self._step(optimizer, samples, budget.points, generator, len(losses)))
            plateau.add(losses[-1])
            seconds = time.perf_counter() - begin
            spent = budget.spent(len(losses), seconds)
            state.write(losses, seconds)
            progress(f"step {len(losses)}: mean square error {losses[-1]:.3g}", 1.0 if plateau.converged else spent)
        self.eval()
        seconds = time.perf_counter() - begin
        state.write(losses, seconds, at_once=True)
        return AutoDecoderReport(
            parameters=sum(parameter.numel() for parameter in self.parameters()),
            seconds=seconds,
            converged=plateau.converged,
            losses=losses,
        )

    def _samples(self, volume: Volume) -> tuple[Tensor, Tensor]:
        """The known nodes [n, 3] and their values [n, C]."""
        values = volume.values.detach().flatten(1).T.to(self.codes)
        places = volume.grid.points(self.codes.dtype, self.codes.device)
        known = ~values.isnan().any(1)
        return places[known], values[known]

    @torch.no_grad()
    def _place(self, samples: list[tuple[Tensor, Tensor]]) -> None:
        """Put each origin in the middle of its nodes and, before the first fit, tell the decoder how far they reach.

        A decoder whose parameters are frozen stays as it is.
        """
        for i, (places, _) in enumerate(samples):
            self.origins[i] = (places.amin(0) + places.amax(0)) / 2
        learns = [parameter.requires_grad for parameter in self.decoder.parameters()]
        if not bool(self.fitted) and (any(learns) or not learns):
            reach = [float((p - o).abs().max()) for (p, _), o in zip(samples, self.origins, strict=True)]
            self.decoder.set_extent(max(reach))
        self.fitted.fill_(True)

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        samples: list[tuple[Tensor, Tensor]],
        points: int,
        generator: torch.Generator,
        number: int,
    ) -> float:
        """One step on nodes drawn from every volume; its loss."""
        drawn = [torch.randint(len(p), (min(points, len(p)),), generator=generator) for p, _ in samples]
        batch = torch.cat([torch.full_like(d, i) for i, d in enumerate(drawn)]).to(self.codes.device)
        query = torch.cat([p[d.to(p.device)] for (p, _), d in zip(samples, drawn, strict=True)])
        target = torch.cat([v[d.to(v.device)] for (_, v), d in zip(samples, drawn, strict=True)])
        optimizer.zero_grad(set_to_none=True)
        loss = (self.decoder(self.latent(), query, batch) - target).square().mean()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(f"loss: expected a finite number, got {value} at step {number}; lower lr")
        loss.backward()
        optimizer.step()
        return value
