"""``resume=False`` leaves nothing of an earlier run that could be taken for the new one."""

import pytest
from small import model, molecules

from tg_molfield.training import fit

OPTIONS = {"batch_size": 3, "max_epochs": 2}


class Killed(Exception):
    """Ends a run in the middle."""


def test_a_new_run_that_was_killed_early_is_not_the_earlier_one(tmp_path, seeded):
    def kill(report, share):
        raise Killed

    earlier = fit(model(), molecules(), folder=tmp_path, **OPTIONS)
    with pytest.raises(Killed):
        fit(model(1), molecules(), folder=tmp_path, resume=False, progress=kill, **OPTIONS)
    again = fit(model(1), molecules(), folder=tmp_path, **OPTIONS)
    assert again.losses == fit(model(1), molecules(), **OPTIONS).losses
    assert again.losses != earlier.losses
