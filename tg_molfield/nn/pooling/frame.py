"""Atoms to one code that remembers where they are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.utils import scatter, to_dense_batch

from tg_molfield.nn.ops.attention import AttentionBlock
from tg_molfield.nn.ops.fourier import FourierFeatures


class FramePooling(nn.Module):
    """The code of a molecule from its atoms' features and their positions in the molecule's frame.

    Two ways lead to the code and are added. A sketch, Σ_i h_i ⊗ γ(r_i) with the Fourier features γ, is linear in the
    atoms and determines them when it is long enough; it is the code as it stands where it fits in, otherwise a learned
    projection of it. Learned tokens that attend to the atoms (Set Transformer, Lee et
    al. 2019, arXiv 1810.00825; Perceiver, Jaegle et al. 2021, arXiv 2103.03206) give what is not linear. The last
    ``sum_channels`` numbers of the code may be set apart for a plain sum over atoms of their invariant features, which
    does not depend on the frame and in which extensive properties are linear.

    Args:
        in_channels: scalars per atom.
        vector_channels: vectors per atom, 0 for none.
        latent_dim: the length of the code.
        width: the size of a token.
        num_tokens: the number of tokens.
        num_blocks: attention blocks; 0 leaves the sketch alone.
        sketch_channels: the length of h; as long as the code has room for if None.
        num_waves: waves in γ, which has twice as many entries.
        sum_channels: the length of the plain sum.
        tensor_channels: symmetric traceless tensors per atom, 0 for none.
    """

    def __init__(
        self,
        in_channels: int,
        vector_channels: int = 0,
        latent_dim: int = 512,
        width: int = 64,
        num_tokens: int = 8,
        num_blocks: int = 1,
        sketch_channels: int | None = None,
        num_waves: int = 32,
        sum_channels: int = 0,
        tensor_channels: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= sum_channels < latent_dim:
            raise ValueError(f"sum_channels is {sum_channels}: give 0 to {latent_dim - 1}, less than latent_dim")
        self.summary_channels = sum_channels
        self.waves = FourierFeatures(num_waves)
        self.num_waves = num_waves
        room = latent_dim - sum_channels
        self.sketch_channels = sketch_channels or max(1, room // self.waves.out_channels)
        self.sketch_atom = nn.Linear(in_channels, self.sketch_channels)
        size = self.sketch_channels * self.waves.out_channels
        self.padding = max(room - size, 0)
        self.project = nn.Linear(size, room) if size > room else nn.Identity()
        self.sum = nn.Linear(in_channels, sum_channels, bias=False) if sum_channels else None
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(num_blocks))
        if num_blocks:
            size = in_channels + 3 * vector_channels + 5 * tensor_channels + 3 + self.waves.out_channels
            self.atom = nn.Sequential(nn.Linear(size, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
            self.seeds = nn.Parameter(torch.randn(num_tokens, width) / width**0.5)
            self.code = nn.Linear(num_tokens * width, room)
            nn.init.zeros_(self.code.weight)

    def forward(
        self,
        scalars: Tensor,
        vectors: Tensor | None,
        local: Tensor,
        batch: Tensor,
        num_graphs: int,
        tensors: Tensor | None = None,
    ) -> Tensor:
        """The codes ``[B, latent_dim]``.

        Args:
            scalars: ``[N, in_channels]``.
            vectors: ``[N, vector_channels, 3]`` in the molecules' frames, or ``None``.
            local: ``[N, 3]`` positions in the molecules' frames, Å.
            batch: ``[N]`` int64, sorted.
            num_graphs: the number B of molecules.
            tensors: ``[N, tensor_channels, 5]``, the components in the molecules' frames, or ``None``.
        """
        gamma = self.waves(local)
        outer = self.sketch_atom(scalars).unsqueeze(2) * gamma.unsqueeze(1)
        sketch = scatter(outer.flatten(1), batch, dim=0, dim_size=num_graphs, reduce="sum")
        code = F.pad(self.project(sketch), (0, self.padding))
        if len(self.blocks):
            parts = [scalars, local / 4, gamma]
            parts += [turning.flatten(1) for turning in (vectors, tensors) if turning is not None]
            atoms, mask = to_dense_batch(self.atom(torch.cat(parts, dim=1)), batch, batch_size=num_graphs)
            tokens = self.seeds.expand(num_graphs, -1, -1)
            for block in self.blocks:
                tokens = block(tokens, atoms, mask)
            code = code + self.code(tokens.flatten(1))
        if self.sum is None:
            return code
        return torch.cat([code, scatter(self.sum(scalars), batch, dim=0, dim_size=num_graphs, reduce="sum")], dim=1)
