"""Codes and models in a notebook."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.elements import symbols
from tg_molfield.display.atoms_svg import atoms_picture
from tg_molfield.display.card import Picture, card, numbers_of
from tg_molfield.display.thumbnail import is_signed, thumbnail

_MOST_CODES = 16
_MOST_NUMBERS = 512
_MOST_REASONS, _MOST_NEIGHBORS = 10, 6
_MOST_JUDGED, _MOST_DRAWN = 100, 4


def latent_card(latent: Any) -> str:
    """The card of a `Latent`, with its first codes as rows of colours."""
    molecules, numbers = latent.code.shape
    facts = {
        "molecules": molecules,
        "code": f"{numbers} numbers each" + _summary(latent),
        "frames": f"up to {latent.pose.frames.shape[1]} a molecule",
        "origin": _vector(latent.origin[0]) if molecules == 1 else None,
        "atoms": None if latent.atoms is None else f"{len(latent.atoms.z):,}, with their features",
        "numbers": numbers_of(latent.code),
    }
    return card("Latent", facts, _rows_of_colors(latent.code))


def embeddings_card(embeddings: Any) -> str:
    """The card of `Embeddings`, with the first codes as rows of colours, and why molecules have none."""
    molecules, numbers = embeddings.code.shape
    summary = embeddings.summary.size(1)
    facts = {
        "molecules": f"{molecules:,}" + (f", {len(embeddings.failed):,} more without a code" * bool(embeddings.failed)),
        "code": f"{numbers} numbers each" + (f", the last {summary} the summary" * bool(summary)),
        "outside the domain of the model": f"{len(embeddings.outside):,}" if embeddings.outside else None,
        "numbers": numbers_of(embeddings.code),
    }
    reasons = [(index, reason) for index, reason in islice(embeddings.failed.items(), _MOST_REASONS)]
    table = (("molecule", "why it has no code"), reasons) if reasons else None
    return card("Embeddings", facts, _rows_of_colors(embeddings.code), table=table)


def neighbors_card(neighbors: Any) -> str:
    """The card of `Neighbors`: the nearest of the first codes, with their distances."""
    codes, number = neighbors.index.shape
    index, distance = (
        part[:_MOST_CODES, :_MOST_NEIGHBORS].detach().cpu() for part in (neighbors.index, neighbors.distance)
    )
    rows = [
        (row, *(f"{other} ({apart:.3g})" for other, apart in zip(others, distances, strict=True)))
        for row, (others, distances) in enumerate(zip(index.tolist(), distance.tolist(), strict=True))
    ]
    headers = ("code", *(f"nearest {place}" for place in range(1, index.size(1) + 1)))
    facts = {"codes": f"{codes:,}", "neighbours": f"the {number} nearest of each, as row (distance)"}
    return card("Neighbors", facts, table=(headers, rows) if rows and number else None)


def decoded_card(decoded: Any) -> str:
    """The card of `DecodedMolecules`, with pictures of the first."""
    atoms, is_judged = [data.num_nodes for data in decoded], len(decoded) <= _MOST_JUDGED
    facts = {
        "molecules": f"{len(decoded):,}",
        "atoms": f"{min(atoms)} to {max(atoms)} a molecule" if atoms else None,
        "valid": f"{sum(decoded.valid):,} by RDKit" if is_judged else "not judged, see valid",
        "channels": ", ".join(decoded.field.channels),
    }
    captions = [one or "no molecule" for one in decoded.smiles] if is_judged else ["atoms"] * len(decoded)
    shown = [
        picture
        for data, caption in zip(decoded[:_MOST_DRAWN], captions, strict=False)
        for picture in atoms_picture(AtomList(data.z, data.pos.detach()), caption)
    ]
    return card("DecodedMolecules", facts, shown)


def features_card(features: Any) -> str:
    """The card of `AtomFeatures`."""
    sizes = features.sizes
    facts = {
        "atoms": f"{len(features.z):,} of {features.num_graphs:,} molecules",
        "scalars": sizes.scalars or None,
        "vectors": sizes.vectors or None,
        "tensors": sizes.tensors or None,
        "numbers": numbers_of(features.pos),
    }
    shown = atoms_picture(AtomList(features.z, features.pos)) if features.num_graphs == 1 else []
    return card("AtomFeatures", facts, shown)


def pose_card(pose: Any) -> str:
    """The card of a `Pose`; the frame of a single molecule as a table."""
    facts = {
        "molecules": len(pose),
        "frames": f"up to {pose.frames.size(1)} a molecule",
        "on a line": int((pose.rank == 1).sum()) or None,
        "in one point": int((pose.rank == 0).sum()) or None,
        "origin": _vector(pose.origin[0]) if len(pose) == 1 else None,
        "numbers": numbers_of(pose.origin),
    }
    axes = None
    if len(pose) == 1:
        axes = ("axis", "x", "y", "z"), [(row + 1, *axis) for row, axis in enumerate(pose.frame[0].detach().tolist())]
    return card("Pose", facts, table=axes)


def _rows_of_colors(codes: torch.Tensor) -> list[Picture]:
    """The first codes [M, D], one below the other."""
    code = codes.detach()[:_MOST_CODES, :_MOST_NUMBERS].cpu().double().numpy()[::-1]
    if not code.size:
        return []
    shown = "its numbers" if len(codes) == 1 else f"the numbers of {len(code)}, one below the other"
    rows = max(14, 8 * len(code))
    roots = np.nan_to_num(np.sign(code) * np.sqrt(np.abs(code)), posinf=0, neginf=0)
    colors = "red below 0, blue above" if is_signed(roots) else "from 0 in violet to yellow"
    return [Picture(thumbnail(roots, 420, rows, 420 / rows), f"{shown}: {colors}, by their roots")]


def model_card(model: Any, facts: dict[str, object]) -> str:
    """The card of a model.

    Args:
        model: a module with ``channels`` and a decoder's ``mol_field``.
        facts: what its class tells.
    """
    parameters = list(model.parameters())
    count = sum(one.numel() for one in parameters if not isinstance(one, torch.nn.UninitializedParameter))
    told = {
        "channels": ", ".join(model.channels),
        "definition": model.mol_field and repr(model.mol_field),
        **facts,
        "parameters": f"{count:,}",
        "state": f"{'training' if model.training else 'evaluation'} mode"
        + (f", on {parameters[0].device}" if count else ""),
    }
    return card(type(model).__name__, told)


def domain_of(domain: Any) -> str:
    """The molecules that a model was trained on, in words."""
    if not domain.elements:
        return "nothing yet"
    return f"{', '.join(symbols()[z] for z in domain.elements)}; up to {domain.max_atoms} atoms"


def _summary(latent: Any) -> str:
    return f", the last {latent.summary_channels} the summary" if latent.summary_channels else ""


def _vector(values: Any) -> str:
    return f"({', '.join(f'{round(value, 3) + 0.0:g}' for value in values.detach().tolist())}) Å".replace("-", "−")
