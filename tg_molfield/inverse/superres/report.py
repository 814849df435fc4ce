"""`SuperresReport`: how a superresolution went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tg_molfield.display.card import card
from tg_molfield.metrics import PSNR


class SuperresWarning(UserWarning):
    """The result between the samples may be worse than it looks."""


@dataclass(frozen=True)
class SuperresReport:
    """How a superresolution went. All figures come from the samples; the field between them is not known.

    Attributes:
        method: the name of the method.
        psnr_at_nodes: against the samples.
        samples: how many numbers were given.
        parameters: how many numbers the field consists of: four for each Gaussian found, or three for each known atom
            and its weights that are not 0; the weights of nodes that are not 0; and the coefficients of channels that
            are regressed on others.
        seconds: wall time of this call; time before a checkpoint does not count.
        converged: for each channel, whether every search ended because it gained no more, before ``max_iter``; True
            for channels that were solved directly.
        iterations: for each channel, the most iterations of any search; 0 for channels that were solved directly.
        functions: for each channel, how many functions away from the nodes it consists of: Gaussians found (the mean
            over restarts), or known atoms.
        relative_residual: for each channel, what these leave of the samples, ‖residual‖ / ‖samples‖ (the worst of
            all restarts); 1 where there are none.
        shares: for each channel, of which methods it is a mixture, and their shares.
        left_out: for each channel, the PSNR in dB of each method, and of the mixture chosen, at the samples left out;
            empty where none were. ``"trilinear"`` and ``"spline"`` stand for a sample's neighbours along the axes.
    """

    method: str
    psnr_at_nodes: PSNR
    samples: int
    parameters: int
    seconds: float
    converged: dict[str, bool]
    iterations: dict[str, int]
    functions: dict[str, float]
    relative_residual: dict[str, float]
    shares: dict[str, dict[str, float]]
    left_out: dict[str, dict[str, float]]

    def _repr_html_(self) -> str:
        facts = {
            "method": self.method,
            "PSNR at nodes": f"{self.psnr_at_nodes.all_nodes:.1f} dB, occupied {self.psnr_at_nodes.occupied:.1f} dB",
            "compression": f"{self.compression:.3g} ({self.samples:,} samples, {self.parameters:,} parameters)",
            "time": f"{self.seconds:.1f} s, ended by {self.stopped_by}",
        }
        headers = ("channel", "method", "left out, dB", "functions", "iterations", "converged", "relative residual")
        rows = [(name, self._chosen(name), self._at_left_out(name), *self._search(name)) for name in self.functions]
        return card("SuperresReport", facts, table=(headers, rows))

    def _chosen(self, channel: str) -> str:
        shares = self.shares.get(channel) or {self.method: 1.0}
        return ", ".join(name if share == 1 else f"{name} {share:.0%}" for name, share in shares.items() if share)

    def _at_left_out(self, channel: str) -> str:
        known = self.left_out.get(channel, {})
        return f"{known['mixture']:.1f}" if "mixture" in known else "–"

    def _search(self, channel: str) -> tuple[object, ...]:
        if not self.functions[channel] and not self.iterations[channel]:
            return ("–",) * 4
        return (
            float(self.functions[channel]),
            self.iterations[channel],
            "yes" if self.converged[channel] else "no",
            self.relative_residual[channel],
        )

    @property
    def compression(self) -> float:
        """Samples for each parameter."""
        return self.samples / max(self.parameters, 1)

    @property
    def stopped_by(self) -> str:
        """``"convergence"``, or ``"max_iter"`` if a search used all its iterations."""
        return "convergence" if all(self.converged.values()) else "max_iter"


class ChannelFit(NamedTuple):
    """The part of a report about one channel; see `SuperresReport`."""

    converged: bool = True
    iterations: int = 0
    functions: float = 0.0
    relative_residual: float = 1.0
    shares: dict[str, float] = {}  # noqa: RUF012
    left_out: dict[str, float] = {}  # noqa: RUF012


def by_channel(channels: Sequence[str], fits: Sequence[ChannelFit]) -> dict[str, dict[str, Any]]:
    """The figures of all channels, by figure and channel."""
    return {
        name: {channel: getattr(fit, name) for channel, fit in zip(channels, fits, strict=True)}
        for name in ChannelFit._fields
    }
