"""One of the processes that train together, of which the first is asked to end; run by `test_interrupted_ranks.py`."""

import os
import signal

from small import model, molecules

from tg_molfield.training import fit


def interrupt(report, share):
    if report.steps == 3:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    fit(model(), molecules(), batch_size=4, max_steps=50, progress=interrupt)
