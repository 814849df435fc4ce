"""What functions and classes do: their code, and what it names of modules that are not installed."""

from __future__ import annotations

import dis
import functools
import sys
import sysconfig
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from torch import Tensor

PLAIN = (str, bytes, int, float, complex, type(None), type(...))
"""Types whose values are their own description."""
_LIBRARIES = frozenset(("numpy", "tg_molfield", "torch", "torch_geometric"))
"""Packages whose functions and classes are told by their names."""
_INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib"))
_ARRAYS = (Tensor, np.ndarray, np.generic)
_CONTAINERS = (list, dict, set)


def of_library(value: Any) -> bool:
    """Whether a function or class is of a library that is told by its names."""
    return (value.__module__ or "").partition(".")[0] in _LIBRARIES


def function_content(function: FunctionType) -> list[Any]:
    """The code of a function, what it was made with, and by name the globals that it reads."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    return [function.__code__, function.__defaults__, function.__kwdefaults__, cells, _named_globals(function)]


def class_content(kind: type) -> list[dict[str, Any]]:
    """The methods and constants by name of a class and of those that it derives from that are not installed."""
    return [_defined(base) for base in kind.__mro__ if not _is_installed(base.__module__)]


@functools.cache
def _is_installed(module: str | None) -> bool:
    """Whether a module is of Python, of a library or of any other installed package, and not a file of the caller."""
    root = (module or "").partition(".")[0]
    file = getattr(sys.modules.get(root), "__file__", None)
    known = root in sys.stdlib_module_names or root in _LIBRARIES
    return known or (file is not None and any(Path(file).is_relative_to(folder) for folder in _INSTALLED))


def _defined(kind: type) -> dict[str, Any]:
    found = {}
    for name, value in sorted(vars(kind).items()):
        part = _unwrapped(value)
        if isinstance(part, FunctionType):
            known = name == "__call__" or not _is_dunder(name)
        else:
            known = not _is_dunder(name) and _is_constant(name, part)
        if known:
            found[name] = part
    return found


def _unwrapped(value: Any) -> Any:
    """The function of a property, a static method or a class method."""
    if isinstance(value, property):
        return value.fget
    if isinstance(value, functools.cached_property):
        return value.func
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


def _named_globals(function: FunctionType) -> dict[str, Any]:
    """The constants, functions and classes that a function names; of installed packages their names."""
    found = {}
    for name in sorted(_global_names(function.__code__)):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType | type):
            found[name] = value.__qualname__ if _is_installed(value.__module__) else value
        elif isinstance(value, BuiltinFunctionType | ModuleType):
            found[name] = value.__name__
        elif value is not None and _is_constant(name, value):
            found[name] = value
    return found


def _global_names(code: CodeType) -> set[str]:
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return names.union(*(_global_names(part) for part in code.co_consts if isinstance(part, CodeType)))


def _is_constant(name: str, value: Any) -> bool:
    """Whether a value is taken not to change while a program runs: lists, sets and dictionaries in capitals, too."""
    if isinstance(value, tuple | frozenset):
        return all(_is_constant(name, part) for part in value)
    return isinstance(value, (*PLAIN, *_ARRAYS)) or (name.isupper() and isinstance(value, _CONTAINERS))


def _is_dunder(name: str) -> bool:
    return name.startswith("__")


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
