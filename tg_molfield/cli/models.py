"""The model that a command is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tg_molfield.nn import FieldAutoEncoder

MODEL_HELP = "A trained model: organic-small, which is part of the package, a saved file, or a folder with one."


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
