"""Data sets whose ``pre_filter`` or ``pre_transform`` was edited since they were built."""

import functools
import importlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.transforms import BaseTransform, Compose

from tg_molfield.datasets import MoleculeFields
from tg_molfield.datasets.content_digest import content_digest, function_text
from tg_molfield.structures import from_smiles

LIMIT = 6
WITH_HELPER = "  def __call__(self, d): return self.helper()\n  go = __call__\n"


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles) for smiles in ("CCO", "O", "CC#N")]


def defined(text, name="function"):
    """What a source text defines, as if it had been edited and run again."""
    found = {"__name__": "edited", "functools": functools, "torch": torch, "BaseTransform": BaseTransform}
    exec(text, found)
    return found[name]


def small(data: Data) -> bool:
    return data.z.numel() < LIMIT


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, data):
        return Data(z=data.z, pos=data.pos * self.factor)


class ScaleTransform(BaseTransform):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, data):
        data.pos = data.pos * self.factor
        return data


class ScaleModule(torch.nn.Module):
    def __init__(self, factor, offset=0.0):
        super().__init__()
        self.factor = factor
        self.register_buffer("offset", torch.tensor(offset))

    def forward(self, data):
        return Data(z=data.z, pos=data.pos * self.factor + self.offset)


class Silent:
    """Shows nothing of itself."""

    def __init__(self, factor):
        self._factor = factor

    def __repr__(self):
        return "Silent()"

    def __call__(self, data):
        return Data(z=data.z, pos=data.pos * self._factor)


class PrivateModule(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self._factor = factor


def closing_over(value):
    return lambda data: data.z.numel() < len(value)


def test_an_edited_filter_is_refused_and_the_same_one_opens(tmp_path, molecules):
    before, same, after = (defined(f"function = lambda d: d.z.numel() < {limit}") for limit in (6, 6, 100))
    assert len(MoleculeFields(tmp_path, molecules, pre_filter=before)) == 1
    assert len(MoleculeFields(tmp_path, molecules, pre_filter=same)) == 1
    with pytest.raises(
        ValueError, match=r"got another pre_filter \(<lambda>, digest \w+, now <lambda>, digest \w+\); g"
    ):
        MoleculeFields(tmp_path, molecules, pre_filter=after)
    with pytest.raises(ValueError, match=r"another pre_filter"):
        MoleculeFields(tmp_path, pre_filter=after)
    assert len(MoleculeFields(tmp_path, molecules, pre_filter=after, force_reload=True)) == 3


def test_a_half_built_data_set_does_not_go_on_with_another_transform(tmp_path):
    molecules = [Data(z=torch.tensor([2]), pos=torch.ones(1, 3)) for _ in range(300)]

    def stop(state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MoleculeFields(tmp_path, molecules, pre_transform=Scale(2.0), progress=stop)
    with pytest.raises(ValueError, match="another pre_transform"):
        MoleculeFields(tmp_path, molecules, pre_transform=Scale(3.0))
    dataset = MoleculeFields(tmp_path, molecules, pre_transform=Scale(2.0))
    assert {data.pos[0, 0].item() for data in dataset} == {2.0}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def function(d): return d.x", "def function(d): return d.y"),
        ("def function(d): return d.x + 1", "def function(d): return d.x - 1"),
        ("def function(d, least=1): return d", "def function(d, least=2): return d"),
        ("def function(d, *, least=1): return d", "def function(d, *, least=2): return d"),
        ("def function(d): return [x + 1 for x in d]", "def function(d): return [x + 2 for x in d]"),
        ("def function(d): return d.x in {'a', 'b'}", "def function(d): return d.x in {'a', 'c'}"),
        ("most = 4\ndef function(d): return d.x < most", "most = 5\ndef function(d): return d.x < most"),
        ("def g(d): return 1\ndef function(d): return g(d)", "def g(d): return 2\ndef function(d): return g(d)"),
        (
            "@functools.lru_cache\ndef function(d): return 1",
            "@functools.lru_cache\ndef function(d): return 2",
        ),
        (
            "class S:\n  def __call__(self, d): return 1\nfunction = S()",
            "class S:\n  def __call__(self, d): return 2\nfunction = S()",
        ),
        (
            "class S(BaseTransform):\n  def forward(self, d): return 1\nfunction = S()",
            "class S(BaseTransform):\n  def forward(self, d): return 2\nfunction = S()",
        ),
        *(
            (text, text.replace("1", "2"))
            for text in (
                f"class S:\n{WITH_HELPER}  def helper(self): return 1\nfunction = S()",
                f"class S:\n{WITH_HELPER}  @staticmethod\n  def helper(): return 1\nfunction = S()",
                f"class S:\n{WITH_HELPER}  def helper(self): return 1\nfunction = S().go",
                "class S:\n  value = 1\n  def __call__(self, d): return self.value\nfunction = S()",
                f"class S:\n{WITH_HELPER}  @property\n  def helper(self): return lambda: 1\nfunction = S()",
                f"class B:\n  def helper(self): return 1\nclass S(B):\n{WITH_HELPER}\nfunction = S()",
                "class S:\n  def go(self, d): return 1\ndef function(d): return S().go(d)",
                "RADII = {6: 1}\ndef function(d): return RADII[d.z]",
                "_KINDS = [6, 1]\ndef function(d): return d.z in _KINDS",
                "KINDS = {6, 1}\ndef function(d): return d.z in KINDS",
                "radii = torch.tensor([1])\ndef function(d): return radii[d.z]",
                "class M(torch.nn.Module):\n  def forward(self, d): return 1\nfunction = torch.nn.Sequential(M())",
            )
        ),
        (
            "from math import sin as g\ndef function(d): return g(d)",
            "from math import cos as g\ndef function(d): return g(d)",
        ),
    ],
)
def test_code_that_was_edited_is_told(first, second):
    assert function_text(defined(first)) == function_text(defined("\n\n" + first))
    assert function_text(defined(first)) != function_text(defined(second))


