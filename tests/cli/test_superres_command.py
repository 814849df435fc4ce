import csv
import json
import subprocess
import sys

import pytest
import torch
from ase.build import molecule
from ase.io import write
from typer.testing import CliRunner

from tg_molfield import FieldAutoDecoder, Volume
from tg_molfield.cli.app import app
from tg_molfield.cli.superres.methods import METHODS
from tg_molfield.fields import Grid, RBFField
from tg_molfield.inverse.superres import SuperresField
from tg_molfield.volumes.registry import SUFFIXES


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["superres", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def molecule_file(tmp_path):
    write(tmp_path / "butane.xyz", molecule("trans-butane"))
    return tmp_path / "butane.xyz"


@pytest.fixture
def density_file(tmp_path):
    chance = torch.Generator().manual_seed(0)
    field = RBFField(4 * torch.rand(6, 3, generator=chance), torch.ones(6), 0.9, channels=["density"])
    field.on(Grid.cube((2.0, 2.0, 2.0), 10.0, 16)).save(tmp_path / "density.npz")
    return tmp_path / "density.npz"


def table_of(folder):
    with open(folder / "psnr.csv", encoding="utf-8", newline="") as stream:
        return {(row["method"], row["channel"]): row for row in csv.DictReader(stream)}


def test_a_structure_finer_than_it_was_sampled(figures_of, molecule_file, tmp_path):
    out = tmp_path / "out"
    arguments = ("--train", 10, "--eval", 12, 16, "--channels", "C H all N", "--format", "cube", "-o", out)
    text = run(molecule_file, *arguments)
    assert "no atoms in N; left out" in text
    names = {path.name for path in out.iterdir()}
    assert names == {
        "model.safetensors", "page.html", "psnr.csv", "report.json", "reconstruction.cube", "truth.cube",
    }  # fmt: skip
    rows = table_of(out)
    assert {method for method, _ in rows} == {"zero", "trilinear", "cubic spline", "auto"}
    assert {channel for _, channel in rows} == {"together", "C", "H", "all"}
    best, spline = (float(rows[name, "together"]["16³, occupied"]) for name in ("auto", "cubic spline"))
    assert best > spline + 6
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["psnr"]["auto"]["together"]["12³"]["all_nodes"] == pytest.approx(
        float(rows["auto", "together"]["12³, all nodes"]), abs=1e-2
    )
    assert sum(report["shares"]["C"].values()) == pytest.approx(1)
    assert {"trilinear", "kriging", "mixture"} <= report["left_out"]["C"].keys()
    assert "left out" in (out / "page.html").read_text(encoding="utf-8")
    truth, found = (Volume.read(out / name) for name in ("truth.cube", "reconstruction.cube"))
    assert truth.grid.shape == (16, 16, 16)
    assert truth.atoms is not None
    assert found.channels == ("C", "H", "all")
    assert (truth.values - found.values).abs().max() < 0.05
    page = (out / "page.html").read_text(encoding="utf-8")
    assert "auto − truth" in page, "what the table calls it"
    assert "zero" in page
    (figure,) = figures_of(page)
    assert [channel["name"] for channel in figure["live"]["channels"] if channel["shown"]] == ["H"]
    assert figure["live"]["names"] == ["truth", "auto", "trilinear", "cubic spline", "difference"]
    field = SuperresField.load(out / "model.safetensors")
    assert (field.on(truth.grid).values - found.values).abs().max() < 1e-4


def test_a_structure_with_its_ligand(tmp_path):
    write(tmp_path / "host.xyz", molecule("C6H6"))
    write(tmp_path / "guest.xyz", molecule("H2O"))
    out = tmp_path / "out"
    arguments = ("--channels", "ligand.O C", "--train", 9, "--eval", 12, "--method", "known_atoms", "-o", out)
    text = run(tmp_path / "host.xyz", "--ligand", tmp_path / "guest.xyz", *arguments)
    assert "channels ligand.O protein.C" in text
    assert "no atoms in ligand.C; left out" in text
    assert float(table_of(out)["known_atoms", "together"]["12³, all nodes"]) > 80


def test_a_density_compared_at_the_nodes_left_out(density_file, tmp_path):
    out = tmp_path / "out"
    run(density_file, "--widths", "0.9", "-o", out)
    rows = table_of(out)
    zero, spline, best = (
        float(rows[name, "density"]["nodes left out, all nodes"]) for name in ("zero", "cubic spline", "auto")
    )
    assert zero < spline < best
    assert Volume.read(out / "reconstruction.npz").grid.shape == (15, 15, 15)


def test_a_density_written_finer(density_file, tmp_path):
    out = tmp_path / "out"
    run(density_file, "--every", 1, "--finer", 2, "--widths", "0.9", "-o", out)
    assert {path.name for path in out.iterdir()} == {
        "model.safetensors", "page.html", "report.json", "reconstruction.npz",
    }  # fmt: skip
    volume, found = Volume.read(density_file), Volume.read(out / "reconstruction.npz")
    assert found.grid == volume.grid.refined(2)
    assert (found.values[:, ::2, ::2, ::2] - volume.values).abs().max() < 1e-3


def test_descent_with_a_budget_and_a_checkpoint(density_file, tmp_path):
    arguments = (density_file, "--method", "rbf", "--max-steps", 3, "--checkpoint", tmp_path / "fit.safetensors")
    run(*arguments, "-o", tmp_path / "one")
    run(*arguments, "-o", tmp_path / "two")
    one, two = (json.loads((tmp_path / name / "report.json").read_text(encoding="utf-8")) for name in ("one", "two"))
    assert one["steps"] == 3
    assert (one["converged"], one["stopped_by"]) == (False, "budget")
    assert FieldAutoDecoder.load(tmp_path / "one" / "model.safetensors").channels == ("density",)
    assert one["psnr"] == two["psnr"]


@pytest.mark.parametrize("method", ["gaussians", "kriging", "spline", "known_atoms"])
def test_the_report_of_a_finished_run_says_so(molecule_file, tmp_path, method):
    run(molecule_file, "--method", method, "--channels", "C all", "--train", 8, "--eval", 10, "-o", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["method"] == method
    assert (report["converged"], report["stopped_by"]) == (True, "convergence")
    assert "steps" not in report
    assert ("functions" in report) == (method not in ("kriging", "spline"))
    if "functions" in report:
        assert (report["iterations"]["C"] > 0) == (method == "gaussians")
        assert report["functions"]["C"] > 0
    at_samples = report["psnr_at_samples"]["all_nodes"]
    assert at_samples is None if method == "spline" else at_samples > 60  # infinite, where nodes have their samples
    page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert ("numbers, or one for each sample." in page) == (method in ("kriging", "spline"))
    assert ("numbers, or one for every " in page) == (method not in ("kriging", "spline"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.pdb",), "missing.pdb: expected an existing file, got none"),
        (("missing.cube",), "missing.cube: expected an existing file, got none"),
        (("butane.xyz", "--format", ".foo"), f"--format: expected one of {', '.join(SUFFIXES)}, got .foo"),
        (("butane.xyz", "--train", "2"), "--train: expected at least 4 nodes along each axis, got 2"),
        (("butane.xyz", "--eval", "64", "3"), "--eval: expected at least 4 nodes along each axis, got 3"),
        (("butane.xyz", "--channels", "N"), "butane.xyz has no atoms in any of them"),
        (("butane.xyz", "--channels", "ligand.C"), "got ligand.C; parts such as ligand.C need --ligand"),
        (("butane.xyz", "--channels", "Qq"), "Qq"),
        (("butane.xyz", "--record", "2"), "--record: expected at most 1, the records of butane.xyz, got 2"),
        (("butane.xyz", "--ligand", "butane.xyz", "--record", "1"), "--record: expected a structure without --ligand"),
        (("butane.xyz", "--widths", "1.0"), "--widths: expected options of a structure for butane.xyz"),
        (
            ("butane.xyz", "--method", "magic"),
            f"--method: expected one of {', '.join(METHODS)}, got",
        ),
        (("butane.xyz", "--max-steps", "3"), "--max-steps: expected only options that --method auto uses"),
        (("butane.xyz", "--method", "kriging", "--seed", "3"), "--seed: expected only options that --method kriging"),
        (("butane.xyz", "--method", "known_atoms", "--checkpoint", "a"), "--checkpoint: expected only options that"),
        (
            ("density.npz", "--method", "siren", "--widths", "1"),
            "--widths: expected only options that --method siren uses, got options of auto, gaussians",
        ),
        (("butane.xyz", "--every", "2"), "--every: expected options of a structure for butane.xyz"),
        (("density.npz", "--train", "9"), "--train: expected options of a density for density.npz"),
        (("density.npz", "--finer", "3"), "--finer: expected only with --every 1"),
        (("butane.xyz", "--eval", "9000"), "9000³ nodes are too many"),
        (("density.npz", "--eval", "64"), "--eval: expected options of a density for density.npz"),
        (("density.npz", "--every", "6"), "got 3×3×3 for --every 6"),
        (("density.npz", "--every", "0"), "give whole numbers from 1 on"),
        (
            ("density.npz", "--widths", "wide"),
            "--widths: expected a number in Å or 'none' for each channel, got 'wide'",
        ),
        (("density.npz", "--method", "known_atoms"), "needs atoms"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(molecule_file, density_file, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["superres", *arguments])
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert {path.name for path in tmp_path.iterdir()} == {"butane.xyz", "density.npz"}


def test_the_command_ends_with_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from tg_molfield.cli import main; main()", "superres", "missing.pdb"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: missing.pdb: expected an existing file, got none; check the path\n"


def test_gaussians_of_a_density_need_widths(density_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["superres", str(density_file), "-o", "out", "--method", "gaussians", "--format", "XSF"]
    result = CliRunner().invoke(app, words)
    assert "--widths: expected σ of each channel in Å for --method gaussians, got none" in str(result.exception)
    assert not (tmp_path / "out").exists()
    assert "reconstruction.xsf" in run(*words[1:], "--widths", 0.9)
