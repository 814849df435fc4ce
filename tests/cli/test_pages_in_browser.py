"""The page that each command writes, in headless Chromium."""

import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write
from commands import run, sdf
from flows import save_flow
from page_checks import LEVEL, STEP, SWITCH, check_page

from tg_molfield import FieldAutoEncoder, MolField

RED, BLUE, TEAL, ORANGE, VIOLET, YELLOW = "#e5322d", "#3560e8", "#0f9d8a", "#e8a33d", "#440154", "#fde725"


def a_field(folder):
    run("field", "NC=O", "-o", folder / "a.html", "--channels", "C N O", "--spacing", 0.6, "--margin", 3)
    return folder / "a.html"


def a_potential_on_a_surface(folder):
    arguments = ("--preset", "vdw", "--color-by", "esp", "--spacing", 0.6)
    run("field", "NC=O", "-o", folder / "a.html", *arguments)
    return folder / "a.html"


def a_density_in_its_cell(folder):
    write(folder / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    run("field", folder / "salt.cif", "-o", folder / "a.html", "--preset", "promolecule", "--spacing", 0.7)
    return folder / "a.html"


def a_complex_sampled_coarsely(folder):
    write(folder / "host.xyz", molecule("CH3OH"))
    guest = molecule("H2O")
    guest.translate([3.0, 0, 0])
    write(folder / "guest.xyz", guest)
    arguments = ("--channels", "ligand.O protein.C protein.O", "--train", 9, "--eval", 12, "--method", "known_atoms")
    run("superres", folder / "host.xyz", "--ligand", folder / "guest.xyz", *arguments, "-o", folder / "out")
    return folder / "out" / "page.html"


def a_motion(folder):
    frames = [Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, shift]]) for shift in (0, 0.1, 0.2)]
    write(folder / "frames.xyz", frames)
    arguments = ("--steps", 2, "--spacing", 0.5, "--margin", 2.5, "--format", "npz")
    run("interpolate", folder / "frames.xyz", *arguments, "-o", folder / "path")
    return folder / "path" / "path.html"


def a_morph(folder):
    files = [sdf(folder / f"{name}.sdf", [smiles]) for name, smiles in (("a", "CO"), ("b", "CN"))]
    arguments = ("--match", "mcs", "--steps", 2, "--spacing", 0.6, "--margin", 2.5, "--format", "npz")
    run("interpolate", *files, *arguments, "-o", folder / "path")
    return folder / "path" / "path.html"


def samples(folder):
    run("sample", save_flow(folder / "model.safetensors"), "-n", 3, "--seed", 1, "-o", folder / "samples")
    return folder / "samples" / "page.html"


def a_walk(folder):
    files = [sdf(folder / f"{name}.sdf", [smiles]) for name, smiles in (("a", "CO"), ("b", "CC"))]
    arguments = ("--model", save_flow(folder / "model.safetensors"), "--steps", 2, "--spacing", 0.8, "--format", "npz")
    run("interpolate", *files, *arguments, "-o", folder / "path")
    return folder / "path" / "path.html"


def an_overlay(folder):
    run("align", "CCN", "CCO", "-o", folder / "a.html")
    return folder / "a.html"


def hits(folder):
    run("screen", "CCO", sdf(folder / "library.sdf", ["CCO", "CCN"]), "-o", folder / "a.html")
    return folder / "a.html"


def a_map(folder):
    table = folder / "a.csv"
    table.write_text("Name,SMILES,logP\nethanol,CCO,-0.3\nbenzene,c1ccccc1,2.1\nacid,CC(=O)O,1.0\n")
    run("embed", table, "-o", folder / "a.html")
    return folder / "a.html"


def a_reconstruction(folder):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FieldAutoEncoder(MolField("C O"), 16, encoder_options={"num_layers": 1, "out_channels": 8})
    model.save(folder / "model.safetensors")
    run("reconstruct", "CO", "--model", folder, "--spacing", 0.6, "-o", folder / "a.html")
    return folder / "a.html"


PAGES = {
    "field": (a_field, ("NC=O", "steps of 0.6 Å"), (RED, BLUE), (LEVEL, SWITCH)),
    "field --color-by": (a_potential_on_a_surface, ("esp (V)", "0 Å"), ("#b2182b", "#2166ac"), (SWITCH,)),
    "field of a crystal": (a_density_in_its_cell, ("e/Å³", "cell"), (), (LEVEL,)),
    "superres": (a_complex_sampled_coarsely, ("dB", "ligand.O", "protein.C", "v (Å)"), (RED,), (LEVEL, SWITCH)),
    "interpolate": (a_motion, ("at 1", "bond drift, Å"), (RED,), (STEP, LEVEL, SWITCH)),
    "interpolate --match": (a_morph, ("at 0 %", "2 fade out"), (RED, BLUE), (STEP, LEVEL, SWITCH)),
    "interpolate --model": (a_walk, ("at 0 %, molecule", "Noise"), (RED,), (STEP, LEVEL, SWITCH)),
    "sample": (samples, ("sample 3", "unique"), (), (STEP, LEVEL, SWITCH)),
    "align": (an_overlay, ("score", "shape"), (TEAL, ORANGE), (SWITCH,)),
    "screen": (hits, ("score", "shape"), (TEAL, ORANGE), (SWITCH,)),
    "embed": (a_map, ("logP",), (VIOLET, YELLOW), ("select.map-color",)),
    "reconstruct": (a_reconstruction, ("dB", "reconstructed", "exact"), (), (LEVEL,)),
}


@pytest.mark.parametrize("command", PAGES)
def test_the_page_of_a_command(browser, tmp_path, command):
    make, *expected = PAGES[command]
    check_page(browser, make(tmp_path), *expected)
