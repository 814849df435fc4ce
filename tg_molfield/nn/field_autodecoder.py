"""One code for each volume, found by gradient descent."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.nn.decoder import Decoder
from tg_molfield.nn.latent import Latent
from tg_molfield.nn.make_decoder import make_decoder
from tg_molfield.nn.persistence import fill_model, read_model, save_model
from tg_molfield.nn.pose import Pose
from tg_molfield.nn.siren_decoder import SirenDecoder


@dataclass
class AutoDecoderReport:
    """What a fit did.

    Attributes:
        losses: the mean square error of every step, on the points of that step.
        psnr: dB for each volume, peak 1, over all nodes and channels of its grid.
        seconds: wall time.
    """

    losses: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    seconds: float = 0.0


class FieldAutoDecoder(nn.Module):
    """A decoder and the codes of ``num_volumes`` fields, fitted together (auto-decoding: DeepSDF, Park et al. 2019,
    arXiv 1901.05103).

    Any field can be fitted: only its values at the nodes of a grid are seen. There is no encoder; each field keeps the
    place and orientation that it was given in.

    Args:
        channels: the names of the channels, one string or a sequence.
        num_volumes: the number of fields.
        latent_dim: the length of a code.
        decoder: ``"siren"``, ``"rbf"`` or a `Decoder` with these channels and latent_dim.
        decoder_options: further arguments of the decoder named.
        seed: of the initial parameters.
    """

    def __init__(
        self,
        channels: str | Sequence[str],
        num_volumes: int = 1,
        latent_dim: int = 128,
        decoder: str | Decoder = "siren",
        *,
        decoder_options: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if num_volumes < 1:
            raise ValueError(f"num_volumes is {num_volumes}: give at least 1")
        self.channels = tuple(channels.split() if isinstance(channels, str) else channels)
        self.hyper_parameters: dict[str, Any] = {
            "channels": self.channels,
            "num_volumes": num_volumes,
            "latent_dim": latent_dim,
            "decoder": decoder if isinstance(decoder, str) else None,
            "decoder_options": decoder_options or {},
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.decoder = make_decoder(decoder, self.channels, latent_dim, decoder_options or {})
            self.codes = nn.Parameter(0.1 * torch.randn(num_volumes, latent_dim))
        self.register_buffer("origins", torch.zeros(num_volumes, 3))
        self.register_buffer("fitted", torch.tensor(False))
        self.origins: Tensor
        self.fitted: Tensor

    def latent(self) -> Latent:
        """The latents of all volumes."""
        pose = Pose.identity(self.codes.size(0), self.codes.dtype, self.codes.device)
        return Latent(self.codes, Pose(self.origins, pose.frames, pose.weights, pose.rank))

    def field(self, index: int = 0) -> Field:
        """The fitted field of volume ``index``.

        Raises:
            IndexError: there is no such volume.
        """
        if not -len(self.codes) <= index < len(self.codes):
            raise IndexError(f"index is {index}: there are {len(self.codes)} volumes, counted from 0")
        return self.decoder.field(self.latent()[index])

    def fit(
        self,
        fields: Field | Sequence[Field],
        grid: Grid | Sequence[Grid] | None = None,
        *,
        steps: int = 1000,
        lr: float = 1e-3,
        points: int = 4096,
        seed: int = 0,
        progress: Callable[[int, float], None] | None = None,
    ) -> AutoDecoderReport:
        """Fit decoder and codes to ``fields`` with Adam, the learning rate falling to 0 along a cosine.

        Args:
            fields: one field for each volume, with this model's channels.
            grid: where they are seen, one for all or one for each; a `Volume` is seen at its own nodes if None.
            steps: the number of steps.
            lr: the first learning rate.
            points: nodes drawn per volume and step.
            seed: of the nodes drawn.
            progress: called with the step and its loss.

        Raises:
            ValueError: fields, grids and volumes do not fit each other.
            FloatingPointError: the loss is not finite.
        """
        if steps < 0 or points < 1:
            raise ValueError(f"steps={steps}, points={points}: give at least 0 steps and 1 point")
        places, values = self._samples([fields] if isinstance(fields, Field) else list(fields), grid)
        report = AutoDecoderReport()
        begin = time.perf_counter()
        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(self.parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
        self.train()
        for step in range(steps):
            drawn = [torch.randint(len(p), (min(points, len(p)),), generator=generator) for p in places]
            batch = torch.cat([torch.full_like(d, i) for i, d in enumerate(drawn)]).to(self.codes.device)
            query = torch.cat([p[d.to(p.device)] for p, d in zip(places, drawn, strict=True)])
            target = torch.cat([v[d.to(v.device)] for v, d in zip(values, drawn, strict=True)])
            optimizer.zero_grad(set_to_none=True)
            loss = (self.decoder(self.latent(), query, batch) - target).square().mean()
            value = float(loss.detach())
            if not math.isfinite(value):
                raise FloatingPointError(f"the loss is {value} at step {step}: lower lr (now {lr}) or check the fields")
            loss.backward()
            optimizer.step()
            schedule.step()
            report.losses.append(value)
            if progress is not None:
                progress(step, value)
        self.eval()
        report.psnr = [self._psnr(i, p, v) for i, (p, v) in enumerate(zip(places, values, strict=True))]
        report.seconds = time.perf_counter() - begin
        return report

    def save(self, path: str | Path) -> None:
        """Write codes, parameters and hyper-parameters as a safetensors file."""
        save_model(path, self, self.hyper_parameters)

    @classmethod
    def load(cls, path: str | Path, decoder: Decoder | None = None) -> FieldAutoDecoder:
        """The model that :meth:`save` wrote, in evaluation mode.

        Args:
            path: the file.
            decoder: a module of the kind it was built with, where that was not made by name.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds something else, or the decoder is missing or does not fit.
        """
        options, tensors = read_model(path, "FieldAutoDecoder")
        named = options.pop("decoder")
        if (named is None) != (decoder is not None):
            raise ValueError(f"{path}: pass decoder= exactly where the model was built with a module of your own")
        model = cls(decoder=decoder if decoder is not None else named, **options)
        fill_model(path, model, tensors)
        return model.eval()

    @torch.no_grad()
    def _samples(self, fields: list[Field], grid: Grid | Sequence[Grid] | None) -> tuple[list[Tensor], list[Tensor]]:
        """The nodes ``[n, 3]`` and values ``[n, C]`` of every field; sets the origins to the middle of the nodes."""
        count = len(self.codes)
        grids: list[Grid | None] = [grid] * count if grid is None or isinstance(grid, Grid) else list(grid)
        if len(fields) != count or len(grids) != count:
            raise ValueError(f"fields are {len(fields)}, grids {len(grids)}: give one for each of {count} volumes")
        places, values = [], []
        for i, (one, where) in enumerate(zip(fields, grids, strict=True)):
            if tuple(one.channels) != self.channels:
                raise ValueError(f"field {i} has channels {one.channels}: give {self.channels}, such as by f[names]")
            if where is None and not isinstance(one, Volume):
                raise ValueError(f"grid is None and field {i} is {one}: give the grid to see it on")
            sampled = one if where is None and isinstance(one, Volume) else one.on(where)  # type: ignore[arg-type]
            assert isinstance(sampled, Volume)
            places.append(sampled.grid.points(self.codes.dtype, self.codes.device))
            values.append(sampled.values.flatten(1).T.to(self.codes))
            low, high = places[-1].amin(0), places[-1].amax(0)
            self.origins[i] = (low + high) / 2
        if isinstance(self.decoder, SirenDecoder) and not bool(self.fitted):
            self.decoder.set_radius(max(float((p - o).abs().max()) for p, o in zip(places, self.origins, strict=True)))
        self.fitted.fill_(True)
        return places, values

    @torch.no_grad()
    def _psnr(self, index: int, places: Tensor, values: Tensor) -> float:
        fitted = self.field(index)
        total = values.new_zeros(())
        for place, value in zip(places.split(2**15), values.split(2**15), strict=True):
            total += (fitted(place) - value).square().sum()
        return float(-10 * (total / values.numel()).clamp(min=1e-30).log10())
