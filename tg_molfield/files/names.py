"""The names by which files are told apart."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path


def distinct_names(paths: Sequence[str | Path]) -> list[str]:
    """The names of files, where some are alike with as many folders as tell them apart: ``a/x.sdf`` and ``b/x.sdf``."""
    whole = [Path(os.path.abspath(path)).parts for path in paths]
    found: dict[tuple[str, ...], str] = {}
    left = list(dict.fromkeys(whole))
    for length in count(1):
        shared = Counter(parts[-length:] for parts in left)
        alone = [parts for parts in left if shared[parts[-length:]] == 1]
        found.update((parts, "/".join(parts[-length:])) for parts in alone)
        left = [parts for parts in left if parts not in found]
        if not left:
            break
    return [found[parts] for parts in whole]
