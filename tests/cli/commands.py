"""Commands as the tests give them, and files for them."""

import torch
from typer.testing import CliRunner

from tg_molfield.cli.app import app
from tg_molfield.structures.library import Recipe, build_entry, smiles_entry, write_sdf


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code != 0
    return str(result.exception) + result.output


def sdf(path, smiles, moves=None):
    """A file of molecules, each moved by some Å along x."""
    rows = []
    for number, one in enumerate(smiles):
        entry = smiles_entry(one)
        (data,) = build_entry(entry, Recipe()).molecules
        data.pos = data.pos + torch.tensor([0.0 if moves is None else moves[number], 0, 0])
        rows.append((entry, data, {}))
    write_sdf(path, rows)
    return path
