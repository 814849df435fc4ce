"""What a superresolution tells about itself."""

from __future__ import annotations

from dataclasses import dataclass

from tg_molfield.inverse.superres.pursuit import Search
from tg_molfield.metrics import PSNR


@dataclass(frozen=True)
class SuperresReport:
    """How a reconstruction went. All figures come from the samples alone; the field between them is not known.

    Attributes:
        psnr_at_nodes: against the samples.
        samples: how many numbers were given.
        parameters: how many the field is made of: four a function, the weights of nodes that are not 0, and the
            shares in predicted channels.
        seconds: of wall time; of this call alone where it went on from a checkpoint.
        converged: of each channel, whether every search ended by itself.
        functions: how many Gaussians were found in each channel, the mean of the members; 0 where none were sought.
        relative_residual: what they leave of the samples, ‖rest‖ / ‖samples‖, the worst member; 1 where none.
    """

    psnr_at_nodes: PSNR
    samples: int
    parameters: int
    seconds: float
    converged: dict[str, bool]
    functions: dict[str, float]
    relative_residual: dict[str, float]

    @property
    def compression(self) -> float:
        """Samples a parameter."""
        return self.samples / max(self.parameters, 1)


def report_of(
    searches: dict[int, list[Search]], channels: tuple[str, ...], numbers: int, quality: PSNR, samples: int
) -> SuperresReport:
    """The report of a reconstruction, its time left open.

    Args:
        searches: of each channel, by its index, those that were made.
        channels: the names of all.
        numbers: what the field is made of besides the functions found.
        quality: at the nodes.
        samples: how many numbers were given.
    """
    made = {name: searches.get(c, []) for c, name in enumerate(channels)}
    sizes = {name: [len(search.mixture.pos) for search in found] for name, found in made.items()}
    return SuperresReport(
        psnr_at_nodes=quality,
        samples=samples,
        parameters=4 * sum(map(sum, sizes.values())) + numbers,
        seconds=0.0,
        converged={name: all(search.converged for search in found) for name, found in made.items()},
        functions={name: sum(counts) / max(len(counts), 1) for name, counts in sizes.items()},
        relative_residual={
            name: max((search.relative_residual for search in found), default=1.0) for name, found in made.items()
        },
    )
