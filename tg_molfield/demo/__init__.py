"""The demonstration: learn the fields of real molecules, evaluate on held-out molecules, and show the results."""

from tg_molfield.demo.run import run

__all__ = ["run"]
