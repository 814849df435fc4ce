"""Imports of optional packages, with an error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``, a dependency of this package's extra ``extra``.

    Raises:
        ImportError: the package is missing; the message gives the install command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{package}: expected an installed package, got none; run pip install 'tg_molfield[{extra}]'"
        ) from error


def require_for_pages() -> None:
    """Raise an ImportError if one of the packages for pages with surfaces is not installed."""
    for module in ("plotly", "skimage"):
        require(module, "viz")
