"""Learn occupancies, which are unions of atoms rather than sums, with a decoder that reads the atoms near each point.

The 162 small molecules in ASE are split by formula, with a fifth held out, and randomly rotated.
``python examples/atom_anchored_decoder.py 60 --compare`` trains for a minute and trains a SIREN for the same time.
"""

import argparse

import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform
from tg_molfield.demo.molecules import ase_molecules, randomly_rotated, split_by_formula
from tg_molfield.training import fit


class RandomlyRotated(Dataset):
    """Molecules in a new random orientation each time, with the field at points around them."""

    def __init__(self, molecules: list[Data], transform: MolFieldTransform) -> None:
        self.molecules, self.transform = molecules, transform

    def __len__(self) -> int:
        return len(self.molecules)

    def __getitem__(self, index: int) -> Data:
        return self.transform(randomly_rotated(self.molecules[index]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=5.0, help="the training time")
    parser.add_argument("--compare", action="store_true", help="train a SIREN too")
    arguments = parser.parse_args()
    mol_field = MolField.preset("funcmol")
    train, test = split_by_formula(ase_molecules(), held_out=0.2, seed=0)
    transform = MolFieldTransform(mol_field, num_queries=256)
    torch.manual_seed(1)
    held_out = next(iter(DataLoader(RandomlyRotated(test, transform), batch_size=len(test))))
    for decoder in ("atoms", "siren") if arguments.compare else ("atoms",):
        torch.manual_seed(0)
        model = FieldAutoEncoder(mol_field.channels, decoder=decoder, pooling_options={"num_blocks": 0})
        loader = DataLoader(RandomlyRotated(train, transform), batch_size=32, shuffle=True)
        report = fit(model, loader, max_seconds=arguments.seconds, lr=2e-3)
        latent = model.encode(held_out)
        found = model.test(latent, held_out.query_pos, held_out.field, held_out.query_batch)
        print(f"{decoder}: {report.steps} steps, {len(test)} held-out molecules:", end=" ")
        print(f"{found['psnr']:.1f} dB, {found['psnr_occupied']:.1f} dB where occupied")


if __name__ == "__main__":
    main()
