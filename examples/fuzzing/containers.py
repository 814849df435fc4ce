"""Mutations inside gzip files, NumPy archives and safetensors files, past their checksums and lengths."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

from fuzzing.mutations import BINARY, TEXT, mutate


def compress(random: Random, content: bytes) -> tuple[bytes, str]:
    """A gzip file of ``content``, sound or damaged, and what was done."""
    packed = gzip.compress(content, compresslevel=1, mtime=0)
    if random.random() < 0.4:
        return packed, "gzip"
    if random.random() < 0.2:
        return packed + packed, "gzip twice"
    packed, names = mutate(random, packed, content[:100], {name: BINARY[name] for name in _GZIP_DAMAGE})
    return packed, f"gzip, then {', '.join(names)}"


_GZIP_DAMAGE = ("flip bytes", "truncate", "delete bytes", "insert bytes", "join")


def change_npz(random: Random, content: bytes, other: bytes) -> bytes:
    """Mutate, drop or rename one array of a NumPy archive and write a valid zip file again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return content
    if not members:
        return content
    name = random.choice(list(members))
    array = members.pop(name)
    action = random.random()
    if action < 0.1:
        members["extra.npy"] = array
    elif action < 0.9:
        header = 128 if random.random() < 0.6 else len(array)
        kind = TEXT if header == 128 and random.random() < 0.7 else BINARY
        members[name] = mutate(random, array[:header], other[:128], kind)[0] + array[header:]
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in members.items():
            archive.writestr(zipfile.ZipInfo(name), array)
    return result.getvalue()


def change_safetensors(random: Random, content: bytes, other: bytes) -> bytes:
    """Mutate the JSON header of a safetensors file and correct its length, or the tensors behind it."""
    length = int.from_bytes(content[:8], "little")
    header, tensors = content[8 : 8 + length], content[8 + length :]
    action = random.random()
    if action < 0.4:
        header = mutate(random, header, other[8:200], TEXT)[0]
    elif action < 0.8:
        header = _change_setting(random, header)
    else:
        tensors = mutate(random, tensors, other[-100:], BINARY)[0]
    return len(header).to_bytes(8, "little") + header + tensors


def _change_setting(random: Random, header: bytes) -> bytes:
    """Replace, drop or add one value in the metadata, at any depth, and write valid JSON again."""
    try:
        found = json.loads(header)
        key, text = random.choice(sorted(found["__metadata__"].items()))
        content = json.loads(text)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError):
        return header
    places = list(_places(content))
    if not places:
        return header
    holder, name = random.choice(places)
    action = random.random()
    if action < 0.1:
        del holder[name]
    elif action < 0.2 and isinstance(holder, dict):
        holder[f"{name}_"] = holder.pop(name)
    else:
        holder[name] = random.choice((*_VALUES, [holder[name]] * 2))
    found["__metadata__"][key] = json.dumps(content)
    return json.dumps(found).encode()


_VALUES = (
    0,
    1,
    -1,
    2,
    3,
    7,
    2**31,
    10**12,
    1.5,
    1e308,
    1e-308,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    "x",
    [],
    {},
)


def _places(content: object) -> Iterator[tuple[Any, Any]]:
    """Every list and dictionary in ``content`` with each of its indices or names."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in pairs:
        yield content, name
        yield from _places(value)
