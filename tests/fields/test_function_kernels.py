"""Kernels from functions of one's own."""

import pytest
import torch

from tg_molfield.fields import FunctionKernel


def test_modules_that_are_trained_are_refused_as_they_would_get_no_gradient():
    module = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    with pytest.raises(ValueError, match=r"function: .* got a Sequential; call its requires_grad_\(False\)"):
        FunctionKernel(module, 3.0)
    FunctionKernel(module.requires_grad_(False), 3.0)
