"""`FramePooling`: atoms to one code that keeps where they are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.inits import reset
from torch_geometric.utils import scatter

from tg_molfield.arguments import check_counts, require_counts
from tg_molfield.chem.padding import Padding
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.attention import AttentionBlock
from tg_molfield.nn.ops.fourier import FourierFeatures
from tg_molfield.nn.ops.pieces import rows_of, run_pieces
from tg_molfield.nn.pooling.base import Pooling


class FramePooling(Pooling):
    """The code of a molecule from its atoms' features and their positions in the molecule's frame.

    The code is the sum of two parts. Fourier coefficients Σ_i h_i ⊗ γ(r_i) of learned densities, with the Fourier
    features γ, are linear in the atoms and determine them when there are enough; they enter the code unchanged where
    they fit, otherwise through a learned projection. Learned tokens that attend to the atoms (Set Transformer, Lee et
    al. 2019, arXiv 1810.00825; Perceiver, Jaegle et al. 2021, arXiv 2103.03206) add what is not linear. The last
    ``summary_channels`` numbers of the code are a plain sum over atoms of their invariant features, independent of the
    frame, in which extensive properties are linear.

    Args:
        sizes: of the atoms' features.
        latent_dim: the length of the code.
        summary_channels: the length of the plain sum.
        width: the size of a token.
        num_tokens: the number of tokens.
        num_blocks: attention blocks; 0 leaves the Fourier coefficients alone.
        num_densities: the length of h; as long as the code has room for if None.
        num_waves: waves in γ, which has twice as many entries.

    Raises:
        ValueError: a number is out of range, or ``summary_channels`` leaves no room for the rest.
    """

    compiled_methods = ("_of_atoms", "_of_tokens")

    def __init__(
        self,
        sizes: FeatureSizes,
        latent_dim: int = 512,
        summary_channels: int = 0,
        width: int = 64,
        num_tokens: int = 8,
        num_blocks: int = 1,
        num_densities: int | None = None,
        num_waves: int = 32,
    ) -> None:
        super().__init__()
        require_counts(1, width=width, num_tokens=num_tokens, num_waves=num_waves)
        require_counts(0, num_blocks=num_blocks)
        check_counts(1, num_densities=num_densities)
        if not 0 <= summary_channels < latent_dim:
            raise ValueError(
                f"summary_channels: expected 0 to {latent_dim - 1}, got {summary_channels}; raise latent_dim"
            )
        self.waves = FourierFeatures(num_waves)
        room = latent_dim - summary_channels
        num_densities = num_densities or max(1, room // self.waves.out_channels)
        self.densities = nn.Linear(sizes.scalars, num_densities)
        size = num_densities * self.waves.out_channels
        self.padding = max(room - size, 0)
        self.project = nn.Linear(size, room) if size > room else nn.Identity()
        self.summary = nn.Linear(sizes.scalars, summary_channels, bias=False) if summary_channels else None
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(num_blocks))
        if num_blocks:
            size = sizes.scalars + 3 * sizes.vectors + 5 * sizes.tensors + 3 + self.waves.out_channels
            self.atom = nn.Sequential(nn.Linear(size, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
            self.seeds = nn.Parameter(torch.empty(num_tokens, width))
            self.code = nn.Linear(num_tokens * width, room)
            self._reset_tokens()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in self.children():
            reset(child)
        if len(self.blocks):
            self._reset_tokens()

    def _reset_tokens(self) -> None:
        nn.init.normal_(self.seeds, std=self.seeds.size(1) ** -0.5)
        nn.init.zeros_(self.code.weight)

    def forward(self, atoms: AtomFeatures, pose: Pose) -> Tensor:
        """See :meth:`Pooling.forward`."""
        batch, size = atoms.batch, atoms.num_graphs
        parts = run_pieces(lambda rows: self._part(atoms.rows(rows), pose), rows_of(batch))
        coefficients = sum((part[0] for part in parts[1:]), start=parts[0][0])
        code = F.pad(self.project(coefficients), (0, self.padding))
        if len(self.blocks):
            padding = Padding(batch, size)
            context = padding(torch.cat([part[1] for part in parts]))
            code = code + self._of_tokens(context, padding.mask)
        if self.summary is None:
            return code
        summary = scatter(self.summary(atoms.scalars).to(coefficients.dtype), batch, dim=0, dim_size=size, reduce="sum")
        return torch.cat([code, summary], dim=1)

    def _part(self, atoms: AtomFeatures, pose: Pose) -> tuple[Tensor, Tensor]:
        """What some atoms add to the coefficients ``[B, H · 2 num_waves]``, and what tokens read of them ``[n, W]``."""
        turned = [pose.local_vectors(atoms), pose.local_tensors(atoms)] if len(self.blocks) else []
        each, context = self._of_atoms(atoms.scalars, pose.local_positions(atoms), *turned)
        return scatter(each, atoms.batch, dim=0, dim_size=atoms.num_graphs, reduce="sum"), context

    def _of_atoms(self, scalars: Tensor, local: Tensor, *turned: Tensor) -> tuple[Tensor, Tensor]:
        """What each of n atoms adds to the coefficients, and what tokens read of it ``[n, W]``."""
        gamma = self.waves(local)
        each = (self.densities(scalars).unsqueeze(2) * gamma.unsqueeze(1)).flatten(1)
        if not len(self.blocks):
            return each, gamma.new_zeros(gamma.size(0), 0)
        parts = [scalars, local / 4, gamma, *(part.flatten(1) for part in turned)]
        return each, self.atom(torch.cat(parts, dim=1))

    def _of_tokens(self, context: Tensor, mask: Tensor) -> Tensor:
        """What tokens that attend to ``context [B, n, W]``, where ``mask [B, n]`` says so, add to the code."""
        tokens = self.seeds.expand(context.size(0), -1, -1)
        for block in self.blocks:
            tokens = block(tokens, context, mask)
        return self.code(tokens.flatten(1))
