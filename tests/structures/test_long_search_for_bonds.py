import pytest

from tg_molfield.structures import read, to_rdkit


def test_a_search_that_takes_too_long_is_called_that(data_dir):
    peptide = read(data_dir / "ensembles" / "1l2y_nmr.pdb.gz")[0]
    with pytest.raises(ValueError, match=r"RDKit got none \(Max Iterations .*; read the bonds from"):
        to_rdkit(peptide, charge=1)
