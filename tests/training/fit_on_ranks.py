"""One of the processes that train a model together; run by `test_ranks.py`."""

import json
import sys
from pathlib import Path

import torch
from small import model, molecules

from tg_molfield.training import AugmentedMolecules, fit


def runs(folder: Path | None) -> dict:
    own = model()
    report = fit(
        own, molecules(), valid=molecules(5)[2:], batch_size=3, max_epochs=4, ema=0.5, folder=folder, progress=False
    )  # fmt: skip
    augmented = fit(model(), AugmentedMolecules(molecules(), 5), max_steps=4)
    return {
        "losses": report.losses,
        "augmented": augmented.losses,
        "valid": [[one.loss, one.psnr, one.psnr_occupied] for one in report.validations],
        "elements": list(own.domain.elements),
        "size": own.domain.max_atoms,
        "code": own.encode(molecules()[3]).code.flatten().tolist(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    own = Path(sys.argv[1])
    own.with_suffix(".json").write_text(json.dumps(runs(own.parent / "run")))
