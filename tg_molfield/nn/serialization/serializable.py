"""`Serializable`: models that are saved to files and folders and loaded from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import nn
from typing_extensions import Self

from tg_molfield.arguments import as_path
from tg_molfield.fields import MolField
from tg_molfield.files import decoding
from tg_molfield.nn.serialization.description import (
    CLASSES,
    asked_channels,
    check_modules,
    describe_model,
    rebuild_model,
)
from tg_molfield.nn.serialization.folder import check_config, pretrained_file, write_folder
from tg_molfield.tensor_files import read_object, write_object


class Serializable:
    """Saving and loading for an `nn.Module` that keeps the arguments it was built with as ``hyper_parameters``.

    Attributes:
        hyper_parameters: JSON values, without ``channels``.
        module_marks: the arguments that can be modules, and what stands for a module in ``hyper_parameters``.
        part_paths: where those are that are built by name, with options of their own such as ``encoder_options``.
    """

    hyper_parameters: dict[str, Any]
    module_marks: ClassVar[dict[str, Any]] = {}
    part_paths: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        assert issubclass(cls, nn.Module)
        CLASSES[cls.__name__] = cls

    def save(self, path: str | Path) -> None:
        """Write the parameters, hyper-parameters and definition as one safetensors file.

        Raises:
            OSError: it cannot be written.
            ValueError: the definition has a kernel without a name, or an option is no JSON value.
        """
        assert isinstance(self, nn.Module)
        description, tensors = describe_model(self)
        write_object(path, description.pop("model"), description, tensors)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder, in the layout of the Hugging Face hub.

        ``model.safetensors`` is the file of :meth:`save`, ``config.json`` tells people and programs what is in it, and
        ``README.md`` is a model card. All are replaced together or not at all. What you write into the card is kept:
        only its part between two marks is written anew, and a card without the marks is left alone.

        Args:
            folder: created where it is missing.

        Raises:
            OSError: it cannot be written.
            ValueError: as for :meth:`save`.
        """
        assert isinstance(self, nn.Module)
        write_folder(folder, self)

    @classmethod
    def load(
        cls, path: str | Path, *, channels: MolField | str | Sequence[str] | None = None, **modules: nn.Module
    ) -> Self:
        """The model that :meth:`save` wrote, in evaluation mode.

        Args:
            path: the file.
            channels: refuse a model of another field: a definition, or names of channels.
            modules: ``encoder=`` and ``decoder=``: modules of the kind that the model was built with, where it was not
                built from names.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds something else, was written by a newer version of the package, has other channels, or
                a module is missing or does not fit.
        """
        return cls._load(as_path(path), None, channels, modules)

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path, *, channels: MolField | str | Sequence[str] | None = None, **modules: nn.Module
    ) -> Self:
        """A trained model, in evaluation mode; nothing is downloaded.

        Args:
            name_or_path: the name of a model of this package, a file that :meth:`save` wrote, or a folder with
                ``model.safetensors``, such as :meth:`save_pretrained` writes.
            channels: see :meth:`load`.
            modules: see :meth:`load`.

        Raises:
            FileNotFoundError: there is no such model, file or folder, or the folder holds none.
            ValueError: as for :meth:`load`; or ``config.json`` tells of another model than the folder holds.
        """
        path = pretrained_file(name_or_path)
        folder = as_path(name_or_path)
        return cls._load(path, folder if path.parent == folder else None, channels, modules)

    @classmethod
    def _load(
        cls,
        path: Path,
        folder: Path | None,
        channels: MolField | str | Sequence[str] | None,
        modules: dict[str, nn.Module],
    ) -> Self:
        check_modules(modules)
        asked = asked_channels(channels)
        parameters, tensors = read_object(path, cls.__name__)
        description = {"model": cls.__name__, **parameters}
        if folder is not None:
            check_config(folder, description)
        with decoding(path):
            model = rebuild_model(description, tensors, asked, **modules)
        assert isinstance(model, cls)
        return model
