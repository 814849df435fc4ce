import pytest

from tg_molfield.structures import KEYS, PROPERTIES
from tg_molfield.structures.keys import RESULTS


def test_names_do_not_wake_the_collation_rules_of_pyg():
    for name, key in KEYS.items():
        assert name == key.name
        assert "batch" not in name
        assert ("index" in name) is (name == "edge_index")
        assert "face" not in name
        assert "adj" not in name


def test_properties_and_results_are_in_the_table():
    assert set(PROPERTIES) | set(RESULTS) <= KEYS.keys()
    assert all(KEYS[name].per_atom for name in PROPERTIES)


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_entries_are_complete(key):
    assert key.kind in ("float", "int", "bool")
    assert key.meaning
    assert key.shape[0] in ("N", "F", "E", 1) or key.shape == (2, "E")
    assert not (key.unit and key.kind != "float")
