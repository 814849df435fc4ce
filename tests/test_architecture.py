"""Data flows one way: no part imports one that lies above it, and the heart needs torch alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tg_molfield

ROOT = Path(tg_molfield.__file__).parent
LAYERS = [
    "optional",
    "callers",
    "devices",
    "precision",
    "arguments",
    "random_draws",
    "random_stream",
    "memory",
    "parallel",
    "progress",
    "files",
    "text_numbers",
    "tensor_files",
    "chem",
    "display",
    "volumes",
    "fields",
    "structures",
    "transforms",
    "metrics",
    "inverse",
    "compare",
    "paths",
    "nn",
    "datasets",
    "viz",
    "training",
    "demo",
    "cli",
    "__main__",
]
MAY_IMPORT = {
    "chem": {"arguments", "devices", "precision", "optional"},
    "display": {"chem"},
    "volumes": {"arguments", "memory", "files", "text_numbers", "chem", "optional"},
    "fields": {
        "arguments", "callers", "devices", "precision", "memory", "chem", "display", "volumes", "files", "optional",
    },
    "structures": {"arguments", "memory", "chem", "files", "text_numbers", "optional"},
    "transforms": {"arguments", "random_draws", "chem", "fields"},
    "metrics": {"arguments", "devices", "chem", "display", "fields"},
    "inverse": {
        "arguments", "callers", "devices", "precision", "memory", "chem", "display", "fields", "files", "tensor_files",
        "metrics", "optional",
    },
    "paths": {"arguments", "devices", "chem", "display", "fields", "structures", "inverse", "compare"},
    "compare": {
        "arguments", "devices", "precision", "random_stream", "memory", "files", "text_numbers", "tensor_files", "chem",
        "fields", "display", "structures", "metrics", "parallel", "progress", "optional",
    },
    "nn": {
        "arguments", "callers", "devices", "random_draws", "random_stream", "precision", "memory", "chem", "display",
        "fields", "files", "tensor_files", "metrics", "inverse", "parallel", "optional", "structures", "compare",
    },
    "datasets": {
        "arguments", "parallel", "progress", "files", "text_numbers", "tensor_files", "chem", "display", "structures",
        "compare", "optional",
    },
    "training": {
        "arguments", "devices", "random_draws", "random_stream", "precision", "memory", "parallel", "progress", "chem",
        "fields", "display", "metrics", "nn", "transforms", "viz", "tensor_files", "optional", "files",
    },
    "viz": {"arguments", "devices", "chem", "display", "fields", "structures", "files", "volumes", "optional"},
}  # fmt: skip
ROOMS = {
    "nn": [
        "cards", "ops", "checks", "evaluation", "bounded", "domain", "serialization", "latent", "encoders", "pooling",
        "decoders", "resolver", "embedding", "generation", "fidelity", "autoencoder", "autodecoder",
    ],
    "inverse": ["checks", "lattice", "maxima", "solvers", "fitting", "find_atoms", "superres"],
}  # fmt: skip
"""The order of the rooms inside a layer, from the lowest."""
CIRCLES = [{"fields/field.py", "fields/volume.py", "fields/combination.py", "fields/selection.py"}]
"""`Field.on` gives a `Volume`, operators give sums and selections, and all of these are fields."""
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def layer(module: str) -> str:
    return module.split(".")[1]


def imported_names(path: Path) -> set[tuple[str, str]]:
    """The modules and names that a file imports, late imports and those for type checkers included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {(node.module, alias.name) for alias in node.names}
    return found


def imports(path: Path) -> set[str]:
    return {module for module, _ in imported_names(path)}


def origin(module: str, name: str) -> Path | None:
    """The file of this package that defines what is imported; the face of a room is looked through."""
    if module.split(".")[0] != "tg_molfield":
        return None
    place = ROOT.joinpath(*module.split(".")[1:])
    for path in (place / f"{name}.py", place.with_suffix(".py")):
        if name and path.is_file():
            return path
    face = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if face.name == "__init__.py":
        for other, given in imported_names(face):
            if given == name and origin(other, given) is not None:
                return origin(other, given)
    return face if face != ROOT / "__init__.py" else None


def reached(path: Path, arrows: dict[Path, set[Path]]) -> set[Path]:
    """The files that a file imports, and those that these import, and so on."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        for other in arrows[waiting.pop()] - found:
            found.add(other)
            waiting.append(other)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_upwards(path):
    own = path.relative_to(ROOT).with_suffix("").parts[0]
    for module in imports(path):
        if module.startswith("tg_molfield."):
            other = layer(module)
            if other == own:
                continue
            assert LAYERS.index(other) < LAYERS.index(own), f"{own} imports {other}"
            assert other in MAY_IMPORT.get(own, LAYERS), f"{own} may not import {other}"
        if own == "fields":
            assert module.split(".")[0] not in {"torch_geometric", "ase", "rdkit", "gemmi"}
        if module.split(".")[0] in {"ase", "rdkit", "gemmi"}:
            assert own in {"structures", "volumes", "demo", "datasets"}, f"{own} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_inside_a_layer_have_an_order(path):
    own, room = (*path.relative_to(ROOT).with_suffix("").parts, "")[:2]
    for module in imports(path) if own in ROOMS and path.name != "__init__.py" else ():
        if module.startswith(f"tg_molfield.{own}."):
            other = module.split(".")[2]
            assert ROOMS[own].index(other) <= ROOMS[own].index(room), f"{own}/{room} imports {own}/{other}"


def test_the_only_circle_of_files_is_the_known_one():
    arrows = {path: set() for path in FILES}
    for path in FILES:
        found = {origin(module, name) for module, name in imported_names(path)}
        arrows[path] = {other for other in found if other in arrows and other != path}
    after = {path: reached(path, arrows) for path in FILES}
    circles = {
        frozenset(str(other.relative_to(ROOT)) for other in after[path] if path in after[other])
        for path in FILES
        if path in after[path]
    }
    assert sorted(map(sorted, circles)) == sorted(map(sorted, CIRCLES))


def test_importing_the_package_is_light():
    check = "import sys, tg_molfield; assert not {'torch', 'ase', 'rdkit'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_public_names_exist():
    for name in tg_molfield.__all__:
        assert getattr(tg_molfield, name).__doc__, name
    assert set(tg_molfield.__all__) <= set(dir(tg_molfield))
    with pytest.raises(AttributeError, match="no attribute 'Molfield'"):
        _ = tg_molfield.Molfield
