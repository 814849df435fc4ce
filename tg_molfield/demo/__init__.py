"""The demonstration: fields of real molecules learned, judged on molecules never seen, and shown."""

from tg_molfield.demo.run import run

__all__ = ["run"]
