"""The flags of ``tg-molfield train``."""

from __future__ import annotations

import json
from copy import copy
from typing import Annotated, Any

import typer

from tg_molfield.cli import definition, options

_DATA, _FIELD, _MODEL, _COURSE = "Molecules", "Field", "Model", "Training"


def _flag(help_text: str, panel: str, **more: Any) -> Any:
    return typer.Option(help=help_text, rich_help_panel=panel, **more)


def _shared(option: Any, panel: str) -> Any:
    """An option that other commands have, too."""
    shared = copy(option.__metadata__[0])
    shared.rich_help_panel = panel
    return shared


Local = Annotated[str | None, _flag("A local copy of freesolv or qm9, which is then not downloaded.", _DATA)]
Conformers = Annotated[int | None, _shared(options.Conformers, _DATA)]
ConformerSeed = Annotated[int | None, _shared(options.ConformerSeed, _DATA)]
Timeout = Annotated[float | None, _shared(options.Timeout, _DATA)]
Dimension = Annotated[int | None, _shared(options.Dimension, _DATA)]
By = Annotated[
    str | None,
    _flag(
        "How to split: random, scaffold (molecules of one in one part); protein for complexes; blocks or "
        "trajectory for frames.  \\[default: random, of frames blocks]",
        _DATA,
    ),
]
Fractions = Annotated[
    str | None,
    _flag(
        "The shares of train, valid and test.  \\[default: 0.8,0.1,0.1]",
        _DATA,
        metavar="TRAIN,VALID,TEST",
    ),
]
SplitSeed = Annotated[int | None, _flag("The seed of the split.  \\[default: 0]", _DATA)]

Channels = Annotated[str | None, _shared(definition.Channels, _FIELD)]
Preset = Annotated[str | None, _shared(definition.Preset, _FIELD)]
PresetOptions = Annotated[
    str | None, _flag("Options of the preset, such as 'beta=0.5 normalize_grid_size=none'.", _FIELD)
]
Kernel = Annotated[str | None, _shared(definition.Kernel, _FIELD)]
Widths = Annotated[str | None, _shared(definition.Widths, _FIELD)]
WidthScale = Annotated[float | None, _shared(definition.WidthScale, _FIELD)]

Model = Annotated[
    str | None,
    _flag("A trained model: its name, file or folder, to begin with that instead of a new one.", _MODEL),
]
Decoder = Annotated[
    str | None, _flag("The decoder: rbf, siren, atoms, structure_factors or flow.  \\[default: rbf]", _MODEL)
]
Encoder = Annotated[str | None, _flag("The encoder: painn.  \\[default: painn]", _MODEL)]
LatentDim = Annotated[int | None, _flag("The length of the code.  \\[default: 512]", _MODEL)]
SummaryChannels = Annotated[
    int | None, _flag("Numbers at the end of the code for property models.  \\[default: 0]", _MODEL)
]
Properties = Annotated[
    str | None,
    _flag(
        "Per-atom properties: those that the code holds besides elements and positions, such as 'partial_charge'.",
        _MODEL,
    ),
]
EncoderOptions = Annotated[str | None, _flag("Such as 'num_layers=3 cutoff=5 out_channels=64'.", _MODEL)]
PoolingOptions = Annotated[str | None, _flag("Such as 'num_blocks=1'.", _MODEL)]
DecoderOptions = Annotated[str | None, _flag("Such as 'num_slots=48 width=128'.", _MODEL)]
RandomFrames = Annotated[
    bool | None,
    typer.Option(
        "--random-frames/--canonical-frames", help="Frames in training.  \\[default: random]", rich_help_panel=_MODEL
    ),
]

Loss = Annotated[
    str | None,
    _flag(
        "The loss: field (error at points), matching (of the Gaussians of rbf), initial_guess (of structure_factors) "
        "or flow (of flow).  \\[default: by decoder and field]",
        _COURSE,
    ),
]
Points = Annotated[int | None, _flag("Points of each molecule: for the loss field.  \\[default: 512]", _COURSE)]
BatchSize = Annotated[int | None, _flag("Molecules in a batch.  \\[default: 64]", _COURSE)]
MaxEpochs = Annotated[
    int | None, _flag("The budget in passes through the molecules.  \\[default: 100 without another budget]", _COURSE)
]
MaxSteps = Annotated[int | None, _flag("The budget in steps.", _COURSE)]
MaxSeconds = Annotated[
    float | None,
    _flag("The budget in seconds: beside another one, the seconds of this call, to be resumed.", _COURSE),
]
Lr = Annotated[float | None, _flag("The maximum learning rate.  \\[default: 0.001]", _COURSE)]
WeightDecay = Annotated[float | None, _flag("Of AdamW.  \\[default: 0.0001]", _COURSE)]
Clip = Annotated[float | None, _flag("The maximum norm of the gradient.  \\[default: 1]", _COURSE)]
Warmup = Annotated[float | None, _flag("The share of the budget for the warm-up.  \\[default: 0.02]", _COURSE)]
Schedule = Annotated[
    str | None, _flag("The schedule: cosine or constant after the warm-up.  \\[default: cosine]", _COURSE)
]
Ema = Annotated[float | None, _flag("The decay of an average of the parameters, such as 0.999.", _COURSE)]
Precision = Annotated[str | None, _flag("The precision: float32 or bfloat16.  \\[default: float32]", _COURSE)]
ValidateEvery = Annotated[int | None, _flag("Steps between validations.  \\[default: an epoch]", _COURSE)]
Patience = Annotated[int | None, _flag("Validations without improvement that end the training.", _COURSE)]
Seed = Annotated[
    int | None, _flag("The seed of what is random: parameters, order, points and frames.  \\[default: 0]", _COURSE)
]
CheckpointSeconds = Annotated[
    float | None, _flag("From one checkpoint to the next, beside those of validations.  \\[default: 300]", _COURSE)
]
Tensorboard = Annotated[
    bool | None, typer.Option("--tensorboard", help="Write the log for TensorBoard, too.", rich_help_panel=_COURSE)
]
Pictures = Annotated[int | None, _flag("Molecules that are drawn at each validation.  \\[default: 0]", _COURSE)]
Workers = Annotated[int | None, _flag("Processes that do the work, beside this one.  \\[default: 0]", _COURSE)]
Compile = Annotated[
    bool | None,
    typer.Option("--compile", help="Compile the model, for long trainings.", rich_help_panel=_COURSE),
]
Device = Annotated[str | None, _flag("The device: cpu or cuda.  \\[default: cuda where there is one]", _COURSE)]


def parsed_options(name: str, text: str | None) -> dict[str, Any] | None:
    """The options in ``"num_layers=3 cutoff=5"``: numbers, true, false, none or text.

    Raises:
        ValueError: a word is no ``name=value``.
    """
    if text is None:
        return None
    found = {}
    for word in text.split():
        key, sign, value = word.partition("=")
        if not key or not sign:
            raise ValueError(f"{name}: expected words such as num_layers=3, got {word[:40]!r}; correct it")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    word = {"none": "null"}.get(text.lower(), text.lower())
    try:
        return json.loads(word)
    except ValueError:
        return text
