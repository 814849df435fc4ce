"""The frames of XYZ files taken one by one are those of the whole text."""

import random

import pytest
import torch
from ase.build import bulk, molecule
from ase.io import write

from tg_molfield.structures.formats.records import ReadOptions
from tg_molfield.structures.formats.xyz import xyz_blocks, xyz_records

FRAME = "2\nH2\nH 0 0 0\nH 0 0 0.74\n"
QM9 = "2\ngdb 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\nH 0 0 0 0\nH 0 0 0.74 0\n1.0 2.0\nC C\nInChI=1 InChI=1\n"
ADF = "1\nadf\nHe 0 0 0\nVEC1 3 0 0\nVEC2 0 3 0\n"


def outcomes(text, before=0):
    """What becomes of the records of a text that has some lines before it."""
    found = []
    for record in xyz_records(text, ReadOptions(torch.float64), before):
        try:
            data = record.build()
            found.append((data.z.tolist(), data.pos.tolist(), sorted(data.keys()), dict(record.labels)))
        except ValueError as error:
            found.append(str(error))
    return found


def one_by_one(text):
    found = []
    for before, block in xyz_blocks(iter(text.rstrip("\n").split("\n"))):
        (one,) = outcomes(block, before)
        found.append(one)
    return found


@pytest.mark.parametrize(
    "text",
    [
        FRAME, FRAME * 3, "\n\n" + FRAME + "\n \n" + FRAME, QM9 * 2 + FRAME, ADF + FRAME + ADF,
        FRAME + "3\nx\nH 0 0 0\n", FRAME + "two\nx\nH 0 0 0\n" + FRAME, "0\n\n" + FRAME, FRAME + "0", FRAME + "1",
        "x", FRAME + "$coord\n1 2 3 h\n",
        FRAME.replace("H 0 0 0\n", "Q 0 0 0\n") + FRAME,
    ],
    ids=range(13),
)  # fmt: skip
def test_frames_are_the_same(text):
    assert one_by_one(text) == outcomes(text)


def test_frames_of_ase_are_the_same(tmp_path):
    write(tmp_path / "a.xyz", [bulk("NaCl", "rocksalt", 5.6), molecule("CH4"), bulk("Cu")])
    text = (tmp_path / "a.xyz").read_text()
    assert one_by_one(text) == outcomes(text)
    assert len(one_by_one(text)) == 3


def test_damaged_texts_are_the_same():
    text, draws = QM9 + FRAME * 2 + ADF + FRAME, random.Random(0)
    for _ in range(300):
        characters = list(text[: draws.randrange(len(text))])
        for _ in range(draws.randrange(3)):
            if characters:
                characters[draws.randrange(len(characters))] = draws.choice("0123456789\n HVx-")
        damaged = "".join(characters)
        if damaged.strip():
            assert one_by_one(damaged) == outcomes(damaged), damaged


def test_no_more_than_a_frame_is_kept():
    taken = 0

    def lines():
        nonlocal taken
        for line in (FRAME * 1000).splitlines():
            taken += 1
            yield line

    for number, _ in enumerate(xyz_blocks(lines()), start=1):
        assert taken <= 4 * number + 3
    assert number == 1000
