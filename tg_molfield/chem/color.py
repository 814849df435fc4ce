"""The kinds of pharmacophore features, by which the colour of molecules is compared."""

COLOR_TYPES = ("donor", "acceptor", "ring", "hydrophobe", "cation", "anion")
"""The names of the types of features; ``data.color_type`` counts them from 0."""

COLOR_KEYS = ("color_pos", "color_type", "color_count")
"""The attributes of a ``Data`` that hold its features."""
