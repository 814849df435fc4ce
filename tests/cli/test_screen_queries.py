"""Options of ``tg-molfield screen`` that concern the query alone."""

from commands import run, sdf


def test_conformers_of_a_query_beside_a_library_with_positions(tmp_path):
    library = sdf(tmp_path / "library.sdf", ["CCCO", "CCN"])
    text = run("screen", "CCCCO", library, "--conformers", 3, "-o", tmp_path / "hits.csv")
    assert "3 queries; the score of a molecule is that of the most alike" in text
    assert "2 hits" in text


def test_a_flat_query_beside_a_table_of_smiles(tmp_path):
    query = sdf(tmp_path / "query.sdf", ["O"])
    (tmp_path / "library.smi").write_text("CO\nO\n")
    assert "2 hits" in run("screen", query, tmp_path / "library.smi", "--dimension", 3, "-o", tmp_path / "hits.csv")
