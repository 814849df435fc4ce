"""What is kept of tensors is used for these very tensors alone, as they were."""

import torch

from tg_molfield.fields.versions import versions


def test_versions_are_of_the_very_tensors():
    one, two = torch.zeros(3), torch.zeros(3)
    kept = versions(one, two)
    assert kept.are_those_of(one, two)
    assert not kept.are_those_of(two, one)
    assert not kept.are_those_of(one, two.clone())


def test_versions_end_with_a_change_in_place():
    tensor = torch.zeros(3)
    kept = versions(tensor)
    tensor += 1
    assert not kept.are_those_of(tensor)
    assert versions(tensor).are_those_of(tensor)


def test_no_tensor_takes_the_place_of_one_that_was_dropped():
    tensor = torch.zeros(1000)
    kept = versions(tensor)
    del tensor
    assert not any(kept.are_those_of(torch.zeros(1000)) for _ in range(50))


def test_nothing_is_kept_of_what_is_differentiated():
    tensor = torch.zeros(3)
    kept = versions(tensor)
    tensor.requires_grad_()
    assert versions(tensor) is None
    assert not kept.are_those_of(tensor)
