import pytest
import torch

from tg_molfield.structures import SkippedRecordsWarning, StructureWarning, read
from tg_molfield.structures.formats.pdb.columns import read_columns

N = "ATOM      1  N   SER A   1      10.500 -20.250  30.125  1.00  0.00           N"
CA = "ATOM      2  CA  SER A   1      11.500 -20.250  30.125  1.00  0.00           C"
BOTH = [[10.5, -20.25, 30.125], [11.5, -20.25, 30.125]]


def positions(path):
    (data,) = read(path, dtype=torch.float64)
    return data.pos.tolist()


@pytest.mark.parametrize(
    "line",
    [
        N,
        N[:54],
        N + "1+",
        N + "+1",
        N[:72] + "SEG1" + N[76:],
        N[:60] + "1000.00" + N[67:],
        N[:54] + "*" * 12 + N[66:],
        N.replace("      1  N", "  *****  N"),
        N.replace("      1  N", "  186a0  N"),
        N.replace("      1  N", "  A0000  N"),
        N.replace("      1  N", "  100000  N"),
        N.replace("      1  N", " 100000  N"),
        N.replace("ATOM  ", "atom  "),
        N + " " * 30,
    ],
)
def test_positions_are_those_of_the_columns(pdb_file, line):
    assert positions(pdb_file(line, CA)) == BOTH


@pytest.mark.parametrize("numbers", ["10.5    -20.25  30.125  ", "+10.500 -20.250 +30.125 "])
def test_numbers_need_no_three_decimals(pdb_file, numbers):
    assert positions(pdb_file(N[:30] + numbers + N[54:])) == BOTH[:1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (N.replace("SER", "SÉR"), "ASCII characters and no tabs in columns 1 to 80, got 'É' in column 19"),
        (N.replace("  N   SER", "\tN   SER"), r"no tabs .* got '\\t' in column 12"),
        (N.replace("  10.500", "   1_0.5"), "expected x in columns 31 to 38, got '1_0.5'"),
        (N.replace("  10.500", "     nan"), "expected a finite x, got nan"),
        (N.replace("  10.500", "    -inf"), "expected a finite x, got -inf"),
        (N.replace("  10.500", "     0x1"), "expected x in columns 31 to 38, got '0x1'"),
        (N.replace("  10.500", "  10.50f"), "expected x in columns 31 to 38, got '10.50f'"),
        (N.replace("  10.500", "   1e999"), "expected a finite x, got 1e999"),
        (N.replace("  10.500", " " * 8), "expected x in columns 31 to 38, got ''"),
        (N.replace("  30.125", "30.12   "), ""),
        (N[:52], "expected z in columns 47 to 54, got '30.1'"),
        (N[:30] + "10120.390010115.470010034.9340", "expected y in columns 39 to 46, got '0010115.'"),
        (N[:30] + "10120.39010115.47010034.934  1.00", "part of a number that began before"),
        (N[:29] + N[30:].replace("  10.500", "-110.500"), "expected a blank in column 30, before x, got '-'"),
        (N.replace("  30.125", "  30.1125"), "expected z to end in column 54"),
        (N + "  " + CA, "expected one atom on the line, got two"),
        (N[:22] + " 1.0" + N[26:], "expected a residue number in columns 23 to 26, got '1.0'"),
        ("ATO M " + N[5:], "line 1: expected the record ATOM or HETATM before coordinates, got 'ATO M '"),
        ("HETATN" + N[6:], "before coordinates, got 'HETATN'"),
        ("Atom  " + N[6:], "before coordinates, got 'Atom  '"),
        ("TER" + N, "before coordinates, got 'TERATO'"),
    ],
)
def test_lines_that_cannot_be_trusted(pdb_file, line, message):
    path = pdb_file(line, CA)
    if not message:
        with pytest.warns(StructureWarning, match=r"line 1: expected decimal points in columns 35, 43 and 51"):
            read(path)
        return
    with pytest.raises(ValueError, match=rf"made\.pdb: record 1: .*{message}"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_need_not_be_ascii(pdb_file, encoding):
    assert positions(pdb_file("REMARK   Ångström, d'après José", N, encoding=encoding)) == BOTH[:1]


def test_a_shifted_number_is_told(pdb_file):
    path = pdb_file(N, CA, N[:22] + "   2    " + "  19.500 -20.250 30.125 " + N[54:])
    with pytest.warns(StructureWarning, match=r"line 3: expected decimal points .* got '19.500 -20.250 30.125'"):
        assert len(positions(path)) == 3


def test_large_numbers_that_fill_their_columns_are_no_shift(pdb_file):
    far = CA.replace("  11.500 -20.250", "-1234.5612345.67")
    assert positions(pdb_file(N, far)) == [BOTH[0], [-1234.56, 12345.67, 30.125]]


@pytest.mark.parametrize(
    ("columns", "number"),
    [
        ("   1 ", 1), ("  -5 ", -5), ("9999 ", 9999), ("10000", 10000), ("A000 ", 10000), ("ZZZZ ", 1223055),
        ("271a ", 10010), ("****  "[:5], 0), ("     ", 0), ("  52A", 52),
    ],
)  # fmt: skip
def test_residue_numbers(pdb_file, columns, number):
    (data,) = read(pdb_file(N[:22] + columns + N[27:]))
    assert data.residue_number.tolist() == [number]


def test_models(pdb_file):
    model = ["MODEL        1", N, CA, "ENDMDL"]
    for lines in (
        [*model, *model],
        ["MODEL", N, CA, "MODEL", N, CA, "END"],
        [N, CA, "ENDMDL", N, CA, "ENDMDL"],
        [N, CA, "END", N, CA, "END"],
        [N, CA, "TER", "END", N, CA],
        ["NUMMDL    2", *model, *model, "MASTER        0    0    0    0    0    0    0    0    4    0    0    0"],
    ):
        assert [data.pos.tolist() for data in read(pdb_file(*lines), dtype=torch.float64)] == [BOTH, BOTH]


def test_text_that_is_no_record(pdb_file):
    table = [
        "#BEGIN_POSE_ENERGIES_TABLE made.pdb",
        "pose -1011.45 141.238 512.12 1.63211 10.3312 -3.02548 1.27332 2.40515",
        "SER:NtermProteinFull_1 -3.02548 1.27332 2.40515 0.00122 -0.12345 1.11111",
    ]
    assert positions(pdb_file(N, CA, "TER", *table)) == BOTH
    assert positions(pdb_file(N, CA, "END", "", "CONECT    1    2", "no atoms here", *table, "END")) == BOTH


@pytest.mark.parametrize(
    ("lines", "end", "message"),
    [
        ([N, CA[:60]], "", "line 2: expected 78 columns as in the lines before, got 60; the file is cut short"),
        ([N, CA[:50]], "", "line 2: expected z in columns 47 to 54"),
        ([N, "HETA"], "", "expected a whole last line, got 'HETA'; the file is cut short"),
        (["MODEL        1", "ENDMDL", N], "\n", "expected atoms in the model, got none"),
        (
            ["CRYST1   10.000   10.000   10.000  90.00  90.00  90.00 P 1"],
            "\n",
            "expected ATOM or HETATM lines, got none",
        ),
    ],
)
def test_files_cut_short(pdb_file, lines, end, message):
    with pytest.raises(ValueError, match=message):
        read(pdb_file(*lines, end=end))


def test_a_last_model_that_does_not_end(pdb_file):
    path = pdb_file("MODEL        1", N, CA, "ENDMDL", "MODEL        2", N)
    with pytest.raises(ValueError, match=r"record 2 \('model 2'\): expected ENDMDL or END after the last model"):
        read(path)
    with pytest.warns(SkippedRecordsWarning, match="expected 2 readable records, got 1"):
        assert len(read(path, errors="skip")) == 1
    with pytest.raises(ValueError, match=r"record 2 .* cut short"):
        read(pdb_file(N, CA, "END", N))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [N, "MASTER       10    0    0    0    0    0    0    0 1917    0    0    0"],
            "MASTER: expected 1917 atoms .* got 1",
        ),
        (["NUMMDL    38", N], "NUMMDL: expected 38 models .* got 1"),
        ([N, CA, "END", N, "END"], "END: expected frames of one structure, got 1 to 2 atoms"),
        (["MODEL        1", N], "ENDMDL: expected it or END after the model, got the end of the file"),
    ],
)
def test_counts_that_do_not_agree_are_told(pdb_file, lines, message):
    with pytest.warns(StructureWarning, match=message):
        assert len(read(pdb_file(*lines))) == 1 + lines.count("END") // 2


