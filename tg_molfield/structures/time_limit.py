"""Conformers within a time limit: those of large molecules are made in a process that can be stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.structures import conformers as work
from tg_molfield.structures.conformers import EmbeddingError, make_conformers

if TYPE_CHECKING:
    from rdkit.Chem import Mol

SMALL = 150
"""Largest number of atoms for which each step of the work takes about a second at most."""


def conformers_within(seconds: float, mol: Mol, smiles: str, conformers: int, seed: int) -> str:
    """What ``make_conformers`` does, stopped when the time is over.

    Args:
        seconds: time limit.
        mol: molecule of ``smiles`` with hydrogens, which gets the conformers.
        smiles: the SMILES.
        conformers: number of conformers.
        seed: seed of the embedding.

    Returns:
        The name of the force field, or an empty text if none has parameters.

    Raises:
        TimeoutError: the limit is over.
        EmbeddingError: RDKit embeds fewer conformers.
        ChildProcessError: RDKit crashed.
    """
    if mol.GetNumAtoms() <= SMALL:
        return make_conformers(mol, conformers, seed, seconds)
    request = {"smiles": smiles, "conformers": conformers, "seed": seed, "seconds": seconds}
    try:
        done = subprocess.run(
            [sys.executable, work.__file__],
            input=json.dumps(request),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["no message"]
        raise ChildProcessError(
            f"smiles: expected conformers from RDKit, got exit status {error.returncode} "
            f"({lines[-1][:200]}); report it with the SMILES"
        ) from error
    answer = json.loads(done.stdout)
    if answer.get("timeout"):
        raise TimeoutError
    if "embedded" in answer:
        raise EmbeddingError(answer["embedded"])
    _add_conformers(mol, answer["positions"])
    return str(answer["force_field"])


def _add_conformers(mol: Mol, positions: list[list[list[float]]]) -> None:
    from rdkit import Chem

    for pos in positions:
        conformer = Chem.Conformer(len(pos))
        conformer.Set3D(True)
        conformer.SetPositions(np.array(pos))
        mol.AddConformer(conformer, assignId=True)
