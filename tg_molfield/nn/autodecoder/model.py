"""`FieldAutoDecoder`: codes and one decoder, fitted to the samples of fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, ClassVar

import torch

from tg_molfield.arguments import as_path, check_callable, check_integers, check_kind, check_seed, require_counts
from tg_molfield.fields import Field, MolField, Volume
from tg_molfield.metrics import PSNR, check_peak, psnr, psnr_of_values
from tg_molfield.nn.autodecoder.codes import LatentCodes
from tg_molfield.nn.autodecoder.descent import Budget
from tg_molfield.nn.autodecoder.report import AutoDecoderReport
from tg_molfield.nn.autodecoder.samples import Fields, Grids, sample_fields
from tg_molfield.nn.cards import model_card
from tg_molfield.nn.checks import as_options, check_definition, check_names
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.compilable import Compilable
from tg_molfield.nn.resolver import FREE_CODE_DECODERS, resolve_decoder
from tg_molfield.nn.serialization import Serializable
from tg_molfield.random_stream import RandomStream


class FieldAutoDecoder(Serializable, Compilable):
    """``num_volumes`` fields as codes of one decoder, fitted to samples that were computed or read from files.

    There is no encoder; each field keeps its position and orientation, and none repeats, also where its samples are
    those of a periodic volume. `superresolve` reconstructs fields without codes.

    Codes of new fields are fitted with the decoder of a fitted model in a new one::

        decoder = model.latents.decoder.requires_grad_(False)
        FieldAutoDecoder(model.mol_field, latent_dim=128, decoder=decoder).fit(volume)

    ============  ====================================================================================
    ``"siren"``   a modulated SIREN. That of arXiv 2502.10848 is ``FieldAutoDecoder(channels,
                  latent_dim=128, decoder="siren", decoder_options={"width": 256, "num_layers": 8})``
                  with ``fit(max_steps=20000)``
    ``"rbf"``     Gaussians that a network makes from the code
    ============  ====================================================================================

    Args:
        channels: the `MolField` that the fields follow; or, for fields without a definition, the names of the
            channels, one string or a sequence.
        num_volumes: the number of fields.
        latent_dim: the length of a code.
        decoder: a name in the table, or a `Decoder` with these channels and latent_dim that reads codes alone. Its
            parameters are used, not copied, and trained unless they are frozen.
        decoder_options: further arguments of the decoder named.
        seed: for the initial parameters.

    Raises:
        ValueError: there is no such decoder, it does not fit, or an option is out of range.
        TypeError: the decoder has no such option.
    """

    module_marks: ClassVar[dict[str, Any]] = {"decoder": None}
    part_paths: ClassVar[dict[str, str]] = {"decoder": "latents.decoder"}

    def __init__(
        self,
        channels: MolField | str | Sequence[str],
        num_volumes: int = 1,
        latent_dim: int = 128,
        decoder: str | Decoder = "siren",
        *,
        decoder_options: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_counts(1, num_volumes=num_volumes, latent_dim=latent_dim)
        num_volumes, latent_dim = int(num_volumes), int(latent_dim)
        check_seed(seed)
        check_kind("decoder", decoder, str | Decoder, "a name or a Decoder", "give for example 'siren'")
        if isinstance(decoder, str) and decoder not in FREE_CODE_DECODERS:
            raise ValueError(
                f"decoder: expected one of {', '.join(FREE_CODE_DECODERS)} or a Decoder, got {decoder!r}; superresolve "
                "has the methods without codes"
            )
        field = channels if isinstance(channels, MolField) else check_names("channels", channels, 1)
        options = as_options("decoder_options", decoder_options)
        with RandomStream(seed).active():
            made = resolve_decoder(decoder, field, latent_dim, 0, FeatureSizes(), options)
            self.latents = LatentCodes(made, num_volumes)
        if not made.reads_free_codes:
            raise ValueError(
                f"decoder: expected one whose codes can be any numbers, got {type(made).__name__}, whose codes come "
                f"from atoms; take one of {', '.join(FREE_CODE_DECODERS)}"
            )
        self.num_volumes = num_volumes
        self.hyper_parameters: dict[str, Any] = {
            "num_volumes": num_volumes,
            "latent_dim": latent_dim,
            "decoder": decoder if isinstance(decoder, str) else None,
            "decoder_options": options,
        }

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {
            "fields": self.num_volumes,
            "code": f"{self.hyper_parameters['latent_dim']} numbers",
            "decoder": type(self.latents.decoder).__name__,
        }
        return model_card(self, facts)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return self.latents.decoder.channels

    @property
    def mol_field(self) -> MolField | None:
        """The definition that the fields follow; None where only channels are known."""
        return self.latents.decoder.mol_field

    def latent(self) -> Latent:
        """The latents of all volumes."""
        return self.latents.latent()

    def field(self, index: int = 0) -> Field:
        """The fitted field of volume ``index``.

        Raises:
            IndexError: there is no such volume.
        """
        check_integers(index=index)
        if index is None or not -self.num_volumes <= index < self.num_volumes:
            raise IndexError(f"index: expected one of {self.num_volumes} volumes, got {index}; they count from 0")
        return self.latents.field(index)

    def fit(
        self,
        fields: Fields,
        grid: Grids = None,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        lr: float = 1e-3,
        points: int = 4096,
        tolerance: float = 1e-2,
        seed: int = 0,
        progress: Callable[[str, float], None] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        max_bytes: int | None = None,
    ) -> AutoDecoderReport:
        """Fit codes and decoder to the values of ``fields`` at the nodes of a grid, by gradient descent.

        A fit is reproducible from its seeds unless its budget is in seconds. If a process with a checkpoint is
        interrupted, the same call resumes and gives the same result; the file is kept.

        Args:
            fields: one field for each volume, with this model's channels; nodes with NaN are left out.
            grid: where the fields are sampled, one for all or one for each; a `Volume` keeps its own nodes if None.
            max_steps: the most steps; see `Budget` for this and the next four.
            max_seconds: the most seconds of wall time.
            lr: the first learning rate.
            points: nodes drawn from each volume in each step.
            tolerance: the relative gain below which the loss has stalled.
            seed: for the nodes drawn.
            progress: called with a line of text and the share of the budget that is spent, from 0 to 1.
            checkpoint: a ``.safetensors`` file, written every 30 seconds and at the end.
            max_bytes: the memory to use; what is available if not given.

        Raises:
            ValueError: fields, grids, options or the checkpoint do not fit; a field follows another definition than
                the model; a volume is empty, constant, or has infinite values.
            MemoryError: a volume is too large; raised before any work.
            FloatingPointError: the loss is not finite.
        """
        check_seed(seed)
        check_callable("progress", progress)
        if checkpoint is not None:
            checkpoint = as_path(checkpoint, "checkpoint")
        budget = Budget(max_steps, max_seconds, lr, points, tolerance)
        volumes = sample_fields(fields, grid, self.channels, self.num_volumes, True, max_bytes)
        for number, volume in enumerate(volumes):
            check_definition(f"fields[{number}]", volume, self.mol_field)
        report = self.latents.fit(volumes, budget, seed, progress or (lambda text, share: None), checkpoint)
        report.samples = sum(int(volume.values.isfinite().sum()) for volume in volumes)
        report.psnr = [self._psnr_at_nodes(i, volume) for i, volume in enumerate(volumes)]
        return report

    def evaluate(self, fields: Fields, grid: Grids = None, peak: float | None = None) -> list[PSNR]:
        """The `PSNR` of each fitted field against the true one.

        Args:
            fields: the true field of each volume.
            grid: where they are compared, as in :meth:`fit`; for example a finer grid than was fitted.
            peak: see `metrics.psnr`.

        Raises:
            ValueError: fields and grids do not fit, or values are not finite.
        """
        check_peak(peak)
        truths = sample_fields(fields, grid, self.channels, self.num_volumes, False, None)
        with torch.no_grad():
            return [psnr(self.field(i), truth, truth.grid, peak) for i, truth in enumerate(truths)]

    @torch.no_grad()
    def _psnr_at_nodes(self, index: int, volume: Volume) -> PSNR:
        fitted = self.field(index).on(volume.grid).values.flatten(1)
        truth = volume.values.detach().flatten(1).to(fitted)
        known = ~truth.isnan().any(0)
        return psnr_of_values(fitted[:, known], truth[:, known])
