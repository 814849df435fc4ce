"""The network: a convolutional U-Net of two levels on a fine lattice."""

from __future__ import annotations

from torch import Tensor, nn

_FLOOR = 0.05


class _ChannelNorm(nn.Module):
    """Each voxel's features over their root mean square; near 0 where all are small, as in empty space."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(Tensor(1, width, 1, 1, 1).fill_(1.0))

    def forward(self, x: Tensor) -> Tensor:
        scale = (x.float().square().mean(1, keepdim=True) + _FLOOR).rsqrt().to(x.dtype)
        return x * scale * self.gain.to(x.dtype)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _ChannelNorm(width)
        self.first, self.second = (nn.Conv3d(width, width, 3, padding=1) for _ in range(2))
        _start_at_zero(self.second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(nn.functional.gelu(self.first(self.norm(x))))


class CorrectionNetwork(nn.Module):
    """Corrections [B, out, X, Y, Z] from inputs [B, in, X, Y, Z] on a lattice with even numbers of nodes.

    It starts as zero.

    Args:
        inputs: the number of input channels.
        outputs: the number of output channels.
        fine: the features at the lattice's spacing.
        coarse: those at twice the spacing.
        blocks: the residual blocks before, at and after the coarse level.
    """

    def __init__(
        self, inputs: int, outputs: int, fine: int = 32, coarse: int = 96, blocks: tuple[int, int, int] = (1, 5, 2)
    ) -> None:
        super().__init__()
        before, at, after = blocks
        self.first = nn.Conv3d(inputs, fine, 3, padding=1)
        self.before = nn.Sequential(*(_Residual(fine) for _ in range(before)))
        self.down = nn.Conv3d(fine, coarse, 2, stride=2)
        self.at = nn.Sequential(*(_Residual(coarse) for _ in range(at)))
        self.up = nn.ConvTranspose3d(coarse, fine, 2, stride=2)
        self.after = nn.Sequential(*(_Residual(fine) for _ in range(after)))
        self.last = nn.Conv3d(fine, outputs, 3, padding=1)
        _start_at_zero(self.last)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(self.first(x))
        x = x + self.up(self.at(self.down(x)))
        return self.last(nn.functional.gelu(self.after(x)))


def _start_at_zero(layer: nn.Conv3d) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
