"""Options by name in YAML files: written without PyYAML, and read with it unless they are as they were written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tg_molfield.files import atomic_write, decoding, read_bytes
from tg_molfield.optional import require

SUFFIXES = (".yaml", ".yml")

_NOT_FINITE = {".inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
_NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)|[-+]?\d[\d_]*\.[\d_]*|[-+]?\.\d[\d_]*")
"""A number with a point or an exponent; YAML 1.1, which PyYAML follows, takes 1e-3 for text."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The options of a file.

    Raises:
        ImportError: PyYAML is missing, and the file is not one of `write_yaml`.
        OSError: the file cannot be read.
        ValueError: it is no YAML, holds something else, or an option twice.
    """
    content = read_bytes(path)
    try:
        yaml = require("yaml", "train")
    except ImportError:
        written = _as_written(content)
        if written is None:
            raise
        return written
    with decoding(path):
        try:
            values = yaml.load(content, Loader=_loader(yaml))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = "" if mark is None else f" in line {mark.line + 1}"
            raise ValueError(
                f"expected YAML, got {getattr(error, 'problem', None) or error}{where}; correct it"
            ) from error
        values = {} if values is None else values
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
            raise ValueError("expected options by name, such as 'max_epochs: 100', got something else; correct it")
        return values


def write_yaml(path: Path, values: Mapping[str, Any], comment: str) -> None:
    """Write options of JSON values, one a line; JSON in a line is YAML, too.

    Args:
        path: the file.
        values: the options.
        comment: a line before them.
    """
    lines = [f"# {comment}", *(f"{name}: {_text(value)}" for name, value in values.items())]
    with atomic_write(path) as stream:
        stream.write(("\n".join(lines) + "\n").encode())


def _as_written(content: bytes) -> dict[str, Any] | None:
    """The options of a file as `write_yaml` writes it, None of another one."""
    values: dict[str, Any] = {}
    try:
        for line in content.decode().rstrip("\n").split("\n"):
            name, colon, text = line.partition(": ")
            if line.startswith("#"):
                continue
            if not colon or not name.isidentifier() or name in values:
                return None
            values[name] = _NOT_FINITE[text] if text in _NOT_FINITE else json.loads(text)
    except ValueError:
        return None
    return values


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {_text(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, float):
        return _float(value)
    return json.dumps(value, ensure_ascii=False)


def _float(value: float) -> str:
    """A number that YAML reads as one: ``1.0e-05``, ``.inf``."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' if value < 0 else ''}.inf"
    text = repr(value)
    digits, exponent, power = text.partition("e")
    return f"{digits}.0{exponent}{power}" if exponent and "." not in digits else text


def _loader(yaml: Any) -> Any:
    """PyYAML's safe loader, which refuses an option that is given twice and knows numbers such as 1e-3."""

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            names = [self.construct_object(key, deep=deep) for key, _ in node.value]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{name}: expected each option once, got it twice; leave one out")
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(f"^(?:{_NUMBER.pattern})$"), list("-+0123456789.")
    )
    return Loader
