import math

import pytest

from tg_molfield.cli.train.configuration import FILE, Configuration
from tg_molfield.cli.train.flags import parsed_options
from tg_molfield.cli.train.yaml_files import read_yaml, write_yaml

pytest.importorskip("yaml")


def written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "value",
    [0.001, 1e-5, 1e22, -2.5e-300, 0.1 + 0.2, 7, True, None, "1e-3", "no", "", "α: #", "C N O", [0.8, 1e-9],
     {"a": 1e-7}, {"deep": {"b": ["x", 2, None]}}, math.inf],
)  # fmt: skip
def test_values_survive_the_file(tmp_path, value):
    write_yaml(tmp_path / "a.yaml", {"x": value}, "a comment")
    found = read_yaml(tmp_path / "a.yaml")["x"]
    assert found == value
    assert type(found) is type(value)


def test_numbers_with_exponents_are_numbers(tmp_path):
    path = written(tmp_path / "a.yaml", "lr: 1e-3\nema: .999\nmax_seconds: 1_000.5\nclip: 2E+1\npreset: '1e-3'\n")
    found = read_yaml(path)
    assert found == {"lr": 1e-3, "ema": 0.999, "max_seconds": 1000.5, "clip": 20.0, "preset": "1e-3"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: 3\n", r"expected options of train, got 'epochs'; did you mean max_epochs\?"),
        ("zzz: 3\n", "got 'zzz'; tg-molfield train --help lists them"),
        ("lr: fast\n", "lr: expected a number, got 'fast'; correct it"),
        ("lr: true\n", "lr: expected a number, got 'True'"),
        ("max_epochs: 2.5\n", "max_epochs: expected a whole number, got '2.5'"),
        ("max_epochs: yes\n", "max_epochs: expected a whole number, got 'True'"),
        ("tensorboard: 1\n", "tensorboard: expected true or false, got '1'"),
        ("encoder_options: 3\n", "encoder_options: expected options by name, got '3'"),
        ("fractions: [1, a]\n", "fractions: expected a list, got"),
        ("widths: [1]\n", "widths: expected text or a number, got"),
        ("seed: 1\nseed: 2\n", "seed: expected each option once, got it twice"),
        ("encoder_options: {a: 1, a: 2}\n", "a: expected each option once"),
        ("- 1\n", "expected options by name, such as 'max_epochs: 100', got something else"),
        ("3: 1\n", "expected options by name"),
        ("a: [1\n", "expected YAML, got .* in line 2; correct it"),
        ("a: !!python/object/apply:os.getcwd []\n", "expected YAML, got could not determine a constructor"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path, text, message):
    path = written(tmp_path / "a.yaml", text)
    with pytest.raises(ValueError, match=message) as told:
        Configuration.read(path)
    assert str(told.value).startswith(f"{path}: ")


def test_an_empty_file_leaves_all_as_it_is(tmp_path):
    found = Configuration.read(written(tmp_path / "a.yaml", "# nothing\n"))
    assert found == Configuration(output=str(tmp_path / "run"))


def test_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    (tmp_path / "sets" / "esol").mkdir(parents=True)
    (tmp_path / "runs").mkdir()
    path = written(tmp_path / "runs" / "a.yaml", "data: ../sets/esol\nmodel: organic-small\noutput: first\n")
    monkeypatch.chdir(tmp_path)
    found = Configuration.read(path)
    assert found.data == (str(tmp_path / "sets" / "esol"),)
    assert found.model == "organic-small"
    assert found.output == str(tmp_path / "runs" / "first")
    (tmp_path / "other" / "run").mkdir(parents=True)
    how = Configuration(data=("sets/esol", "freesolv"), lr=1e-5, encoder_options={"cutoff": 5.0}, output="other/run")
    again = Configuration.read(how.write(tmp_path / "other" / "run"))
    assert again.differences(how) == []
    assert (tmp_path / "other" / "run" / FILE).read_text().count('"../../sets/esol"') == 1
    monkeypatch.chdir(tmp_path / "sets")
    assert Configuration.read(tmp_path / "other" / "run" / FILE).data == (str(tmp_path / "sets" / "esol"), "freesolv")


def test_options_of_parts_in_words():
    assert parsed_options("--x", "num_layers=3 cutoff=5e-1 a=none b=True c=painn d=[1,2]") == {
        "num_layers": 3, "cutoff": 0.5, "a": None, "b": True, "c": "painn", "d": [1, 2],
    }  # fmt: skip
    with pytest.raises(ValueError, match="--x: expected words such as num_layers=3, got 'cutoff'"):
        parsed_options("--x", "cutoff 5")