def test_a_bad_model_does_not_spoil_the_others(pdb_file):
    bad = N.replace("  10.500", "   1_0.5")
    path = pdb_file("MODEL        1", bad, "ENDMDL", "MODEL        2", N, "ENDMDL")
    with pytest.warns(SkippedRecordsWarning, match=r"record 1 \('model 1'\): line 2: expected x"):
        (data,) = read(path, errors="skip", dtype=torch.float64)
    assert data.pos.tolist() == BOTH[:1]


def grid_of_waters(count):
    """The lines of a large file: one oxygen a residue, 3 Å apart."""
    return [
        f"HETATM{i % 100_000:5d}  O   HOH {chr(65 + i // 9999)}{i % 9999 + 1:4d}    "
        f"{3.0 * (i % 40):8.3f}{3.0 * (i // 40 % 40):8.3f}{3.0 * (i // 1600):8.3f}  1.00 20.00           O"
        for i in range(count)
    ]


def test_large_files_are_read_to_the_last_line():
    lines = grid_of_waters(40_000)
    lines[-1] = lines[-1][:54]
    columns = read_columns(lines)
    expected = torch.cartesian_prod(*(3.0 * torch.arange(n, dtype=torch.float64) for n in (25, 40, 40))).flip(1)
    assert torch.equal(torch.from_numpy(columns.pos), expected)
    assert not columns.faults
    assert columns.occupancy.tolist() == [1.0] * 40_000


@pytest.mark.parametrize(
    ("row", "start", "text", "fault"),
    [
        (39_999, 17, "H\u00e9M", "expected ASCII characters"),
        (16_384, 30, "        ", "expected x in columns 31 to 38, got ''"),
        (33_000, 46, "  1.0  2", "expected z in columns 47 to 54, got '1.0  2'"),
        (20_000, 54, "ATOM  ", "expected one atom on the line, got two"),
    ],
)
def test_faults_far_down_in_large_files_are_found(row, start, text, fault):
    lines = grid_of_waters(40_000)
    lines[row] = lines[row][:start] + text + lines[row][start + len(text) :]
    columns = read_columns(lines)
    assert list(columns.faults) == [row]
    assert columns.faults[row].startswith(fault)
