"""Bars of long work in notebooks; those of terminals are tested with the commands."""

import sys
from types import SimpleNamespace

import pytest

from tg_molfield import progress
from tg_molfield.progress import shown


class Output:
    """One output of a cell, and all that it has shown."""

    def __init__(self):
        self.states = []

    def update(self, bundle, raw):
        assert raw
        self.states.append(bundle)


@pytest.fixture
def notebook(monkeypatch):
    """The outputs of a notebook."""
    outputs = []

    def display(bundle, raw, display_id):
        outputs.append(Output())
        outputs[-1].update(bundle, raw)
        return outputs[-1]

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr(progress, "_NOTEBOOK_PAUSE", -1.0)
    return outputs


def work(stays):
    with shown(None, lambda done: (f"step <{done}>", done / 4), stays) as show:
        for step in range(1, 5):
            show(step)


def test_a_bar_in_a_notebook_that_stays(notebook):
    work(stays=True)
    (output,) = notebook
    assert [state["text/plain"].split(">")[0] for state in output.states[1:5]] == [f"step <{n}" for n in range(1, 5)]
    assert 'value="0.2500"' in output.states[1]["text/html"]
    assert "value=" not in output.states[0]["text/html"]
    assert "step &lt;4&gt; <code>0:00:00</code>" in output.states[-1]["text/html"]


def test_a_bar_in_a_notebook_vanishes_also_after_an_error(notebook):
    work(stays=False)
    with pytest.raises(FloatingPointError), shown(None, lambda: ("", None)):
        raise FloatingPointError
    assert [output.states[-1]["text/html"] for output in notebook] == ["", ""]


def test_a_notebook_is_not_drawn_at_every_step(notebook, monkeypatch):
    monkeypatch.setattr(progress, "_NOTEBOOK_PAUSE", 60.0)
    work(stays=True)
    assert [len(output.states) for output in notebook] == [2]
