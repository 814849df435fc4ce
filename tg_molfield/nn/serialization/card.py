"""Model cards: what a model is, for people, in the ``README.md`` of its folder."""

from __future__ import annotations

from typing import Any

from torch import nn

from tg_molfield.chem.elements import symbols
from tg_molfield.nn.domain import Domain
from tg_molfield.tensor_files import package_version

_BEGIN, _END = "<!-- tg_molfield: what follows is written by save_pretrained -->", "<!-- tg_molfield: end -->"
_HEAD = """---
library_name: tg_molfield
tags:
- molecules
- neural-fields
- pytorch-geometric
---

# {name}

{facts}
"""


def model_card(name: str, model: nn.Module, description: dict[str, Any], before: str | None) -> str | None:
    """The text of a card.

    Args:
        name: of the model.
        model: the model.
        description: see `describe_model`.
        before: the card there is, whose part between the two marks is replaced; None where there is none.

    Returns:
        The text, or None where the card there is has no marks.
    """
    facts = f"{_BEGIN}\n{_facts(name, model, description)}\n{_END}"
    if before is None:
        return _HEAD.format(name=name, facts=facts)
    head, begin, rest = before.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    return f"{head}{facts}{tail}" if begin and end else None


def _facts(name: str, model: nn.Module, description: dict[str, Any]) -> str:
    kind = description["model"]
    sizes = [parameter.numel() for parameter in model.parameters()]
    facts = {
        "class": f"`{kind}`",
        "channels": f"`{' '.join(description['channels'])}`" if description["channels"] else "",
        "field": f"`{model.mol_field!r}`" if description["mol_field"] is not None else "",
        "parameters": f"{sum(sizes):,}",
    }
    facts |= {
        option: f"`{value}`"
        for option, value in description["hyper_parameters"].items()
        if value not in (None, False, {}, [])
    }
    domain = getattr(model, "domain", None)
    if isinstance(domain, Domain) and domain.elements:
        elements = ", ".join(symbols()[number] for number in domain.elements)
        facts["trained on"] = f"molecules of {elements} with up to {domain.max_atoms} atoms"
    facts["written by"] = f"tg_molfield {package_version()}"
    lines = "\n".join(f"- {fact}: {text}" for fact, text in facts.items() if text)
    use = f'from tg_molfield.nn import {kind}\n\nmodel = {kind}.from_pretrained("{name}")'
    return f"{lines}\n\n```python\n{use}\n```"
