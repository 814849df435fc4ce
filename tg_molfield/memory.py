"""How much memory there is, and the refusal of what does not fit in it, before it is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CGROUPS = Path("/sys/fs/cgroup")
_SMALL = 2**24
"""Bytes; less than this is not compared with what there is."""


def available_bytes(device: torch.device | None = None) -> int:
    """The bytes that can still be allocated on a device; on the processor's memory if not given.

    On Linux this is what the kernel calls available (free memory, caches that it can drop, swap), within the limits of
    the control groups (version 1 or 2, as containers and batch systems set them) and of ``ulimit -v``. Elsewhere the
    whole memory of the machine is assumed to be free, and where Python cannot tell its size, no limit.
    """
    if device is not None and device.type == "cuda":
        import torch

        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + idle
    limits = [*_of_machine(), *_of_cgroups(_CGROUPS, _text(Path("/proc/self/cgroup"))), *_of_process()]
    return max(0, min(limits, default=2**63 - 1))


def check_fits(
    name: str,
    what: str,
    needed: int,
    remedy: str,
    device: torch.device | None = None,
    limit: int | None = None,
) -> None:
    """Refuse what does not fit in memory.

    Args:
        name: the argument to blame.
        what: what is to be allocated, for the message.
        needed: its size in bytes.
        remedy: the end of the message.
        device: where; the processor's memory if not given.
        limit: the bytes to use; those available if not given.

    Raises:
        MemoryError: it needs more than there is.
    """
    if limit is None and needed < _SMALL:
        return
    free = available_bytes(device) if limit is None else limit
    if needed > free:
        raise MemoryError(
            f"{name}: expected what fits in {_gib(free)} of memory, got {what}, which needs {_gib(needed)}; {remedy}"
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size < 2**40 else f"{size // 2**30} GiB"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _of_machine() -> Iterator[int]:
    fields = dict(line.split(":", 1) for line in _text(Path("/proc/meminfo")).splitlines() if ":" in line)
    if "MemAvailable" in fields:
        yield sum(int(fields[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree") if name in fields)
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_cgroups(root: Path, memberships: str) -> Iterator[int]:
    """What is left in each control group of this process that has a limit.

    Args:
        root: where the groups are mounted.
        memberships: the text of ``/proc/self/cgroup``.
    """
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        group = PurePosixPath(path)
        for one in (group, *group.parents):
            if not controllers:
                place, names = root / str(one).lstrip("/"), ("memory.max", "memory.current", "")
            elif "memory" in controllers.split(","):
                place = root / "memory" / str(one).lstrip("/")
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
            else:
                break
            limit, used = _text(place / names[0]).strip(), _text(place / names[1]).strip()
            if limit.isdigit() and used.isdigit():
                yield int(limit) - int(used) + _file_cache(_text(place / "memory.stat"), names[2])


def _file_cache(statistics: str, prefix: str) -> int:
    """The bytes of files kept in a control group, which the kernel drops when memory is short."""
    counts = dict(line.split() for line in statistics.splitlines())
    return sum(int(counts.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))


def _of_process() -> Iterator[int]:
    try:
        import resource
    except ImportError:
        return
    limit, pages = resource.getrlimit(resource.RLIMIT_AS)[0], _text(Path("/proc/self/statm")).split()
    if limit != resource.RLIM_INFINITY and pages:
        yield limit - int(pages[0]) * resource.getpagesize()
