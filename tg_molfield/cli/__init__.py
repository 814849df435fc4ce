"""The command ``tg-molfield``."""

from tg_molfield.cli.app import main

__all__ = ["main"]
