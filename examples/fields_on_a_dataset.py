"""Fields on a PyG data set: any Data with ``z`` and ``pos`` works (QM9, MD17, or a data set of your own as here)."""

import tempfile

from torch_geometric.data import InMemoryDataset
from torch_geometric.loader import DataLoader

from tg_molfield import MolField, MolFieldTransform, from_smiles


class Alcohols(InMemoryDataset):
    """A few molecules made from SMILES and stored on disk."""

    @property
    def processed_file_names(self) -> list[str]:
        return ["alcohols.pt"]

    def process(self) -> None:
        self.save([from_smiles(smiles) for smiles in ("CO", "CCO", "CCCO", "CC(O)C", "OCCO")], self.processed_paths[0])

    def __init__(self, root: str, transform: MolFieldTransform) -> None:
        super().__init__(root, transform)
        self.load(self.processed_paths[0])


def main() -> None:
    mol_field = MolField("H C O other", kernel="gaussian")
    with tempfile.TemporaryDirectory() as root:
        dataset = Alcohols(root, transform=MolFieldTransform(mol_field, num_queries=512))
        for batch in DataLoader(dataset, batch_size=5):
            print(batch)
            print(f"channels {mol_field.channels}: field {list(batch.field.shape)} at {list(batch.query_pos.shape)} Å")


if __name__ == "__main__":
    main()
