"""Radial functions φ and their slopes dφ/ds as functions of s = d²/σ², inside Triton kernels."""

import triton
import triton.language as tl

SUPPORTED = (
    "gaussian",
    "slater",
    "wendland_c2",
    "wendland_c4",
    "inverse_multiquadric",
    "coulomb",
    "gaussian_with_tail",
    "hard_sphere",
    "occupancy",
)


@triton.jit
def radial_value(s, PHI: tl.constexpr):
    """φ(s)."""
    if PHI == "gaussian":
        value = tl.exp2(-0.7213475204444817 * s)
    elif PHI == "slater":
        value = tl.exp(-tl.sqrt(s))
    elif PHI == "wendland_c2":
        u = tl.sqrt(s)
        rest = tl.maximum(1 - u, 0.0)
        square = rest * rest
        value = square * square * (4 * u + 1)
    elif PHI == "wendland_c4":
        u = tl.sqrt(s)
        rest = tl.maximum(1 - u, 0.0)
        cube = rest * rest * rest
        value = cube * cube * (35 * s + 18 * u + 3) * 0.3333333333333333
    elif PHI == "inverse_multiquadric":
        value = 1 / tl.sqrt(1 + s)
    elif PHI == "coulomb":
        far = s > 0.02
        u = tl.sqrt(tl.where(far, s, 1.0))
        near = tl.where(far, 0.0, s)
        series = 1 + near * (-1 / 6 + near * (1 / 40 + near * (-1 / 336)))
        value = tl.where(far, tl.erf(u * 0.7071067811865476) / u, 0.7978845608028654 * series)
    elif PHI == "gaussian_with_tail":
        rest = tl.maximum(3 - 2 * tl.sqrt(s), 0.0)
        value = tl.where(s <= 1, tl.exp2(-2.885390081777927 * s), 0.1353352832366127 * rest * rest)
    elif PHI == "hard_sphere":
        value = tl.where(s < 1, 1.0, 0.0)
    else:
        tl.static_assert(PHI == "occupancy")
        power = _occupancy_power(s)
        series = power * (1 - power * (0.5 - power * (0.16666666666666666 - power * 0.041666666666666664)))
        value = tl.where(power < 0.1, series, 1 - tl.exp(-power))
    return value


@triton.jit
def radial_slope(s, PHI: tl.constexpr):
    """dφ/ds."""
    if PHI == "gaussian":
        slope = -0.5 * tl.exp2(-0.7213475204444817 * s)
    elif PHI == "slater":
        u = tl.sqrt(s)
        slope = tl.where(s > 0, -0.5 * tl.exp(-u) / tl.where(s > 0, u, 1.0), 0.0)
    elif PHI == "wendland_c2":
        rest = tl.maximum(1 - tl.sqrt(s), 0.0)
        slope = -10 * rest * rest * rest
    elif PHI == "wendland_c4":
        u = tl.sqrt(s)
        rest = tl.maximum(1 - u, 0.0)
        square = rest * rest
        slope = -9.333333333333334 * square * square * rest * (5 * u + 1)
    elif PHI == "inverse_multiquadric":
        root = 1 / tl.sqrt(1 + s)
        slope = -0.5 * root * root * root
    elif PHI == "coulomb":
        far = s > 0.02
        t = tl.where(far, s, 1.0)
        near = tl.where(far, 0.0, s)
        series = -1 / 6 + near * (1 / 20 + near * (-1 / 112 + near * (1 / 864)))
        u = tl.sqrt(t)
        exact = (0.7978845608028654 * tl.exp(-0.5 * t) - tl.erf(u * 0.7071067811865476) / u) / (2 * t)
        slope = tl.where(far, exact, 0.7978845608028654 * series)
    elif PHI == "gaussian_with_tail":
        u = tl.maximum(tl.sqrt(s), 0.5)
        tail = -0.2706705664732254 * tl.maximum(3 - 2 * u, 0.0) / u
        slope = tl.where(s <= 1, -2 * tl.exp2(-2.885390081777927 * s), tail)
    elif PHI == "hard_sphere":
        slope = s * 0.0
    else:
        tl.static_assert(PHI == "occupancy")
        power = _occupancy_power(s)
        slope = tl.where(s > 0.05, -6 * power * tl.exp(-power) / tl.maximum(s, 0.05), 0.0)
    return slope


@triton.jit
def _occupancy_power(s):
    inverse = 1 / tl.maximum(s, 0.05)
    square = inverse * inverse
    return square * square * square
