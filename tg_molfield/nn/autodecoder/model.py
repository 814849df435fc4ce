"""`FieldAutoDecoder`: fields fitted one by one or together, from nothing but their samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tg_molfield.fields import Field, RBFField, Volume
from tg_molfield.metrics import PSNR, psnr, psnr_of_values
from tg_molfield.nn.autodecoder.codes import LatentCodes
from tg_molfield.nn.autodecoder.descent import Budget
from tg_molfield.nn.autodecoder.direct import DIRECT, checked_options, solve
from tg_molfield.nn.autodecoder.found import FoundVolumes
from tg_molfield.nn.autodecoder.report import AutoDecoderReport
from tg_molfield.nn.autodecoder.samples import Fields, Grids, sampled
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.resolver import make_decoder
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.serialization import fill_model, read_model, save_model

CODED = ("siren", "rbf")
"""The decoders that read a code and are fitted by gradient descent."""


class FieldAutoDecoder(nn.Module):
    """``num_volumes`` fields, each fitted to samples: computed, or read from a file.

    There is no encoder; each field keeps the place and orientation that it was given in.

    ================  ==================================================================================
    ``"siren"``       a modulated SIREN and a code a volume, by gradient descent. That of arXiv 2502.10848
                      is ``FieldAutoDecoder(channels, latent_dim=128, decoder="siren",
                      decoder_options={"width": 256, "num_layers": 8})`` with ``fit(max_steps=20000)``
    ``"rbf"``         a code becomes Gaussians, learned for all volumes together, by gradient descent
    ``"mixture"``     Gaussians of known width, as many as it takes, found in the samples: see
                      `superres.superresolve`. Options ``widths`` (a `MolField` or σ by channel),
                      ``members``, ``rounds``
    ``"kriging"``     the best linear answer, functions at the nodes, also on oblique and periodic grids:
                      see `superres.superresolve`
    ``"anchored"``    functions at known atoms, which `fit` is given: see `superres.anchored`. Options
                      ``weights``, ``ridge``
    ================  ==================================================================================

    The last three are meant for one volume at a time: they have no code, and nothing is shared between volumes.

    Args:
        channels: the names of the channels, one string or a sequence.
        num_volumes: the number of fields.
        latent_dim: the length of a code.
        decoder: a name above, or a `Decoder` with these channels and latent_dim.
        decoder_options: further arguments of the decoder named.
        seed: of the initial parameters.

    Raises:
        ValueError: no such decoder, or an option out of range.
        TypeError: an option that the decoder does not have.
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
        if isinstance(decoder, str) and decoder not in (*CODED, *DIRECT):
            raise ValueError(f"decoder is {decoder!r}: give one of {', '.join((*CODED, *DIRECT))}, or a Decoder")
        self.channels = tuple(channels.split() if isinstance(channels, str) else channels)
        options = dict(decoder_options or {})
        self.volumes: LatentCodes | FoundVolumes
        if isinstance(decoder, str) and decoder in DIRECT:
            options = checked_options(decoder, options, self.channels)
            self.volumes = FoundVolumes()
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.volumes = LatentCodes(make_decoder(decoder, self.channels, latent_dim, options), num_volumes)
        self.num_volumes = num_volumes
        self.hyper_parameters: dict[str, Any] = {
            "channels": self.channels,
            "num_volumes": num_volumes,
            "latent_dim": latent_dim,
            "decoder": decoder if isinstance(decoder, str) else None,
            "decoder_options": options,
        }

    def latent(self) -> Latent:
        """The latents of all volumes.

        Raises:
            TypeError: the decoder reads no codes.
        """
        if not isinstance(self.volumes, LatentCodes):
            raise TypeError(f"the {self.hyper_parameters['decoder']!r} decoder has no latents; {', '.join(CODED)} have")
        return self.volumes.latent()

    def field(self, index: int = 0) -> Field:
        """The fitted field of volume ``index``.

        Raises:
            IndexError: there is no such volume.
            RuntimeError: a decoder without codes has not been fitted.
        """
        if not -self.num_volumes <= index < self.num_volumes:
            raise IndexError(f"index is {index}: there are {self.num_volumes} volumes, counted from 0")
        return self.volumes.field(index)

    def fit(
        self,
        fields: Fields,
        grid: Grids = None,
        *,
        atoms: RBFField | Sequence[RBFField] | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        lr: float | None = None,
        points: int | None = None,
        tolerance: float | None = None,
        seed: int = 0,
        progress: Callable[[str, float], None] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        max_bytes: int | None = None,
    ) -> AutoDecoderReport:
        """Fit to ``fields``, of which only the values at the nodes of a grid are seen.

        A fit is reproducible from its seeds, unless its budget is in seconds. Where a checkpoint is given and the
        process is killed, the same call goes on from there and ends where it would have ended; the file stays.

        Args:
            fields: one field for each volume, with this model's channels. ``"siren"`` and ``"rbf"`` leave nodes
                with NaN out; the others refuse them.
            grid: where they are seen, one for all or one for each; a `Volume` is seen at its own nodes if None.
            atoms: for ``"anchored"``, the functions of the atoms of each volume, such as ``definition(data)``.
            max_steps: of gradient descent, see `Budget` for this and the next four.
            max_seconds: of gradient descent.
            lr: the first learning rate, 1e-3 if not given.
            points: nodes drawn per volume and step, 4,096 if not given.
            tolerance: the gain below which the loss has stalled, 1e-2 if not given.
            seed: of the nodes drawn, or of displaced starts.
            progress: called with what was done last and the share of the fit or of its budget, from 0 to 1.
            checkpoint: a ``.safetensors`` file, written every 30 seconds and at the end, or after each search of a
                mixture (one file a volume where there are several). Kriging and known atoms need none.
            max_bytes: of memory to use; what is free if not given.

        Raises:
            ValueError: fields, grids, atoms, options or the checkpoint do not fit; a volume is empty, constant, or
                has values that are not finite.
            MemoryError: a volume is too large; raised before any work.
            FloatingPointError: the loss is not finite.
        """
        budget = {"max_steps": max_steps, "max_seconds": max_seconds, "lr": lr, "points": points}
        given = {name: value for name, value in (budget | {"tolerance": tolerance}).items() if value is not None}
        coded, decoder = isinstance(self.volumes, LatentCodes), self.hyper_parameters["decoder"]
        show = progress or (lambda text, share: None)
        if coded and atoms is not None:
            raise ValueError("atoms: codes are fitted to samples alone; leave atoms out or choose 'anchored'")
        if not coded and given:
            raise ValueError(
                f"{', '.join(given)}: is for gradient descent; the {decoder!r} decoder ends by itself, see its "
                "decoder_options"
            )
        limits = Budget(**given)  # type: ignore[arg-type]
        volumes = sampled(fields, grid, self.channels, self.num_volumes, coded, max_bytes)
        if isinstance(self.volumes, LatentCodes):
            report = self.volumes.fit(volumes, limits, seed, show, checkpoint)
        else:
            options = self.hyper_parameters["decoder_options"]
            found, report = solve(decoder, options, volumes, atoms, seed, show, checkpoint, max_bytes)
            self.volumes.keep(found)
        report.samples = sum(int(volume.values.isfinite().sum()) for volume in volumes)
        report.psnr = [self._psnr_at_nodes(i, volume) for i, volume in enumerate(volumes)]
        return report

    def evaluate(self, fields: Fields, grid: Grids = None, peak: float | None = None) -> list[PSNR]:
        """How near the fitted fields are to the true ones, one `PSNR` a volume.

        Args:
            fields: the truth for each volume.
            grid: where they are compared, as in :meth:`fit`: such as a finer grid than was fitted.
            peak: see `metrics.psnr`.

        Raises:
            ValueError: fields and grids do not fit, or values are not finite.
        """
        truths = sampled(fields, grid, self.channels, self.num_volumes, False, None)
        with torch.no_grad():
            return [psnr(self.field(i), truth, truth.grid, peak) for i, truth in enumerate(truths)]

    def save(self, path: str | Path) -> None:
        """Write all that was fitted, and the hyper-parameters, as a safetensors file.

        Raises:
            ValueError: the functions of known atoms are of a kernel without a name.
        """
        found = self.volumes.descriptions() if isinstance(self.volumes, FoundVolumes) else None
        save_model(path, self, {**self.hyper_parameters, "found": found})

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
        named, found = options.pop("decoder"), options.pop("found")
        if (named is None) != (decoder is not None):
            raise ValueError(f"{path}: pass decoder= exactly where the model was built with a module of your own")
        model = cls(decoder=decoder if decoder is not None else named, **options)
        if isinstance(model.volumes, FoundVolumes):
            model.volumes.expect(found, model.channels)
        fill_model(path, model, tensors)
        return model.eval()

    @torch.no_grad()
    def _psnr_at_nodes(self, index: int, volume: Volume) -> PSNR:
        fitted = self.field(index).on(volume.grid).values.flatten(1)
        truth = volume.values.detach().flatten(1).to(fitted)
        known = ~truth.isnan().any(0)
        return psnr_of_values(fitted[:, known], truth[:, known])
