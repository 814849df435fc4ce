"""`UnitedAtomPooling`: attention over united atoms to a code."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import require_counts
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.nn.ops.token_blocks import HIDDEN, PairBias, TokenBlock, coordinate_features, coordinate_size
from tg_molfield.nn.ops.united_atoms import BOND, LENGTH, MAX_HYDROGENS, UnitedAtoms, membership, united_atoms
from tg_molfield.nn.pooling.base import Pooling

_FREQUENCIES, _HYDROGEN_FREQUENCIES = 6, 3
_READERS = 2


class UnitedAtomPooling(Pooling):
    """A transformer over united atoms that learned queries read; what they find, of mean 0 and variance 1, is the code.

    Elements, positions, hydrogens and, where an encoder gives any, the features of the atoms make the tokens.

    Args:
        sizes: of the atoms' features.
        elements: the elements that it knows.
        code_size: the length of the code.
        max_atoms: the most united atoms of a molecule.
        width: features of a token.
        num_layers: of the transformer.
        heads: of its attention.
        num_tokens: the number of queries.

    Raises:
        ValueError: a number is out of range.
    """

    compiled_methods = ("encode",)

    def __init__(
        self,
        sizes: FeatureSizes,
        elements: ElementKinds,
        code_size: int,
        max_atoms: int,
        num_tokens: int,
        width: int = 256,
        num_layers: int = 3,
        heads: int = 8,
    ) -> None:
        super().__init__()
        require_counts(1, width=width, heads=heads)
        require_counts(0, num_layers=num_layers)
        self.elements = elements
        self.code_size = code_size
        self.max_atoms = max_atoms
        self.kind = nn.Embedding(len(elements.elements), width)
        self.count = nn.Embedding(MAX_HYDROGENS + 1, width)
        self.place = nn.Linear(coordinate_size(_FREQUENCIES), width)
        self.hydrogen = nn.Sequential(
            nn.Linear(coordinate_size(_HYDROGEN_FREQUENCIES), width), nn.SiLU(), nn.Linear(width, width, bias=False)
        )
        features = sizes.scalars + 3 * sizes.vectors + 5 * sizes.tensors
        self.features = nn.Linear(features, width, bias=False) if features else None
        self.pairs = PairBias(num_layers, heads)
        self.blocks = nn.ModuleList(TokenBlock(width, heads, reads_context=False) for _ in range(num_layers))
        self.queries = nn.Parameter(torch.randn(num_tokens, width))
        self.readers = nn.ModuleList(TokenBlock(width, heads, reads_context=True) for _ in range(_READERS))
        self.out = nn.Linear(width, -(-code_size // num_tokens))

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in self.children():
            reset(child)
        nn.init.normal_(self.queries)

    def forward(self, atoms: AtomFeatures, pose: Pose) -> Tensor:
        """See :meth:`Pooling.forward`.

        Raises:
            ValueError: an element is unknown, or a molecule has more united atoms than the model has room for.
        """
        local = pose.local_positions(atoms)
        member = membership(atoms.z, local, atoms.batch, atoms.num_graphs)
        kinds = self.elements(atoms.z)
        joined = united_atoms(member, kinds, local, atoms.batch, atoms.num_graphs, self.max_atoms)
        if self.features is None:
            return self.encode(joined)
        features = [atoms.scalars, pose.local_vectors(atoms).flatten(1), pose.local_tensors(atoms).flatten(1)]
        given = self.features(torch.cat(features, dim=1))
        each = given.new_zeros(*joined.mask.shape, given.size(1))
        return self.encode(joined, each.index_put((atoms.batch, member.place), given, accumulate=True))

    def encode(self, atoms: UnitedAtoms, features: Tensor | None = None) -> Tensor:
        """The codes ``[B, code_size]`` of united atoms, with ``features [B, n, width]`` of them if they have any."""
        place = atoms.pos / LENGTH
        hydrogens = self.hydrogen(coordinate_features(atoms.hydrogens / BOND, _HYDROGEN_FREQUENCIES))
        hydrogens = (hydrogens * atoms.used.unsqueeze(3)).sum(2)
        x = self.kind(atoms.kinds) + self.count(atoms.counts)
        x = x + self.place(coordinate_features(place, _FREQUENCIES)) + hydrogens
        x = x if features is None else x + features
        for block, bias in zip(self.blocks, self.pairs([place], atoms.mask), strict=True):
            x = block(x, bias)
        x = F.layer_norm(x, x.shape[2:])
        hidden = torch.zeros_like(atoms.mask, dtype=x.dtype).masked_fill(~atoms.mask, HIDDEN)
        hidden = F.pad(hidden, (len(self.queries), 0))[:, None, None, :]
        found = self.queries.expand(len(x), -1, -1)
        for block in self.readers:
            found = block(found, hidden, x)
        code = self.out(F.layer_norm(found, found.shape[2:])).flatten(1)[:, : self.code_size].to(atoms.pos.dtype)
        return F.layer_norm(code, code.shape[1:])
