"""A PyG data set with a measured property: enthalpies of formation of the organic molecules in the G2 set.

The other property examples import it.
"""

import tempfile

import torch
from torch_geometric.data import Data, InMemoryDataset

from tg_molfield.demo.enthalpies import with_enthalpies
from tg_molfield.demo.molecules import ase_molecules


class G2Enthalpies(InMemoryDataset):
    """99 closed-shell molecules with 2 to 14 atoms and ``y [1, 1]`` in kcal/mol (Curtiss et al. 1997), from ASE."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.load(self.processed_paths[0])

    @property
    def processed_file_names(self) -> list[str]:
        return ["g2.pt"]

    def process(self) -> None:
        self.save(with_enthalpies(ase_molecules()), self.processed_paths[0])


def split(seed: int = 0) -> tuple[list[Data], list[Data]]:
    """Three quarters of the molecules for training and the rest for testing, shuffled."""
    with tempfile.TemporaryDirectory() as root:
        dataset = G2Enthalpies(root)
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
        molecules = [dataset[index] for index in order.tolist()]
    return molecules[len(molecules) // 4 :], molecules[: len(molecules) // 4]


def main() -> None:
    train, test = split()
    deviation = torch.cat([data.y for data in test]).std()
    print(
        f"{len(train)} training and {len(test)} test molecules, "
        f"enthalpies with a standard deviation of {deviation:.0f} kcal/mol"
    )


if __name__ == "__main__":
    main()
