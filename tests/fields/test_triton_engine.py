"""The Triton engine, in a process of its own: Triton decides when it is imported whether to interpret kernels."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tg_molfield.fields.engine import dispatch
from tg_molfield.fields.engine.dispatch import uses_triton
from tg_molfield.fields.kernels import KERNELS, FunctionKernel, Laplacian

HERE = Path(__file__).parent
TRITON = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


def run(*arguments: str, interpret: bool) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1" if interpret else "0"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]


@TRITON
@pytest.mark.cuda
def test_against_double_precision():
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "triton_cases.py", interpret=not torch.cuda.is_available())


@TRITON
def test_kernels_compile_for_compute_capability_9():
    run("triton_compile.py", interpret=False)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=lambda kernel: kernel.name)
def test_processors_keep_the_reference_engine(kernel):
    assert not uses_triton(torch.zeros(2, 3), torch.ones(2, 1), kernel)


@pytest.mark.parametrize(("rows", "channels", "fits"), [(2**29 - 1, 1, True), (2**29, 1, False), (2**21, 32, False)])
def test_rows_that_kernels_can_count(rows, channels, fits, monkeypatch):
    monkeypatch.setattr(dispatch, "_runs_triton", lambda device: True)
    centers = SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32)
    assert uses_triton(centers, torch.empty(rows, channels, device="meta"), KERNELS["gaussian"]) == fits


@pytest.mark.cuda
@TRITON
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_what_devices_compute_with_triton():
    centers, weights = torch.zeros(2, 3, device="cuda"), torch.ones(2, 64, device="cuda")
    assert all(uses_triton(centers, weights, kernel) for kernel in KERNELS.values())
    assert not uses_triton(centers.double(), weights.double(), KERNELS["gaussian"])
    assert not uses_triton(centers, torch.ones(2, 65, device="cuda"), KERNELS["gaussian"])
    assert not uses_triton(centers, weights, Laplacian(KERNELS["gaussian"]))
    assert not uses_triton(centers, weights, FunctionKernel(torch.cos, name="gaussian"))
