"""`Configuration`: all that a training depends on, as flags, in a YAML file, and beside the trained model."""

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from tg_molfield.cli.train.yaml_files import read_yaml, write_yaml

FILE = "config.yaml"
"""The name of the resolved configuration in the folder of a training."""


@dataclass(frozen=True)
class Configuration:
    """All that a training depends on; paths are relative to the file that names them.

    Attributes:
        data: folder of a data set, or what ``build`` takes.
        output: folder of the training.
        local: local copy of a public data set.
        conformers: made of each SMILES.
        conformer_seed: of them.
        timeout: seconds for those of one SMILES.
        dimension: 3 to take flat coordinates as geometries.
        by: how the data set is split; None for its usual way.
        fractions: shares of the parts to train on, to validate with and to test with.
        split_seed: of the split.
        model: trained model to begin with.
        preset: of the field.
        preset_options: of the preset.
        channels: of the field, and so are the next three.
        kernel: see `MolField`.
        widths: see there.
        width_scale: see there.
        decoder: of the model, see `FieldAutoEncoder`, as are those up to ``random_frames``.
        encoder: see there.
        latent_dim: see there.
        summary_channels: see there.
        properties: see there.
        encoder_options: see there.
        pooling_options: see there.
        decoder_options: see there.
        random_frames: see there.
        loss: ``field``, ``matching``, ``initial_guess`` or ``flow``; None for the usual one of the decoder.
        points: query points of each molecule, for the loss ``field``.
        batch_size: as for `fit`, and so are the others but ``device``.
        max_epochs: see there.
        max_steps: see there.
        max_seconds: see there.
        lr: see there.
        weight_decay: see there.
        clip: see there.
        warmup: see there.
        schedule: see there.
        ema: see there.
        precision: see there.
        validate_every: see there.
        patience: see there.
        seed: see there; of the parameters, too.
        checkpoint_seconds: see there.
        tensorboard: see there.
        pictures: see there.
        workers: see there.
        compile: whether to compile the model, see `FieldAutoEncoder.compile`.
        device: ``cpu``, ``cuda``, or None for CUDA where there is a device.
    """

    data: tuple[str, ...] = ()
    output: str = "run"
    local: str | None = None
    conformers: int | None = None
    conformer_seed: int | None = None
    timeout: float | None = None
    dimension: int | None = None
    by: str | None = None
    fractions: tuple[float, ...] = (0.8, 0.1, 0.1)
    split_seed: int = 0
    model: str | None = None
    preset: str | None = None
    preset_options: dict[str, Any] = field(default_factory=dict)
    channels: str | None = None
    kernel: str | None = None
    widths: str | float | None = None
    width_scale: float | None = None
    decoder: str | None = None
    encoder: str | None = None
    latent_dim: int | None = None
    summary_channels: int | None = None
    properties: str | None = None
    encoder_options: dict[str, Any] = field(default_factory=dict)
    pooling_options: dict[str, Any] = field(default_factory=dict)
    decoder_options: dict[str, Any] = field(default_factory=dict)
    random_frames: bool | None = None
    loss: str | None = None
    points: int | None = None
    batch_size: int = 64
    max_epochs: int | None = None
    max_steps: int | None = None
    max_seconds: float | None = None
    lr: float = 1e-3
    weight_decay: float = 1e-4
    clip: float = 1.0
    warmup: float = 0.02
    schedule: str = "cosine"
    ema: float | None = None
    precision: str = "float32"
    validate_every: int | None = None
    patience: int | None = None
    seed: int = 0
    checkpoint_seconds: float = 300.0
    tensorboard: bool = False
    pictures: int = 0
    workers: int = 0
    compile: bool = False
    device: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str = "") -> Configuration:
        """The configuration that options give.

        Args:
            values: by name; None leaves an option as it is.
            where: the file that they are from, for messages.

        Raises:
            ValueError: an option is not known, or its value is of another kind.
        """
        before = f"{where}: " if where else ""
        kinds = get_type_hints(cls)
        checked = {}
        for name, value in values.items():
            if name not in kinds:
                near = difflib.get_close_matches(name, kinds, 1)
                remedy = f"did you mean {near[0]}?" if near else "tg-molfield train --help lists them"
                raise ValueError(f"{before}expected options of train, got {name[:40]!r}; {remedy}")
            if value is not None:
                checked[name] = _converted(name, value, kinds[name], before)
        return cls(**checked)

    @classmethod
    def read(cls, path: Path) -> Configuration:
        """The configuration of a file.

        Raises:
            ImportError: PyYAML is missing.
            OSError: the file cannot be read.
            ValueError: it is no YAML, or an option is not known or of another kind.
        """
        found = cls.of(read_yaml(path), str(path))
        folder = path.parent
        return replace(
            found,
            data=tuple(_beside(folder, one) for one in found.data),
            output=os.path.normpath(folder / Path(found.output).expanduser()),
            local=None if found.local is None else _beside(folder, found.local),
            model=None if found.model is None else _beside(folder, found.model),
        )

    def write(self, folder: Path) -> Path:
        """Write the configuration beside what it gives; what is None is left out."""
        values = {name: value for name, value in asdict(self).items() if value is not None and value != {}}
        values["data"] = [_seen_from(folder, one) for one in self.data]
        values["output"] = "."
        for name in ("local", "model"):
            if name in values:
                values[name] = _seen_from(folder, values[name])
        path = folder / FILE
        write_yaml(path, values, f"tg_molfield {version('tg_molfield')}; tg-molfield train {FILE} --resume goes on")
        return path

    def differences(self, other: Configuration) -> list[str]:
        """The names of the options in which two configurations differ."""
        return [one.name for one in fields(self) if _same(self, one.name) != _same(other, one.name)]


