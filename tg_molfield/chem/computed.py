"""The per-atom properties that `structures` computes from bonds."""

COMPUTED_PROPERTIES = (
    "formal_charge",
    "aromatic",
    "donor",
    "acceptor",
    "logp",
    "molar_refractivity",
    "tpsa",
    "partial_charge",
)
"""Their names; see ``tg_molfield.structures.KEYS``."""
