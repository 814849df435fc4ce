"""`gaussians_of`: a field that has to be a sum of Gaussians."""

from __future__ import annotations

from typing import Any

from tg_molfield.arguments import check_kind
from tg_molfield.fields import Field, RBFField
from tg_molfield.fields.gaussian_sums import as_gaussians


def gaussians_of(name: str, field: Any) -> RBFField:
    """The field as one `RBFField` of Gaussians.

    Raises:
        TypeError: it is no field.
        ValueError: it is no sum of Gaussians.
    """
    check_kind(name, field, Field, "a Field", "make one, such as MolField(...)(data)")
    gaussians = as_gaussians(field)
    if gaussians is None:
        what = f"the kernel {field.kernel.name!r}" if isinstance(field, RBFField) else f"a {type(field).__name__}"
        raise ValueError(f"{name}: expected a sum of Gaussians, got {what}; use kernel='gaussian'")
    return gaussians
