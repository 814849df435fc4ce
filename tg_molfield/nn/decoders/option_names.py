"""Options by name, checked before they are used."""

from __future__ import annotations

from collections.abc import Iterable


def check_option_names(decoder: str, options: Iterable[str], known: Iterable[str]) -> None:
    """Refuse options that a decoder does not have.

    Raises:
        TypeError: there is one; the message names it and those there are.
    """
    known = tuple(known)
    unknown = [name for name in options if name not in known]
    if unknown:
        listed = ", ".join(known) or "none"
        raise TypeError(
            f"decoder_options: {', '.join(unknown)} is not known to the {decoder!r} decoder; it has {listed}"
        )
