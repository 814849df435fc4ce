import csv
import io
from contextlib import redirect_stderr, redirect_stdout

import pytest
import torch
from page_checks import LEVEL, SWITCH, check_page

from tg_molfield import FieldAutoEncoder, Volume
from tg_molfield.demo.evaluation import MAX_PSNR, METHODS, PRETRAINED, HeldOut, summary
from tg_molfield.demo.finetuning import COUNTS, FRESH, FROZEN, TUNED
from tg_molfield.demo.molecules import ase_molecules, split_by_formula
from tg_molfield.demo.run import run
from tg_molfield.metrics import PSNR

pytestmark = pytest.mark.usefixtures("seeded")


def test_split_keeps_formulas_apart():
    molecules = ase_molecules()
    assert len(molecules) == 162
    train, test = split_by_formula(molecules, 0.2, seed=0)
    assert len(train) + len(test) == 162
    assert 32 <= len(test) <= 40
    formulas = [{tuple(sorted(data.z.tolist())) for data in part} for part in (train, test)]
    assert not formulas[0] & formulas[1]
    again = split_by_formula(molecules, 0.2, seed=0)[1]
    assert [data.name for data in again] == [data.name for data in test]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of a short demo, its results, and what it prints."""
    folder = tmp_path_factory.mktemp("demo")
    with torch.random.fork_rng(), redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()) as beside:
        torch.manual_seed(0)
        results = run(folder, minutes=0.05, seed=1, held_out=0.04, nodes=16)
    assert beside.getvalue() == ""
    return folder, results, printed.getvalue()


def test_results_are_printed_plainly_where_there_is_no_terminal(demo):
    folder, results, printed = demo
    first, *others, last = printed.splitlines()
    assert first.endswith(f"{len(results)} held out; channels H C N O F P S Cl other")
    assert last.startswith(f"wrote {folder}/: ")
    assert any(line.split()[:2] == ["mean", "field"] for line in others)
    assert not set("━│─┃") & set(printed)


def test_the_page_of_the_demo_in_a_browser(browser, demo):
    check_page(browser, demo[0] / "page.html", ("dB", "kcal/mol"), controls=(LEVEL, SWITCH))


def test_the_demo_writes_its_files(demo):
    folder, results, _ = demo
    names = {path.name for path in folder.iterdir()}
    assert {"model.safetensors", "psnr.csv", "enthalpies.csv", "page.html"} <= names
    cubes = sorted(name for name in names if name.endswith(".cube"))
    assert len(cubes) == 6
    with open(folder / "psnr.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(results)
    for row, one in zip(rows, results, strict=True):
        assert set(METHODS) - set(one.ratios) <= {PRETRAINED}
        if PRETRAINED in one.ratios:
            assert 100 < one.ratios[PRETRAINED].occupied <= one.ratios[PRETRAINED].all_nodes <= MAX_PSNR
        else:
            assert row[f"{PRETRAINED} [occupied, dB]"] == row[f"{PRETRAINED} [all nodes, dB]"] == ""
        for method, ratio in one.ratios.items():
            assert float(row[f"{method} [occupied, dB]"]) == pytest.approx(ratio.occupied, abs=1e-3)
            assert float(row[f"{method} [all nodes, dB]"]) == pytest.approx(ratio.all_nodes, abs=1e-3)
        assert float(row["cubic from 16³ [occupied, dB]"]) > float(row["zero field [occupied, dB]"])
    model = FieldAutoEncoder.load(folder / "model.safetensors")
    one = results[0]
    grid_points = one.grid.points()
    assert torch.allclose(model.field(one.data)(grid_points), one.fields["learned"](grid_points), atol=1e-5)
    learned = Volume.read(folder / cubes[0])
    assert learned.atoms is not None
    with open(folder / "enthalpies.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    assert {row["molecule"] for row in rows} <= {one.data.name for one in results}
    for row in rows:
        assert all(abs(float(row[f"{name} [kcal/mol]"])) < 1000 for name in ("reference", COUNTS, FROZEN, TUNED, FRESH))
    page = (folder / "page.html").read_text()
    assert "<h2>Enthalpies of formation" in page
    for cube in cubes:
        assert f"<h2>{cube.split('.')[0]}" in page


def test_summary_counts_the_molecules_of_each_method():
    def case(**ratios: PSNR) -> HeldOut:
        named = {name: PSNR(2.0, 1.0) for name in METHODS if name != PRETRAINED}
        return HeldOut(None, None, None, {}, {**named, **ratios})

    rows = {row[0]: row[1:] for row in summary([case(), case(**{PRETRAINED: PSNR(MAX_PSNR, 140.0)})])}
    assert rows[PRETRAINED] == (1, 140.0, 140.0, MAX_PSNR)
    assert rows["zero field"] == (2, 1.0, 1.0, 2.0)
    assert summary([case()])[METHODS.index(PRETRAINED)] == (PRETRAINED, 0, None, None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "minutes: expected a positive number, got 0"),
        ({"held_out": 1}, "held_out: expected a fraction between 0 and 1, got 1"),
    ],
)
def test_options_out_of_range(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **options)
