import gzip
import json
import os
import re
from base64 import b64decode
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of shared test data; tests that need it are skipped where it is missing."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("TG_MOLFIELD_DATA", default))
    if not (folder / "DATA.md").exists():
        pytest.skip(f"no test data in {folder}; set TG_MOLFIELD_DATA to the folder that holds DATA.md")
    return folder


@pytest.fixture
def figures_of():
    """The plotly figures of a page, as dictionaries."""

    def unpacked(html):
        packed = re.findall(r'<script class="figure" type="application/gzip">(.*?)</script>', html)
        return [json.loads(gzip.decompress(b64decode(one))) for one in packed]

    return unpacked


@pytest.fixture
def seeded():
    """The test starts with torch's generator at seed 0 and leaves it as it was: no test depends on another."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def browser():
    """A window of Chromium; tests that need it are skipped where it is missing."""
    from browser import CHROMIUM, Browser

    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    window = Browser()
    yield window
    window.close()


class LargestTensor(TorchDispatchMode):
    """Notes the bytes of the largest tensor that an operation makes while the mode is on."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for made in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(made, torch.Tensor) and not func.is_view:
                self.bytes = max(self.bytes, made.numel() * made.element_size())
        return result


@pytest.fixture
def largest_bytes():
    """A function: the bytes of the largest tensor that is made when ``work`` is called with arguments."""

    def measure(work, *arguments):
        with LargestTensor() as mode:
            work(*arguments)
        return mode.bytes

    return measure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let ``-m cuda`` select the tests that run on a CUDA device."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if parameters.get("device") == "cuda":
            item.add_marker("cuda")