def option(name: str) -> str:
    """How the command line calls an option: ``--max-epochs`` for ``max_epochs``."""
    return "source" if name == "data" else f"--{name.replace('_', '-')}"


def _same(how: Configuration, name: str) -> Any:
    """What tells one value of an option from another: of paths, where they lead."""
    value = getattr(how, name)
    if name in ("data", "output", "local", "model") and value is not None:
        paths = value if isinstance(value, tuple) else (value,)
        return [os.path.realpath(path) if os.path.exists(path) else path for path in paths]
    return value


def _beside(folder: Path, name: str) -> str:
    """A path in a file of ``folder``; names that are no path there stay as they are."""
    path = os.path.normpath(folder / Path(name).expanduser())
    return path if os.path.exists(path) or not _is_name(name) else name


def _seen_from(folder: Path, name: str) -> str:
    """A path as a file of ``folder`` names it."""
    if os.path.isabs(name) or not os.path.exists(name):
        return name
    return os.path.relpath(name, folder)


def _is_name(text: str) -> bool:
    """Whether a text can be the name of a public data set or a model of the package."""
    return not os.path.isabs(text) and Path(text).name == text and not Path(text).suffix


def _converted(name: str, value: Any, kind: Any, before: str) -> Any:
    """A value of the kind of its option.

    Raises:
        ValueError: it is of another kind.
    """
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for one in kinds:
        found = _as(one, value)
        if found is not None:
            return found
    expected = " or ".join(_WORDS[get_origin(one) or one] for one in kinds if one is not type(None))
    raise ValueError(f"{before}{name}: expected {expected}, got {str(value)[:40]!r}; correct it")


_WORDS = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "options by name",
    tuple: "a list",
}  # fmt: skip


def _as(kind: Any, value: Any) -> Any:
    """The value as one kind, None where it is another."""
    if get_origin(kind) is tuple:
        items = list(value) if isinstance(value, list | tuple) else [value]
        converted = [_as(get_args(kind)[0], item) for item in items]
        return None if None in converted else tuple(converted)
    if get_origin(kind) is dict:
        return dict(value) if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) else None
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else None
    if kind is int:
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    return value if kind in (str, bool) and isinstance(value, kind) else None
