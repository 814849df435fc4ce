"""Learn occupancies, which are unions of atoms and not sums, with a decoder that reads the atoms around each point.

The molecules are the 162 that ship with ASE; a fifth of them, by formula, is held out, and all are turned at random.
``python examples/atom_anchored_decoder.py 60 --compare`` trains a minute and gives the SIREN the same time.
"""

import argparse

import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform
from tg_molfield.demo.molecules import ase_molecules, randomly_rotated, split_by_formula
from tg_molfield.training import fit


class Turned(Dataset):
    """Molecules in an orientation that is new each time, with the field at points around them."""

    def __init__(self, molecules: list[Data], transform: MolFieldTransform) -> None:
        self.molecules, self.transform = molecules, transform

    def __len__(self) -> int:
        return len(self.molecules)

    def __getitem__(self, index: int) -> Data:
        return self.transform(randomly_rotated(self.molecules[index]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=5.0, help="to train for")
    parser.add_argument("--compare", action="store_true", help="train a SIREN too")
    arguments = parser.parse_args()
    mol_field = MolField.preset("funcmol")
    train, test = split_by_formula(ase_molecules(), held_out=0.2, seed=0)
    transform = MolFieldTransform(mol_field, num_queries=256)
    torch.manual_seed(1)
    held_out = next(iter(DataLoader(Turned(test, transform), batch_size=len(test))))
    for decoder in ("atoms", "siren") if arguments.compare else ("atoms",):
        torch.manual_seed(0)
        model = FieldAutoEncoder(mol_field.channels, decoder=decoder, pooling_options={"num_blocks": 0})
        loader = DataLoader(Turned(train, transform), batch_size=32, shuffle=True)
        report = fit(model, loader, max_seconds=arguments.seconds, lr=2e-3)
        latent = model.encode(held_out.z, held_out.pos, held_out.batch)
        found = model.test(latent, held_out.query_pos, held_out.field, held_out.query_batch)
        print(f"{decoder}: {report.steps} steps, {len(test)} held-out molecules:", end=" ")
        print(f"{found['psnr']:.1f} dB, {found['psnr_occupied']:.1f} dB where occupied")


if __name__ == "__main__":
    main()
