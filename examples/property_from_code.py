"""The invariant code of a FieldAutoEncoder as the input of a property model, both trained together.

The property is the radius of gyration, which no count of atoms gives away.
"""

import torch
from torch import nn
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform, from_smiles

SMILES = ("CCCC", "CC(C)C", "CCCO", "CC(C)O", "CCCCC", "CC(C)(C)C", "CCN", "CCF", "C1CCC1", "OCCO")


def main(epochs: int = 60) -> None:
    torch.manual_seed(0)
    mol_field = MolField("H C N O F")
    transform = MolFieldTransform(mol_field, num_queries=128, seed=0)
    molecules = [from_smiles(smiles) for smiles in SMILES]
    for data in molecules:
        data.y = (data.pos - data.pos.mean(0)).square().sum(1).mean().sqrt()[None]
    radii = torch.cat([data.y for data in molecules])
    mean, spread = radii.mean(), radii.std()

    encoder = FieldAutoEncoder(channels=mol_field.channels, latent_dim=64)
    head = nn.Sequential(nn.Linear(64, 32), nn.SiLU(), nn.Linear(32, 1))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-3)
    for epoch in range(epochs):
        for batch in DataLoader([transform(data) for data in molecules], batch_size=10):
            latent = encoder.encode(batch.z, batch.pos, batch.batch)
            fidelity = encoder.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch)
            property_loss = nn.functional.mse_loss(head(latent.code)[:, 0], (batch.y - mean) / spread)
            optimizer.zero_grad()
            (property_loss + fidelity).backward()
            optimizer.step()
        if epoch % 20 == 19:
            error = spread * property_loss.sqrt().item()
            print(f"epoch {epoch + 1}: radius of gyration ± {error:.3f} Å (spread of the data {spread:.3f} Å)")


if __name__ == "__main__":
    main()
