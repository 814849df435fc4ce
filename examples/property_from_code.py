"""Reconstruction as an auxiliary loss of a property model, compared with training on the property alone.

Both models start from the same weights and learn enthalpies of formation from the code. One also learns to decode the
code, so that the field of each molecule can be reconstructed from the features that predict the property.
"""

import torch
from g2_enthalpies import split
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder, MolField, MolFieldTransform
from tg_molfield.training import PropertyLoss

FIELD = MolField.preset("mnf")


def errors(train: list[Data], test: list[Data], auxiliary: float, epochs: int) -> tuple[float, float]:
    """Mean absolute error of the property and PSNR in dB at occupied points, on the test molecules."""
    torch.manual_seed(0)
    model = FieldAutoEncoder(FIELD, latent_dim=256, decoder="rbf")
    loss = PropertyLoss(model.latent_dim, torch.cat([data.y for data in train]), key="y")
    optimizer = torch.optim.AdamW([*model.parameters(), *loss.parameters()], lr=1e-3)
    for _ in range(epochs):
        for batch in DataLoader(train, batch_size=16, shuffle=True):
            latent = model.encode(batch)
            value = loss(latent.code, batch)
            if auxiliary:
                fidelity = model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch)
                value = value + auxiliary * fidelity
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    batch = Batch.from_data_list(test)
    model.eval()
    with torch.no_grad():
        latent = model.encode(batch)
        property_error = (loss.predict(latent.code) - batch.y).abs().mean()
    fidelity = model.test(latent, batch.query_pos, batch.field, batch.query_batch)
    return float(property_error), fidelity["psnr_occupied"]


def main(epochs: int = 12) -> None:
    transform = MolFieldTransform(FIELD, num_queries=128, seed=0)
    train, test = ([transform(data) for data in molecules] for molecules in split())
    for name, auxiliary in (("property alone", 0.0), ("property and field", 10.0)):
        found, fidelity = errors(train, test, auxiliary, epochs)
        print(f"{name}: mean absolute error {found:.1f} kcal/mol, field {fidelity:.1f} dB")


if __name__ == "__main__":
    main()
