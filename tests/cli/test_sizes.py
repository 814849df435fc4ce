"""Large files are written only if that is wanted."""

import numpy as np
import pytest
import torch
from commands import refused, run

from tg_molfield import Grid, Volume
from tg_molfield.chem.atoms import AtomList
from tg_molfield.cli import sizes
from tg_molfield.volumes.registry import SUFFIXES


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", [*(f"a{suffix}" for suffix in SUFFIXES), "CHGCAR", "a.cube.gz", "a.npz.gz"])
def test_sizes_are_about_right(tmp_path, name, dtype):
    values = torch.randn(1, 30, 30, 30, generator=torch.Generator().manual_seed(0), dtype=dtype)
    atoms = AtomList(torch.tensor([6]), torch.zeros(1, 3))
    volume = Volume(values, Grid.from_cell(torch.eye(3) * 9, (30, 30, 30)), ["C"], atoms=atoms, periodic=True)
    (path,) = volume.save(tmp_path / name)
    told = sizes.volume_size(path, values.numel(), values.itemsize)
    assert 0.8 < told / path.stat().st_size < 1.35


def test_codes_in_a_large_table_are_kept_until_they_are_wanted(tmp_path, monkeypatch):
    (tmp_path / "m.smi").write_text("".join(f"{'C' * length}\n" for length in range(1, 5)))
    command = ("embed", tmp_path / "m.smi", "-o", tmp_path / "a.csv", "-o", tmp_path / "a.npz")
    with monkeypatch.context() as patch:
        patch.setattr(sizes, "LIMIT", 10)
        assert "--output: expected at most 0 MB to write" in refused(*command)
        assert not (tmp_path / "a.csv").exists()
        run(*command, "--resume", "--yes")
    with np.load(tmp_path / "a.npz") as archive:
        codes = archive["code"]
    told = [sizes.table_size(name, codes.size, codes.itemsize) for name in ("a.csv", "a.npz")]
    assert told[0] == pytest.approx((tmp_path / "a.csv").stat().st_size, rel=0.25)
    assert told[1] == codes.nbytes


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (("field", "C", "--spacing", "0.5", "-o"), "a.cube"),
        (("reconstruct", "C", "--spacing", "0.5", "-o"), "a.cube"),
        (("superres", "c.xyz", "--method", "spline", "--train", "8", "--eval", "10", "-o"), "out"),
        (("interpolate", "c.xyz", "--steps", "1", "--spacing", "1", "--no-check", "-o"), "out"),
        (("similarity", "C", "C", "-o"), "a.csv"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_large_files_need_yes(tmp_path, monkeypatch, arguments, written):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sizes, "LIMIT", 10)
    (tmp_path / "c.xyz").write_text("1\n\nC 0 0 0\n" * 2)
    assert "--output: expected at most 0 MB to write, got about" in refused(*arguments, written)
    assert not (tmp_path / written).exists()
    run(*arguments, written, "--yes")
    assert (tmp_path / written).exists()


def test_sizes_are_told_in_words():
    with pytest.raises(ValueError, match=r"got about 21\.0 GB \(a, b, c and 32 more\); give --yes to write it all the"):
        sizes.refuse_large(dict.fromkeys("abcdefghijklmnopqrstuvwxyzABCDEFGHI", 6e8), False, "a smaller grid")
    sizes.refuse_large({"a": 4e8, "b": 1e8}, False, "")
