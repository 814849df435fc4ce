"""Networks of PyTorch Geometric as encoders: their features of atoms before the readout."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn.inits import glorot_orthogonal
from torch_geometric.nn.models import DimeNetPlusPlus, SchNet, ViSNet
from torch_geometric.nn.models.schnet import RadiusInteractionGraph
from torch_geometric.utils import scatter

from tg_molfield.memory import check_fits
from tg_molfield.nn.ops.neighbors import atoms_near, radius_pairs
from tg_molfield.nn.ops.pieces import Piece, pieces_of, run_pieces
from tg_molfield.nn.ops.triplets import edge_pairs, num_edge_pairs

_NEAREST = 0.2
"""Å; the spherical Bessel functions of DimeNet++ lose their digits below it."""


def atom_encoder_from(module: nn.Module) -> nn.Module:
    """The features that a network has of each atom before its readout: a module ``(z, pos, batch) -> [N, F]``.

    Of a `SchNet` (Schütt et al. 2017, arXiv 1706.08566) F is ``hidden_channels``. Of a `DimeNetPlusPlus` (Gasteiger et
    al. 2020, arXiv 2011.14115) the features are the sum of the output blocks before their last layers and, as atoms
    without neighbours have nothing there, the element's embedding: F is ``out_emb_channels + hidden_channels``. Of a
    `ViSNet` (Wang et al. 2022, arXiv 2210.16518) they are the scalars: F is ``hidden_channels``.

    The result shares the parameters of ``module``, without those of the readout, and trains them. Neighbours are found
    by this package, so pyg-lib is not needed; ``max_num_neighbors`` does not count, as it would make the features
    depend on the order of the atoms. `FieldAutoEncoder` calls this function for an ``encoder`` of these classes.

    Raises:
        TypeError: ``module`` is of none of these classes, or its class has a ``forward`` of its own.
    """
    adapter = _adapter(module)
    if adapter is None:
        raise TypeError(
            f"module: expected a SchNet, DimeNetPlusPlus or ViSNet, got a {type(module).__name__}; a module that gives "
            "[N, F] for (z, pos, batch) needs no adapter"
        )
    made = adapter(module)
    made.training = module.training
    return made


def is_pyg_network(module: object) -> bool:
    """Whether `atom_encoder_from` takes ``module``."""
    return _adapter(module) is not None


class _SchNetAtoms(nn.Module):
    def __init__(self, network: SchNet) -> None:
        super().__init__()
        self.cutoff = network.cutoff
        own_graph = not isinstance(network.interaction_graph, RadiusInteractionGraph)
        self.graph = network.interaction_graph if own_graph else None
        self.embedding = network.embedding
        self.distance_expansion = network.distance_expansion
        self.interactions = network.interactions

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        _check_elements(z, self.embedding)
        features = self.embedding(z)
        if self.graph is not None:
            edge_index, distance = self.graph(pos, batch)
            pieces = []
        else:
            edge_index = radius_pairs(pos, batch, self.cutoff)
            pieces = pieces_of(edge_index, batch)
        if len(pieces) > 1:
            return self._piecewise(features, pos, edge_index, pieces)
        if self.graph is None:
            distance = _distances(pos, edge_index)
        radial = self.distance_expansion(distance)
        for interaction in self.interactions:
            features = features + interaction(features, edge_index, distance, radial)
        return features

    def _piecewise(self, features: Tensor, pos: Tensor, edge_index: Tensor, pieces: list[Piece]) -> Tensor:
        """The features after all interactions, each with the atoms of a piece and those that send to them at a time."""
        for interaction in self.interactions:

            def receive(piece: Piece, interaction: nn.Module = interaction, features: Tensor = features) -> Tensor:
                edges = edge_index[:, piece.edges].contiguous()
                own = torch.arange(piece.atoms.start, piece.atoms.stop, device=edges.device)
                involved = torch.cat([own, edges[0]]).unique()
                distance = _distances(pos, edges)
                within = torch.searchsorted(involved, edges)
                received = interaction(features[involved], within, distance, self.distance_expansion(distance))
                return features[piece.atoms] + received[torch.searchsorted(involved, own)]

            features = torch.cat(run_pieces(receive, pieces))
        return features


def _distances(pos: Tensor, edge_index: Tensor) -> Tensor:
    return (pos[edge_index[0]] - pos[edge_index[1]]).norm(dim=1)


class _DimeNetAtoms(nn.Module):
    def __init__(self, network: DimeNetPlusPlus) -> None:
        super().__init__()
        self.cutoff = network.cutoff
        self.rbf = network.rbf
        self.sbf = network.sbf
        self.emb = network.emb
        self.interaction_blocks = network.interaction_blocks
        self.output_blocks = nn.ModuleList(_OutputFeatures(block) for block in network.output_blocks)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        _check_elements(z, self.emb.emb)
        edge_index = radius_pairs(pos, batch, self.cutoff)
        source, target = edge_index
        basis = self.sbf.num_spherical * self.sbf.num_radial
        floats = 3 * basis + 2 * max(block.lin_down.out_features for block in self.interaction_blocks)
        _check_fits(num_edge_pairs(edge_index, len(z)), "pairs of edges", floats, pos)
        before, after = edge_pairs(edge_index, len(z))
        way = pos[target] - pos[source]
        distance = way.norm(dim=1).clamp(min=_NEAREST)
        along = (way[after] * way[before]).sum(1)
        across = torch.linalg.cross(way[after], way[before]).norm(dim=1)
        radial = self.rbf(distance)
        spherical = self.sbf(distance, torch.atan2(across, along), before)
        messages = self.emb(z, radial, target, source)
        features = self.output_blocks[0](messages, radial, target, len(z))
        for interaction, output in zip(self.interaction_blocks, self.output_blocks[1:], strict=True):
            messages = interaction(messages, radial, spherical, before, after)
            features = features + output(messages, radial, target, len(z))
        return torch.cat([features, self.emb.emb(z)], dim=1)


class _OutputFeatures(nn.Module):
    """An output block of DimeNet++ without its last layer."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.act = block.act
        self.lin_rbf = block.lin_rbf
        self.lin_up = block.lin_up
        self.lins = block.lins

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the block does."""
        for layer in (self.lin_rbf, self.lin_up, *self.lins):
            glorot_orthogonal(layer.weight, scale=2.0)
        for layer in self.lins:
            layer.bias.zero_()

    def forward(self, messages: Tensor, radial: Tensor, target: Tensor, num_atoms: int) -> Tensor:
        received = scatter(self.lin_rbf(radial) * messages, target, dim=0, dim_size=num_atoms, reduce="sum")
        features = self.lin_up(received)
        for layer in self.lins:
            features = self.act(layer(features))
        return features


class _ViSNetAtoms(nn.Module):
    def __init__(self, network: ViSNet) -> None:
        super().__init__()
        self.block = copy.copy(network.representation_model)
        self.block._modules = {**self.block._modules, "distance": _NeighborsAndSelf(self.block)}

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        _check_elements(z, self.block.embedding)
        return self.block(z, pos, batch)[0]


class _NeighborsAndSelf(nn.Module):
    """What ViSNet's ``Distance`` gives: pairs within the cutoff and each atom with itself, distances and ways.

    Two atoms in one place, between which there is no direction, are no pair.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.cutoff = float(block.cutoff)  # type: ignore[arg-type]
        self.floats = 4 * int(block.hidden_channels) * ((int(block.lmax) + 1) ** 2 + 1)  # type: ignore[arg-type]

    def forward(self, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        edge_index = atoms_near(pos, batch, pos, batch, self.cutoff)
        _check_fits(edge_index.size(1), "edges", self.floats, pos)
        way = pos[edge_index[0]] - pos[edge_index[1]]
        distance = way.norm(dim=1)
        kept = (distance > 0) | (edge_index[0] == edge_index[1])
        return edge_index[:, kept], distance[kept], way[kept]


def _check_fits(count: int, what: str, floats: int, pos: Tensor) -> None:
    """Refuse ``count`` edges, or pairs of them, that do not fit in memory with about ``floats`` numbers each."""
    check_fits(
        "pos", f"{len(pos)} atoms with {count} {what} within the cutoff", count * floats * pos.element_size(),
        "take a smaller cutoff, or encoder='painn', which needs less", pos.device,
    )  # fmt: skip


def _check_elements(z: Tensor, embedding: nn.Embedding) -> None:
    if int(z.max()) >= embedding.num_embeddings:
        raise ValueError(
            f"z: expected elements up to {embedding.num_embeddings - 1}, which this encoder knows, got {int(z.max())}; "
            "take a larger embedding"
        )


_ADAPTERS: tuple[tuple[type[nn.Module], type[nn.Module]], ...] = (
    (SchNet, _SchNetAtoms),
    (DimeNetPlusPlus, _DimeNetAtoms),
    (ViSNet, _ViSNetAtoms),
)


def _adapter(module: object) -> type[nn.Module] | None:
    for kind, adapter in _ADAPTERS:
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return adapter
    return None
