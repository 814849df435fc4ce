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
    "files",
    "tensor_files",
    "chem",
    "volumes",
    "fields",
    "structures",
    "transforms",
    "metrics",
    "inverse",
    "paths",
    "nn",
    "datasets",
    "training",
    "viz",
    "demo",
    "cli",
]
MAY_IMPORT = {
    "chem": {"optional"},
    "volumes": {"files", "optional"},
    "fields": {"chem", "volumes", "files", "optional"},
    "structures": {"chem", "files", "optional"},
    "transforms": {"chem", "fields"},
    "metrics": {"fields"},
    "inverse": {"chem", "fields", "files", "tensor_files", "metrics", "optional"},
    "paths": {"chem", "fields", "inverse"},
    "nn": {"chem", "fields", "files", "tensor_files", "metrics", "inverse", "optional"},
    "training": {"chem", "fields", "metrics", "nn", "transforms", "optional", "files"},
    "viz": {"chem", "fields", "files", "volumes", "optional"},
}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def layer(module: str) -> str:
    return module.split(".")[1]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
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


def test_importing_the_package_is_light():
    check = "import sys, tg_molfield; assert not {'torch', 'ase', 'rdkit'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_public_names_exist():
    for name in tg_molfield.__all__:
        assert getattr(tg_molfield, name).__doc__, name
    assert set(tg_molfield.__all__) <= set(dir(tg_molfield))
    with pytest.raises(AttributeError, match="no attribute 'Molfield'"):
        _ = tg_molfield.Molfield
