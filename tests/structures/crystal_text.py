"""CIF texts for tests."""

CUBE = (10.0, 10.0, 10.0, 90.0, 90.0, 90.0)
HEXAGONAL = (10.0, 10.0, 12.0, 90.0, 90.0, 120.0)
_PARAMETERS = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
FRACT = "label type_symbol fract_x fract_y fract_z"
DISORDER = f"{FRACT} occupancy disorder_assembly disorder_group"


def crystal(sites, symmetry="_space_group_name_H-M_alt 'P 1'", cell=CUBE, columns=FRACT):
    """A crystal block; ``columns`` are those of the rows in ``sites``."""
    lines = ["data_t"]
    lines += [f"_cell_{name} {value}" for name, value in zip(_PARAMETERS, cell or (), strict=False)]
    lines += [symmetry, "loop_", *(f"_atom_site_{name}" for name in columns.split()), *sites]
    return "\n".join(lines) + "\n"


def listed(*operators, tag="_symmetry_equiv_pos_as_xyz"):
    """The loop that lists symmetry operators."""
    return "\n".join(["loop_", tag, *(f"'{operator}'" for operator in operators)])
