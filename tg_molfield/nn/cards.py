"""Codes and models in a notebook."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tg_molfield.chem.elements import symbols
from tg_molfield.display.card import Picture, card
from tg_molfield.display.thumbnail import thumbnail

_MOST_CODES = 16
_MOST_NUMBERS = 512


def latent_card(latent: Any) -> str:
    """The card of a `Latent`, with its first codes as rows of colours."""
    molecules, numbers = latent.code.shape
    code = latent.code.detach()[:_MOST_CODES, :_MOST_NUMBERS].double().cpu().numpy()
    facts = {
        "molecules": molecules,
        "code": f"{numbers} numbers each" + _summary(latent),
        "frames": f"up to {latent.pose.frames.shape[1]} a molecule",
        "origin": _vector(latent.origin[0]) if molecules == 1 else None,
        "atoms": None if latent.atoms is None else f"{len(latent.atoms.z):,}, with their features",
        "numbers": f"{str(latent.code.dtype).removeprefix('torch.')} on {latent.code.device}",
    }
    drawn = np.sign(code[::-1]) * np.sqrt(np.abs(code[::-1]))
    shown = "its numbers" if molecules == 1 else f"the numbers of {len(code)}, one below the other"
    rows = max(14, 8 * len(code))
    pictures = (
        [Picture(thumbnail(drawn, 420, rows, 420 / rows), f"{shown}: red below 0, blue above, by their roots")]
        if code.size
        else []
    )
    return card("Latent", facts, pictures)


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
