"""`FieldFidelity`: the methods by which a model tells how near decoded fields are to their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from tg_molfield.metrics import PSNRPerGraph, psnr_per_graph
from tg_molfield.nn.checks import check_queries, check_samples
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.latent import Latent


class FieldFidelity(nn.Module):
    """Errors of decoded fields at points. It needs ``decoder`` and ``decode``."""

    decoder: Decoder

    if TYPE_CHECKING:

        def decode(self, latent: Latent, query_pos: Tensor, query_batch: Tensor | None = None) -> Tensor: ...

    def recon_loss(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None = None
    ) -> Tensor:
        """The mean square error over points and channels of each molecule, then its mean over molecules.

        Args:
            latent: of B molecules.
            query_pos: ``[Q, 3]`` Å.
            target: ``[Q, C]``.
            query_batch: ``[Q]`` int64, sorted; molecules may have different numbers of points, at least one.

        Raises:
            ValueError: ``target`` has another shape, or a molecule has no points.
        """
        values, batch = self._values(latent, query_pos, target, query_batch)
        return scatter((values - target).square().mean(1), batch, dim=0, dim_size=len(latent), reduce="mean").mean()

    @torch.no_grad()
    def test(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None = None
    ) -> dict[str, float]:
        """Peak signal-to-noise ratios in dB with peak 1, as means over molecules.

        Returns:
            ``"psnr"`` over all points and channels (arXiv 2502.10848) and ``"psnr_occupied"`` over those (point,
            channel) that the target occupies, see `metrics.psnr_per_graph`; NaN if it occupies none.

        Raises:
            ValueError: as for :meth:`recon_loss`.
        """
        quality = self.psnr(latent, query_pos, target, query_batch)
        return {"psnr": float(quality.all_points.mean()), "psnr_occupied": float(quality.occupied.nanmean())}

    @torch.no_grad()
    def psnr(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None = None
    ) -> PSNRPerGraph:
        """The ratios of :meth:`test` for each molecule.

        Raises:
            ValueError: as for :meth:`recon_loss`.
        """
        values, batch = self._values(latent, query_pos, target, query_batch)
        return psnr_per_graph(values, target, batch, len(latent), peak=1.0)

    def _values(
        self, latent: Latent, query_pos: Tensor, target: Tensor, query_batch: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The decoded values ``[Q, C]`` and the checked ``query_batch [Q]``."""
        latent = self.decoder.widened(latent)
        batch = check_queries(query_pos, query_batch, len(latent), latent.code)
        check_samples(target, batch, len(self.decoder.channels), len(latent))
        return self.decode(latent, query_pos, batch), batch
