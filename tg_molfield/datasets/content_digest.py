"""What tells values, functions and transforms from others, also in other processes and later runs."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform, Compose, ComposeFilters

from tg_molfield.datasets.code_content import PLAIN, class_content, function_content, of_library
from tg_molfield.files import shortened
from tg_molfield.tensor_files import raw_bytes

_BARE = (object.__repr__, BaseTransform.__repr__)
"""What shows no attributes."""
_OF_MODULES = frozenset(name for name in vars(torch.nn.Module()) if name.startswith("_"))
"""The attributes that PyTorch keeps in its modules."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def function_text(function: Any) -> str:
    """The name of a function or transform, with a digest of what it does.

    The digest covers the code, the default arguments, the closure, and the constants, functions and classes that the
    code names, without those of installed packages; lists, sets and dictionaries are constants where they are in
    capitals. It covers the arguments of a ``partial``, and the methods and attributes of an object.
    """
    if function is None:
        return "None"
    return f"{shortened(_name(function), 40)}, digest {content_digest(function)}"


def content_digest(value: Any) -> str:
    """A digest of the content of any value: 16 hexadecimal digits."""
    return _Walk((), {})(value)[:16]


class _Walk:
    """Gives the digests of values and of what they hold.

    Args:
        above: the ids of the values that hold the next one, which end what holds itself.
        met: the functions and objects met so far, by id, which are described once.
    """

    def __init__(self, above: tuple[int, ...], met: dict[int, tuple[int, Any]]) -> None:
        self._above, self._met = above, met

    def __call__(self, value: Any) -> str:
        if id(value) in self._above:
            content: Any = f"the value {len(self._above) - self._above.index(id(value))} levels above"
        elif id(value) in self._met:
            content = f"the value {self._met[id(value)][0]}"
        else:
            if _is_described_once(value):
                self._met[id(value)] = len(self._met), value
            content = _content(value, _Walk((*self._above, id(value)), self._met))
        return hashlib.sha256(f"{type(value).__qualname__} {content!r}".encode()).hexdigest()

    def unordered(self, values: Iterable[Any]) -> list[str]:
        """The digests of values whose order has no meaning and changes between processes."""
        return sorted(_Walk(self._above, dict(self._met))(value) for value in values)


def _is_described_once(value: Any) -> bool:
    return isinstance(value, FunctionType) or type(value).__repr__ in _BARE


def _content(value: Any, digest: _Walk) -> Any:
    """What a value consists of, as texts."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [digest(part) for part in value]
    if isinstance(value, set | frozenset):
        return digest.unordered(value)
    if isinstance(value, Mapping):
        return [(digest(name), digest(part)) for name, part in value.items()]
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return _numbers(value, digest)
    if isinstance(value, CodeType):
        return _code(value, digest)
    if isinstance(value, ModuleType):
        return _name(value)
    if isinstance(value, type):
        return _name(value), digest(class_content(value))
    return _called(value, digest)


def _numbers(value: Tensor | np.ndarray | np.generic, digest: _Walk) -> Any:
    if isinstance(value, Tensor):
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            return repr(value)
        return str(value.dtype), tuple(value.shape), hashlib.sha256(raw_bytes(value)).hexdigest()
    array = np.ascontiguousarray(value)
    if array.dtype.hasobject:
        return digest(array.tolist())
    return str(array.dtype), np.shape(value), hashlib.sha256(array.tobytes()).hexdigest()


def _code(code: CodeType, digest: _Walk) -> Any:
    handlers = getattr(code, "co_exceptiontable", b"")
    return code.co_code, code.co_names, handlers, [digest(constant) for constant in code.co_consts]


def _called(value: Any, digest: _Walk) -> Any:
    """The content of a function, of an object that is called like one, or of any other object."""
    if isinstance(value, FunctionType):
        return _name(value) if of_library(value) else digest(function_content(value))
    if isinstance(value, MethodType):
        return digest(value.__func__), digest(value.__self__)
    if isinstance(value, functools.partial):
        return digest(value.func), digest(value.args), digest(value.keywords)
    if isinstance(value, Data):
        return digest(value.to_dict())
    if isinstance(value, Compose | ComposeFilters):
        return digest(vars(value))
    if (wrapped := getattr(value, "__wrapped__", None)) is not None:
        return digest(wrapped)
    code, shown = digest(class_content(type(value))), repr(value)
    if isinstance(value, torch.nn.Module):
        parts = [digest(part) for part in value.children()]
        return shown, code, parts, digest(_attributes(value)), digest(value.state_dict())
    if type(value).__repr__ in _BARE or _ADDRESS.search(shown):
        shown = _name(value)
    elif type(value).__module__.startswith("tg_molfield"):
        return shown
    return shown, code, digest(_attributes(value))


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object, without what it keeps for later and what PyTorch keeps in its modules."""
    hidden = _OF_MODULES if isinstance(value, torch.nn.Module) else frozenset[str]()
    return {
        name: part
        for name, part in sorted(getattr(value, "__dict__", {}).items())
        if not name.startswith("__")
        and name not in hidden
        and not isinstance(getattr(type(value), name, None), functools.cached_property)
    }


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return str(name) if name else _ADDRESS.sub("", repr(value))
