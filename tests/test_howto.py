"""The Python of how-to pages that need files or a GPU, on small files and without one."""

import re
from pathlib import Path

import pytest
import typer.main
from rdkit import Chem
from rdkit.Chem import AllChem

from tg_molfield import Grid, MolField, Volume, from_smiles, to_rdkit
from tg_molfield.cli.app import app

pytestmark = pytest.mark.usefixtures("seeded")

PAGES = Path(__file__).parents[1] / "docs" / "howto"
SMILES = ["CCO", "CCCO", "c1ccccc1O", "c1ccncc1C", "C1CCCC1O", "CC(=O)N", "CC#N", "C1CC1C", "c1ccoc1", "CCN"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of_page(name: str, changes: dict[str, str] | None = None, **names) -> dict:
        """The names that the Python of a page leaves, begun with ``names``; every change is found in it."""
        code = "\n".join(re.findall(r"```python\n(.*?)```", (PAGES / name).read_text(), re.DOTALL))
        for before, after in (changes or {}).items():
            assert before in code
            code = code.replace(before, after)
        exec(compile(code, name, "exec"), names)
        return names

    return of_page


def write_sdf(path: str, smiles: list[str]) -> None:
    with Chem.SDWriter(path) as writer:
        for one in smiles:
            writer.write(to_rdkit(from_smiles(one)))


def test_grid_one_pdb(run):
    chain = Chem.AddHs(Chem.MolFromSequence("GAC"))
    AllChem.EmbedMolecule(chain, randomSeed=0)
    Path("protein.pdb").write_text(Chem.MolToPDBBlock(chain))
    volume = run("grid_one_pdb.md")["volume"]
    assert volume.values.flatten(1).amax(1).min() > 0.5
    assert Volume.read("protein.npz").channels == ("C", "N", "O", "S")


def test_rank_docked_poses(run):
    write_sdf("poses.sdf", ["CCO", "CCN"])
    write_sdf("crystal_ligand.sdf", ["CCO"])
    found = run("rank_docked_poses.md")
    scores = found["score_in_place"](found["poses"], found["known"], by=("shape", "color")).score
    assert scores.shape == (2, 1)
    assert float(scores[0]) == pytest.approx(1.0)


def test_read_an_odd_cube(run):
    data = from_smiles("CCO")
    MolField("C")(data).on(Grid.around(data.pos, 0.8)).save("density.cube")
    assert run("read_an_odd_cube.md")["volume"].atoms.z.equal(data.z)


def test_train_on_a_gpu(run):
    molecules = [from_smiles(one) for one in SMILES[:4]]
    smaller = {'"cuda"': '"cpu"', "max_epochs=100": "max_epochs=1", "workers=8": "workers=0", "pin_memory=True": ""}
    found = run("train_on_a_gpu.md", smaller, dataset=molecules, held_out=molecules[:1])
    found["loss"].backward()
    assert Path("runs/first/model.safetensors").exists()


def test_train_on_your_molecules(run):
    Path("esol.csv").write_text("smiles,logS\n" + "".join(f"{one},{n}\n" for n, one in enumerate(SMILES)))
    report = run("train_on_your_molecules.md", {"max_epochs=50": "max_epochs=1"})["report"]
    assert report.best.psnr > 0
    assert Path("runs/esol/model.safetensors").exists()


def test_every_page_with_python_is_run():
    here, readme = Path(__file__).read_text(), (Path(__file__).parent / "test_readme.py").read_text()
    for page in PAGES.glob("*.md"):
        assert "```python" not in page.read_text() or f'"{page.name}"' in here or f"howto/{page.name}" in readme


def test_the_page_of_the_command_line_has_each_command_once():
    rows = re.findall(r"^\| (`.*?) \|", (PAGES / "command_line.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z]+)`", row)]
    assert sorted(named) == sorted(typer.main.get_command(app).commands)
