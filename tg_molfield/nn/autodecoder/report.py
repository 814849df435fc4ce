"""What a fit of a `FieldAutoDecoder` tells about itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from tg_molfield.inverse.superres import SuperresReport
from tg_molfield.metrics import PSNR


@dataclass
class AutoDecoderReport:
    """How a fit went. All figures come from the samples that it saw; `FieldAutoDecoder.evaluate` judges elsewhere.

    Attributes:
        psnr: for each volume, at the nodes seen, over all of them and over the occupied ones; see `metrics.psnr`.
        samples: how many numbers were seen.
        parameters: how many numbers the fields are made of: the decoder's parameters and the codes; or four a
            function found (its place and weight), the weights of nodes that are not 0, and shares of predicted
            channels; or, where atoms are known, their places, their weights and the same nodes.
        seconds: of wall time, those before an interruption included where codes are fitted.
        converged: whether the fit ended by itself, and not by its budget.
        losses: the mean square error of each step, on the points of that step; empty where nothing descends.
        details: of each volume, what the search for functions tells; empty for other decoders.
    """

    psnr: list[PSNR] = field(default_factory=list)
    samples: int = 0
    parameters: int = 0
    seconds: float = 0.0
    converged: bool = False
    losses: list[float] = field(default_factory=list)
    details: list[SuperresReport] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """The number of gradient steps."""
        return len(self.losses)

    @property
    def compression(self) -> float:
        """Samples a parameter."""
        return self.samples / max(self.parameters, 1)
