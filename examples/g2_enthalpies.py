"""A PyG data set with a measured property: enthalpies of formation of the organic molecules of the G2 set.

The other examples of property models import it from here.
"""

import tempfile

import torch
from torch_geometric.data import Data, InMemoryDataset

ORGANIC = {1, 6, 7, 8, 9, 16, 17}


class G2Enthalpies(InMemoryDataset):
    """99 closed-shell molecules of 2 to 14 atoms; ``y [1, 1]`` in kcal/mol (Curtiss et al. 1997), as ASE ships them."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.load(self.processed_paths[0])

    @property
    def processed_file_names(self) -> list[str]:
        return ["g2.pt"]

    def process(self) -> None:
        from ase.collections import g2
        from ase.data.g2 import data

        molecules = []
        for name in g2.names:
            atoms, known = g2[name], data[name]
            if len(atoms) > 1 and set(atoms.numbers) <= ORGANIC and known["magmoms"] is None:
                pos = torch.tensor(atoms.positions, dtype=torch.get_default_dtype())
                y = torch.tensor([[known["enthalpy"]]], dtype=pos.dtype)
                molecules.append(Data(z=torch.tensor(atoms.numbers, dtype=torch.int64), pos=pos, y=y))
        self.save(molecules, self.processed_paths[0])


def split(seed: int = 0) -> tuple[list[Data], list[Data]]:
    """Three quarters of the molecules to train on, and the rest."""
    with tempfile.TemporaryDirectory() as root:
        dataset = G2Enthalpies(root)
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
        molecules = [dataset[index] for index in order.tolist()]
    return molecules[len(molecules) // 4 :], molecules[: len(molecules) // 4]


def main() -> None:
    train, test = split()
    spread = torch.cat([data.y for data in test]).std()
    print(f"{len(train)} molecules to train on, {len(test)} to test; their enthalpies spread by {spread:.0f} kcal/mol")


if __name__ == "__main__":
    main()