@pytest.mark.parametrize(
    "made",
    [
        Scale,
        ScaleTransform,
        ScaleModule,
        Silent,
        PrivateModule,
        lambda number: ScaleModule(1, float(number)),
        lambda number: functools.partial(small, limit=number),
        lambda number: functools.partial(small, number),
        lambda number: Scale(number).__call__,
        lambda number: Compose([ScaleTransform(1), ScaleTransform(number)]),
        lambda number: closing_over("a" * number),
        lambda number: closing_over({"a": [1, number]}),
        lambda number: closing_over(torch.tensor([1, number])),
        lambda number: closing_over(torch.tensor(float(number), dtype=torch.bfloat16)),
        lambda number: closing_over(np.full(2000, number)),
        lambda number: closing_over(np.float32(number)),
        lambda number: closing_over(np.array([number, None])),
        lambda number: closing_over(Scale(Scale(number))),
        lambda number: closing_over(Data(x=torch.full((3,), number))),
    ],
)
def test_what_functions_hold_is_told(made):
    assert function_text(made(2)) == function_text(made(2))
    assert function_text(made(2)) != function_text(made(3))


def test_values_that_hold_themselves_have_a_digest():
    def factorial(number):
        return 1 if number < 2 else number * factorial(number - 1)

    held = []
    held.append([held])
    assert content_digest(held) != content_digest([[]])
    assert function_text(factorial).startswith("test_values_that_hold_themselves_have_a_")


def calling_each_other(count, last):
    """Functions of a module of which each calls all others."""
    calls = [" + ".join(f"f{j}(d)" for j in range(count) if j != i) for i in range(count)]
    text = "\n".join(f"def f{i}(d): return {call}" for i, call in enumerate(calls))
    return defined(f"{text} + {last}", "f0")


def test_functions_that_call_each_other_are_told_once():
    assert function_text(calling_each_other(40, 1)) == function_text(calling_each_other(40, 1))
    assert function_text(calling_each_other(40, 1)) != function_text(calling_each_other(40, 2))


def test_what_an_object_keeps_for_later_does_not_count():
    class Counting:
        @functools.cached_property
        def table(self):
            return [1, 2]

        def __call__(self, data):
            return data

    one = Counting()
    before = function_text(one)
    assert one.table == [1, 2]
    assert function_text(one) == before


def test_what_a_function_remembers_does_not_count():
    function = defined("seen = set()\ndef function(d):\n  seen.add(d)\n  return True")
    before = function_text(function)
    function(1)
    assert function_text(function) == before


def test_functions_of_other_files_are_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # compiled files are told from others by the second alone
    found = []
    for number in (1, 1, 2):
        sys.modules.pop("helpers_of_a_script", None)
        (tmp_path / "helpers_of_a_script.py").write_text(f"def helper(d):\n    return {number}  # edited\n")
        importlib.invalidate_caches()
        found.append(defined("from helpers_of_a_script import helper\ndef function(d): return helper(d)"))
    del sys.modules["helpers_of_a_script"]
    same, again, edited = map(function_text, found)
    assert same == again != edited


def test_processes_agree():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_changed_functions as t\n"
        "made = [t.small, t.Scale(2), t.Silent(2), t.ScaleModule(2), t.closing_over({'a', 'b', 'c'}),\n"
        "        t.Compose([t.ScaleTransform(2)]),\n"
        "        t.defined(\"def function(d): return d.x in {'a', 'b', 'c', 'd'}\")]\n"
        "print(*map(t.function_text, made), sep='\\n')\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", script, os.path.dirname(__file__)],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert found[0] == found[1]
    assert found[0].count("digest") == 7
