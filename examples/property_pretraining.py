"""A pretrained autoencoder as the start of a property model, compared with the same model from scratch."""

import copy

import torch
from g2_enthalpies import split
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder
from tg_molfield.training import PropertyLoss


def from_scratch(model: FieldAutoEncoder) -> FieldAutoEncoder:
    fresh = copy.deepcopy(model)
    for module in fresh.modules():
        if isinstance(module, nn.Linear | nn.Embedding | nn.LayerNorm):
            module.reset_parameters()
    return fresh


def error_after_training(model: FieldAutoEncoder, train: list[Data], test: list[Data], epochs: int) -> float:
    """The mean absolute error on the test molecules after training encoder and head together."""
    torch.manual_seed(0)
    model.train()
    loss = PropertyLoss(model.latent_dim, torch.cat([data.y for data in train]), key="y")
    optimizer = torch.optim.AdamW([*model.parameters(), *loss.parameters()], lr=1e-3)
    for _ in range(epochs):
        for batch in DataLoader(train, batch_size=16, shuffle=True):
            value = loss(model.encode(batch).code, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    batch = Batch.from_data_list(test)
    model.eval()
    with torch.no_grad():
        found = loss.predict(model.encode(batch).code)
    return float((found - batch.y).abs().mean())


def main(epochs: int = 15) -> None:
    train, test = split()
    pretrained = FieldAutoEncoder.from_pretrained("organic-small")
    for name, model in (("pretrained", pretrained), ("from scratch", from_scratch(pretrained))):
        error = error_after_training(model, train, test, epochs)
        print(f"{name}: mean absolute error {error:.1f} kcal/mol after {epochs} epochs")


if __name__ == "__main__":
    main()
