"""The model that a command is given."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tg_molfield.nn import FieldAutoEncoder

MODEL_HELP = "A trained model: organic-small or qm9-latent, of the package, a saved file, or a folder with one."
FLOW_HELP = "A trained model: qm9-latent, of the package, a saved file, or a folder with one; its decoder must be flow."

_MOST_TRIES = 1000

Tries = Annotated[
    int | None,
    typer.Option(
        help="How often, at most, each molecule is drawn until it is one without formal charges and open valences.  "
        "\\[default: 1]"
    ),
]


Precision = Annotated[
    str | None,
    typer.Option(
        help="The precision: float32, or bfloat16, which is up to three times as fast on processors that have it.  "
        "\\[default: float32]"
    ),
]


def load_model(name_or_path: str) -> FieldAutoEncoder:
    """A trained `FieldAutoEncoder`, without gradients.

    Args:
        name_or_path: the name of one of the package's, a file, or a folder with ``model.safetensors``.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: the file holds something else.
    """
    from tg_molfield.nn import FieldAutoEncoder

    return FieldAutoEncoder.from_pretrained(name_or_path).requires_grad_(False)


def load_flow(name_or_path: str, option: str) -> FieldAutoEncoder:
    """A trained model whose codes are a space, see `load_model`.

    Args:
        name_or_path: see there.
        option: how the command line calls the model.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: its decoder is another one, or the file holds something else.
    """
    from tg_molfield.nn import FlowDecoder

    model = load_model(name_or_path)
    if not isinstance(model.decoder, FlowDecoder):
        raise ValueError(
            f"{option}: expected a model with the decoder flow, got {name_or_path} with "
            f"{type(model.decoder).__name__}; take qm9-latent, or train one with tg-molfield train --decoder flow"
        )
    return model


def checked_seed(seed: int | None) -> int:
    """The seed that ``--seed`` gives, 0 by default.

    Raises:
        ValueError: it is out of range.
    """
    seed = 0 if seed is None else seed
    if not 0 <= seed < 2**63:
        raise ValueError(f"--seed: expected 0 to 2^63 − 1, got {str(seed)[:40]}; choose another")
    return seed


def checked_tries(tries: int | None) -> int:
    """How often ``--tries`` lets a molecule be drawn, once by default.

    Raises:
        ValueError: it is out of range.
    """
    if tries is not None and not 1 <= tries <= _MOST_TRIES:
        raise ValueError(f"--tries: expected 1 to {_MOST_TRIES:,}, got {tries}; leave it out to draw once")
    return tries or 1


def in_precision(precision: str | None) -> AbstractContextManager[object]:
    """Where networks compute as ``--precision`` asks, in float32 by default.

    Raises:
        ValueError: it is not known.
    """
    import torch

    from tg_molfield.precision import PRECISIONS

    if precision not in (None, *PRECISIONS):
        known = " or ".join(PRECISIONS)
        raise ValueError(f"--precision: expected {known}, got {precision[:40]}; leave it out for float32")
    return torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else nullcontext()
