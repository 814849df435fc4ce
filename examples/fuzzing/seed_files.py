"""The sound and the damaged files that mutations start from: those in the data folder, and small ones written here."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import NamedTuple

from fuzzing.written_files import written_files
from tg_molfield.structures.formats.registry import SUFFIXES as STRUCTURES
from tg_molfield.volumes.registry import SUFFIXES as VOLUMES

MODEL = ".safetensors"
BINARY_SUFFIXES = {".ccp4", ".map", ".mrc", ".npz", MODEL}
_MAX_BYTES = 30_000
_PDB_LINES = (b"CRYST1", b"MODEL", b"ATOM", b"HETATM", b"TER")


class SeedFile(NamedTuple):
    """One file to start from.

    Attributes:
        name: where it comes from.
        suffix: of the format, such as ``.pdb``, or of the class that reads a model, ``.FieldAutoEncoder.safetensors``.
        content: its bytes, decompressed.
    """

    name: str
    suffix: str
    content: bytes

    @property
    def kind(self) -> str:
        """``structure``, ``volume`` or ``model``."""
        return "model" if self.suffix.endswith(MODEL) else "structure" if self.suffix in STRUCTURES else "volume"

    @property
    def is_binary(self) -> bool:
        return Path(f"x{self.suffix}").suffix in BINARY_SUFFIXES


def seed_files(data: Path | None, kinds: tuple[str, ...]) -> list[SeedFile]:
    """The files of these kinds, in a fixed order: small ones of the folder ``data`` and heads of large ones."""
    files = [SeedFile(name, suffix, content) for name, suffix, content in written_files("model" in kinds)]
    for path in sorted(data.rglob("*")) if data else ():
        suffix = next((ending for ending in path.suffixes[-2:] if ending in (*STRUCTURES, *VOLUMES)), "")
        if suffix and path.is_file():
            content = _content(path)
            if len(content) > _MAX_BYTES // 3:
                content = _head(suffix, content)
            if 0 < len(content) <= _MAX_BYTES:
                files.append(SeedFile(str(path.relative_to(data)), suffix, content))
    return [file for file in files if file.kind in kinds]


def _head(suffix: str, content: bytes) -> bytes:
    """The first whole records of a text file; other files as they are."""
    size = _MAX_BYTES // 3
    if suffix == ".sdf" and b"$$$$\n" in content[:_MAX_BYTES]:
        return content[: max(content.rfind(b"$$$$\n", 0, size), content.find(b"$$$$\n")) + 5]
    if suffix == ".mol2":
        end = content.rfind(b"@<TRIPOS>MOLECULE", 1, _MAX_BYTES)
        return content[:end] if end > 0 else content
    if suffix == ".pdb":
        lines = [line for line in content.split(b"\n") if line.startswith(_PDB_LINES)]
        return b"\n".join(lines[: size // 81]) + b"\n"
    if suffix == ".xyz":
        lines = content.split(b"\n")
        frames = max(1, size // (int(lines[0]) * 60))
        return b"\n".join(lines[: frames * (int(lines[0]) + 2)]) + b"\n" if lines[0].strip().isdigit() else content
    return content


def _content(path: Path) -> bytes:
    """The first bytes of a file, decompressed if that works."""
    content = path.read_bytes() if path.stat().st_size < 2**20 else b""
    if path.suffix == ".gz":
        try:
            return gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return b""
    return content
