"""Channels that are components of vectors, which decoders of scalars cannot rotate."""

import pytest
from small_models import SMALL, build

from tg_molfield.fields import Grid, MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder, SirenDecoder
from tg_molfield.structures import from_smiles

VECTORS = {
    "attribute": MolField("C forces:vector"),
    "displacement": MolField("C O", aggregate="displacement"),
    "names": "C forces.x forces.y forces.z",
}


@pytest.mark.parametrize("channels", VECTORS.values(), ids=VECTORS.keys())
@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms"])
def test_models_refuse_vectors(decoder, channels):
    with pytest.raises(
        ValueError, match=r"channels: expected scalars, since .* got the vector (forces|C); leave it out, or"
    ):
        build(decoder, channels=channels)


def test_names_with_dots_may_be_scalars():
    assert build("siren", channels="a.x a.y b.z").channels == ("a.x", "a.y", "b.z")


def test_decoders_that_rotate_vectors_are_taken():
    class Rotating(SirenDecoder):
        rotates_vectors = True

    names = ("a.x", "a.y", "a.z")
    assert FieldAutoEncoder(names, 32, Rotating(names, 32, **SMALL["siren"])).channels == names


def test_fitted_fields_keep_their_orientation_and_may_be_vectors():
    data = from_smiles("O")
    field = VECTORS["displacement"](data)[["O.x", "O.y", "O.z"]]
    model = FieldAutoDecoder("O.x O.y O.z", latent_dim=4, decoder_options=SMALL["siren"])
    report = model.fit(field, Grid.around(data.pos, 1.0), max_steps=60, lr=1e-2)
    assert report.losses[-1] < 0.5 * report.losses[0]
