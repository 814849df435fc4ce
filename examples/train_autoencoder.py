"""Train a FieldAutoEncoder in a plain PyTorch loop, then write the learned and the true field of a molecule."""

import tempfile
from pathlib import Path

import torch
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder, Grid, MolField, MolFieldTransform, from_smiles, psnr

SMILES = ("O", "C", "CO", "CC", "CCO", "C=O", "CC=O", "N", "CN", "CC#N")


def main(epochs: int = 60) -> None:
    torch.manual_seed(0)
    mol_field = MolField("H C N O")
    transform = MolFieldTransform(mol_field, num_queries=256, seed=0)
    molecules = [from_smiles(smiles) for smiles in SMILES]
    model = FieldAutoEncoder(channels=mol_field.channels, latent_dim=128)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        loader = DataLoader([transform(data) for data in molecules], batch_size=5, shuffle=True)
        for batch in loader:
            latent = model.encode(batch)
            loss = model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        if epoch % 20 == 19:
            print(f"epoch {epoch + 1}: mean square error {loss.item():.5f}")

    model.eval()
    ethanol = from_smiles("CCO")
    grid = Grid.around(ethanol.pos, spacing=0.4)
    learned, true = model.field(ethanol), mol_field(ethanol)
    print("ethanol:", psnr(learned, true, grid))
    with tempfile.TemporaryDirectory() as folder:
        learned.on(grid).save(Path(folder) / "learned.cube")
        true.on(grid).save(Path(folder) / "true.cube")
        print("wrote", sorted(path.name for path in Path(folder).iterdir()))


if __name__ == "__main__":
    main()
