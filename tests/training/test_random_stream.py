"""Training draws from random numbers of its own, in one thread or in several."""

import threading

import torch
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder
from tg_molfield.random_stream import RandomStream
from tg_molfield.training import AugmentedMolecules, MatchingLoss, fit

FIELD = MolField("H C", widths=0.5, width_scale=1.0)
DATA = Data(z=torch.tensor([6, 1]), pos=torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.1]]))


def train(seed: int, found: dict) -> None:
    options = {"num_slots": 4, "width": 8, "num_tokens": 2, "num_steps": 1}
    with RandomStream(seed).active():
        model = FieldAutoEncoder(FIELD, 16, encoder_options={"out_channels": 8}, decoder_options=options)
    loss = MatchingLoss(FIELD)
    found["train", seed] = fit(model, AugmentedMolecules([DATA], 3), loss, max_steps=6, seed=seed).losses
    volume = FIELD(DATA).on(Grid.cube((0.0, 0.0, 0.0), 4.0, 5))
    for _ in range(2):
        made = FieldAutoDecoder("H C", latent_dim=8, decoder_options={"width": 8}, seed=seed)
        found["decoder", seed] = made.fit(volume, max_steps=5, seed=seed).losses


def test_fits_in_threads_are_those_of_one_thread():
    before = torch.get_rng_state()
    alone: dict = {}
    for seed in (1, 2, 3):
        train(seed, alone)
    assert torch.equal(torch.get_rng_state(), before)
    together: dict = {}
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert torch.equal(torch.get_rng_state(), before)


def test_a_stream_goes_on_where_it_was_left():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = torch.rand(6)
    stream, parts = RandomStream(5), []
    for _ in range(3):
        torch.rand(1)
        with stream.active():
            parts.append(torch.rand(2))
    assert torch.equal(torch.cat(parts), expected)
