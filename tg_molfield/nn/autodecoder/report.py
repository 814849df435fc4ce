"""`AutoDecoderReport`: how a fit of a `FieldAutoDecoder` went."""

from __future__ import annotations

from dataclasses import dataclass, field

from tg_molfield.display.card import Picture, card
from tg_molfield.display.curve import curve
from tg_molfield.metrics import PSNR


@dataclass
class AutoDecoderReport:
    """How a fit went. All figures come from the samples; `FieldAutoDecoder.evaluate` compares at other points.

    Attributes:
        psnr: for each volume, at its known nodes; see `metrics.psnr`.
        samples: how many numbers were given, NaN not counted.
        parameters: how many numbers the decoder and the codes have.
        seconds: wall time, time before a checkpoint included.
        converged: whether the loss stalled before the budget was spent.
        losses: the mean square error of each step, at the points of that step.
    """

    psnr: list[PSNR] = field(default_factory=list)
    samples: int = 0
    parameters: int = 0
    seconds: float = 0.0
    converged: bool = False
    losses: list[float] = field(default_factory=list, repr=False)

    def _repr_html_(self) -> str:
        facts = {
            "steps": f"{self.steps:,}, ended by {self.stopped_by}",
            "time": f"{self.seconds:.1f} s",
            "compression": f"{self.compression:.3g} ({self.samples:,} samples, {self.parameters:,} parameters)",
        }
        rows = [(place, *map(float, one)) for place, one in enumerate(self.psnr[:40])]
        loss = Picture(curve(self.losses, logarithmic=True), "loss, logarithmic")
        return card("AutoDecoderReport", facts, [loss], table=(("volume", "PSNR (dB)", "occupied (dB)"), rows))

    @property
    def steps(self) -> int:
        """The number of gradient steps."""
        return len(self.losses)

    @property
    def stopped_by(self) -> str:
        """``"convergence"``, or ``"budget"`` if all steps or seconds were used."""
        return "convergence" if self.converged else "budget"

    @property
    def compression(self) -> float:
        """Samples for each parameter."""
        return self.samples / max(self.parameters, 1)
