"""The network of the flow: noisy united atoms and a noisy code to the united atoms without noise."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from tg_molfield.nn.decoders.flow.bond_orders import BondOrders
from tg_molfield.nn.decoders.flow.prediction import Prediction
from tg_molfield.nn.decoders.flow.state import StateLayout
from tg_molfield.nn.ops.compilable import Compilable
from tg_molfield.nn.ops.token_blocks import PairBias, TokenBlock, coordinate_features, coordinate_size

_FREQUENCIES = 6
_WAVES = 32
_FASTEST = 300.0


class FlowNetwork(Compilable):
    """Predicts the end of the flow from where it is.

    A transformer over united atoms, which also attend to the code, cut into tokens. Functions of the distances between
    the atoms are added to the attention. The time, the noise of the code and the code as a whole modulate each layer
    (Peebles & Xie 2023, arXiv 2212.09748). The network predicts what preconditioning leaves (Karras et al. 2022, arXiv
    2206.00364), and is given its own last prediction (Chen, Zhang & Hinton 2023, arXiv 2208.04202). Its result can be
    moved away from that of a weaker network (Karras et al. 2024, arXiv 2406.02507), itself without the last layer.

    Args:
        layout: of the state.
        code_size: the length D of the code.
        max_atoms: the most united atoms of a molecule.
        width: features of a token.
        num_layers: of the transformer.
        heads: of its attention.
        num_tokens: into how many tokens the code is cut.
        bonds: whether it predicts bond orders.
    """

    compiled_methods = ("forward",)

    def __init__(
        self,
        layout: StateLayout,
        code_size: int,
        max_atoms: int,
        width: int = 256,
        num_layers: int = 6,
        heads: int = 8,
        num_tokens: int = 8,
        bonds: bool = False,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.num_tokens = num_tokens
        self.missing = -code_size % num_tokens
        self.token = nn.Linear(2 * (coordinate_size(_FREQUENCIES) + layout.size - 3), width)
        self.time = nn.Sequential(nn.Linear(4 * _WAVES, width), nn.SiLU(), nn.Linear(width, width))
        self.whole = nn.Linear(code_size, width)
        self.size = nn.Embedding(max_atoms + 1, width)
        self.code = nn.Linear((code_size + self.missing) // num_tokens, width)
        self.code_place = nn.Parameter(0.5 * torch.randn(num_tokens, width))
        self.modulation = nn.Linear(width, 6 * width)
        self.shift = nn.Parameter(torch.zeros(num_layers, 6, width))
        self.pairs = PairBias(num_layers, heads, sets=2)
        self.blocks = nn.ModuleList(TokenBlock(width, heads, reads_context=True) for _ in range(num_layers))
        self.head = nn.Linear(width, layout.size)
        self.orders = BondOrders(width) if bonds else None
        self.number = nn.Sequential(
            nn.Linear(code_size + 2 * _WAVES, width), nn.SiLU(), nn.Linear(width, max_atoms + 1)
        )
        self._zero()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in self.children():
            reset(child)
        nn.init.normal_(self.code_place, std=0.5)
        nn.init.zeros_(self.shift)
        self._zero()

    def _zero(self) -> None:
        for layer in (self.modulation, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def number_logits(self, code: Tensor, noise: Tensor) -> Tensor:
        """Logits ``[B, max_atoms + 1]`` of the number of united atoms."""
        return self.number(torch.cat([code, _waves(noise)], dim=1))

    def forward(
        self,
        state: Tensor,
        mask: Tensor,
        time: Tensor,
        code: Tensor,
        noise: Tensor,
        previous: Tensor,
        guidance: Tensor | None = None,
    ) -> Prediction:
        """The prediction at the end of the flow.

        Args:
            state: ``[B, n, size]``.
            mask: ``[B, n]``.
            time: ``[B]``, 0 for noise to 1 for atoms.
            code: ``[B, D]``, noisy.
            noise: ``[B]``, its standard deviation, up to 1.
            previous: ``[B, n, size]``, an earlier prediction; 0 if there is none.
            guidance: ``[B]``, how far to go on from what the layers before the last predict; not at all if None.
        """
        x = self.token(torch.cat([_features(state), _features(previous)], dim=2))
        condition = self.time(torch.cat([_waves(time), _waves(noise)], dim=1)) + self.whole(code)
        modulation = self.modulation(F.silu(condition + self.size(mask.sum(1)))).unflatten(1, (6, -1))
        context = F.pad(code, (0, self.missing)).unflatten(1, (self.num_tokens, -1))
        context = self.code(context) + self.code_place
        context = F.layer_norm(context, context.shape[2:])
        pairs = F.pad(self.pairs([state[..., :3], previous[..., :3]], mask), (0, self.num_tokens))
        early = x
        for block, bias, shift in zip(self.blocks, pairs, self.shift, strict=True):
            early, x = x, block(x, bias, context, _scales_and_shifts(modulation + shift))
        out = self._out(x, state)
        if guidance is not None:
            out = torch.lerp(self._out(early, state), out, 1 + guidance[:, None, None])
        pos, kinds, counts, hydrogens = self.layout.split(out)
        own_pos, _, _, own_hydrogens = self.layout.split(state)
        t = time[:, None, None]
        spread = (t.square() + (1 - t).square()).rsqrt()
        keep, change = t * spread.square(), (1 - t) * spread
        pos, hydrogens = keep * own_pos + change * pos, keep * own_hydrogens + change * hydrogens
        orders = None if self.orders is None else self.orders(x, pos)
        return Prediction(pos, kinds, counts, hydrogens, orders)

    def _out(self, x: Tensor, state: Tensor) -> Tensor:
        return self.head(F.layer_norm(x, x.shape[2:])).to(state.dtype)


def _scales_and_shifts(modulation: Tensor) -> tuple[Tensor, ...]:
    """Those of a `TokenBlock` from ``[B, 6, W]``, zeros for none."""
    scale, shift, gate, scale_each, shift_each, gate_each = modulation.unsqueeze(2).unbind(1)
    return 1 + scale, shift, 1 + gate, 1 + scale_each, shift_each, 1 + gate_each


def _features(state: Tensor) -> Tensor:
    return torch.cat([coordinate_features(state[..., :3], _FREQUENCIES), state[..., 3:]], dim=2)


def _waves(x: Tensor) -> Tensor:
    """Sines and cosines ``[B, 64]`` of numbers ``[B]`` from 0 to 1."""
    frequency = torch.exp(torch.linspace(0, math.log(_FASTEST), _WAVES, dtype=x.dtype, device=x.device))
    phase = x.unsqueeze(1) * frequency
    return torch.cat([phase.sin(), phase.cos()], dim=1)
