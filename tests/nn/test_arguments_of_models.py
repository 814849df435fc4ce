"""Arguments of models, latents and codes that are refused by their names before any work."""

import math

import numpy as np
import pytest
import torch
from house_errors import assert_refused
from torch_geometric.data import Data

from tg_molfield import FieldAutoDecoder, FieldAutoEncoder, Grid, MolField
from tg_molfield.nn import Latent, nearest

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
DEFINITION = MolField("H O")
VOLUME = DEFINITION(WATER).on(Grid.around(WATER.pos, 1.0, 1.0))
MODEL = FieldAutoEncoder(DEFINITION, 32, encoder_options={"num_layers": 0}, decoder_options={"num_slots": 4}).eval()
CODES = FieldAutoDecoder("H O", 1, 8, decoder_options={"width": 16, "num_layers": 3})
LATENT = Latent.centered(torch.zeros(3, 8))
POINTS, TARGET = torch.zeros(4, 3), torch.zeros(4, 2)


def encoded(**options):
    return lambda: MODEL.encode(WATER, **options)


def autoencoder(**options):
    return lambda: FieldAutoEncoder(DEFINITION, **options)


def autodecoder(**options):
    return lambda: FieldAutoDecoder("H O", **options)


def fitted(**options):
    return lambda: CODES.fit(VOLUME, **{"max_steps": 1} | options)


def compared(method, target):
    return lambda: getattr(MODEL, method)(MODEL.encode(WATER), POINTS, target)


MODELS = [
    ("latent_dim", autoencoder(latent_dim=None)),
    ("decoder", autoencoder(decoder=None)),
    ("decoder", autoencoder(decoder=5)),
    ("summary_channels", autoencoder(summary_channels=None)),
    *(
        (f"{part}_options", autoencoder(**{f"{part}_options": v}))
        for part in ("encoder", "pooling", "decoder")
        for v in ([1], "x")
    ),
    ("random_frames", autoencoder(random_frames="no")),
    ("latent_dim", lambda: MODEL.with_latent_dim(None)),
    ("refine", encoded(refine=None)),
    ("target", encoded(target="x", refine=1)),
    ("properties", lambda: MODEL.encode(WATER.z, WATER.pos, properties=[1.0])),
    *(
        ("target", compared(method, target))
        for method in ("recon_loss", "test", "psnr")
        for target in (None, TARGET.tolist(), TARGET.numpy(), TARGET * 1j, TARGET.to("meta"))
    ),
    ("batch_size", lambda: MODEL.embed([WATER], batch_size=None)),
    ("workers", lambda: MODEL.embed([WATER], workers=None)),
    ("molecules", lambda: MODEL.embed(torch.tensor(1))),
    ("progress", lambda: MODEL.embed([WATER], progress="x")),
    ("errors", lambda: MODEL.embed([WATER], errors=[])),
    ("latent", lambda: MODEL.decoder.refine(None, DEFINITION(WATER), 1)),
    ("target", lambda: MODEL.decoder.refine(MODEL.encode(WATER), "x", 1)),
    ("steps", lambda: MODEL.decoder.refine(MODEL.encode(WATER), DEFINITION(WATER), None)),
]
LATENTS = [
    ("code", lambda: Latent(None, LATENT.pose)),
    ("pose", lambda: Latent(LATENT.code, None)),
    ("code", lambda: Latent.centered([0.0])),
    ("code", lambda: Latent.centered(torch.tensor(0.0))),
    ("code", lambda: LATENT.with_code([0.0])),
    *(("summary_channels", lambda n=n: Latent(LATENT.code, LATENT.pose, None, n)) for n in (9, -3, None)),
    *(("index", lambda i=i: LATENT[i]) for i in ("a", 1.5, None, torch.tensor(1.5))),
    ("device", lambda: LATENT.to("abc")),
    ("dtype", lambda: LATENT.pose.to(torch.int64)),
    ("k", lambda: nearest(LATENT.code, None)),
    ("distance", lambda: nearest(LATENT.code, 1, None)),
]
FITS = [
    *((name, autodecoder(**{name: None})) for name in ("num_volumes", "latent_dim", "seed", "decoder")),
    ("decoder_options", autodecoder(decoder_options="x")),
    *(("seed", fitted(seed=value)) for value in (1.5, None)),
    ("lr", fitted(lr=None)),
    ("max_seconds", fitted(max_seconds="x")),
    ("max_seconds", fitted(max_seconds=math.nan)),
    ("tolerance", fitted(tolerance="x")),
    ("points", fitted(points=None)),
    ("progress", fitted(progress="x")),
    ("checkpoint", fitted(checkpoint=3)),
    ("max_bytes", fitted(max_bytes="x")),
    ("peak", lambda: CODES.evaluate(VOLUME, peak="x")),
]


@pytest.mark.parametrize(("name", "call"), [*MODELS, *LATENTS, *FITS])
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)


@pytest.mark.parametrize("index", [np.int64(-1), np.array(2), torch.tensor(2), [2], slice(2, 3)])
def test_latents_are_indexed_by_integers_of_any_library(index):
    latent = Latent.centered(torch.arange(24.0).view(3, 8))
    assert latent[index].code.equal(latent.code[2:])
    assert latent[index].pose.origin.shape == (1, 3)


@pytest.mark.parametrize("generator", [0, "x"])
def test_a_generator_is_one_of_torch(generator):
    options = {"width": 16, "num_layers": 1, "heads": 2, "num_tokens": 2, "num_steps": 1}
    space = FieldAutoEncoder(DEFINITION, 8, "flow", decoder_options=options).eval()
    assert_refused("generator", lambda: space.sample(1, generator=generator))
    assert_refused("generator", lambda: space.sample_near(space.encode(WATER), 0.5, generator=generator))
    assert_refused("progress", lambda: space.sample(1, progress="x"))
