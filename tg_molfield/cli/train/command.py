"""The command ``tg-molfield train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tg_molfield.cli.train import flags
from tg_molfield.cli.train.flags import parsed_options

if TYPE_CHECKING:
    from tg_molfield.cli.train.configuration import Configuration


def train(
    source: Annotated[
        list[str] | None,
        typer.Argument(
            help="The folder of a data set; or files or folders of molecules, freesolv or qm9, as for build; or a "
            "YAML file or the folder of a training, whose options the flags change."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write to.  \\[default: run]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume: the training in the folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start over: also in a folder that has a training.")] = False,
    local: flags.Local = None,
    conformers: flags.Conformers = None,
    conformer_seed: flags.ConformerSeed = None,
    timeout: flags.Timeout = None,
    dimension: flags.Dimension = None,
    by: flags.By = None,
    fractions: flags.Fractions = None,
    split_seed: flags.SplitSeed = None,
    channels: flags.Channels = None,
    preset: flags.Preset = None,
    preset_options: flags.PresetOptions = None,
    kernel: flags.Kernel = None,
    widths: flags.Widths = None,
    width_scale: flags.WidthScale = None,
    model: flags.Model = None,
    decoder: flags.Decoder = None,
    encoder: flags.Encoder = None,
    latent_dim: flags.LatentDim = None,
    summary_channels: flags.SummaryChannels = None,
    properties: flags.Properties = None,
    encoder_options: flags.EncoderOptions = None,
    pooling_options: flags.PoolingOptions = None,
    decoder_options: flags.DecoderOptions = None,
    random_frames: flags.RandomFrames = None,
    loss: flags.Loss = None,
    points: flags.Points = None,
    batch_size: flags.BatchSize = None,
    max_epochs: flags.MaxEpochs = None,
    max_steps: flags.MaxSteps = None,
    max_seconds: flags.MaxSeconds = None,
    lr: flags.Lr = None,
    weight_decay: flags.WeightDecay = None,
    clip: flags.Clip = None,
    warmup: flags.Warmup = None,
    schedule: flags.Schedule = None,
    ema: flags.Ema = None,
    precision: flags.Precision = None,
    validate_every: flags.ValidateEvery = None,
    patience: flags.Patience = None,
    seed: flags.Seed = None,
    checkpoint_seconds: flags.CheckpointSeconds = None,
    tensorboard: flags.Tensorboard = None,
    pictures: flags.Pictures = None,
    workers: flags.Workers = None,
    compile: flags.Compile = None,
    device: flags.Device = None,
) -> None:
    """Train a model that encodes molecules and decodes their fields.

    The folder of the training gets the model with the best parameters (model.safetensors), by which the other commands
    know it (--model run), the checkpoint from which --resume goes on, log.csv, and config.yaml, which has all options
    and repeats the training. A killed training that is resumed ends as if it had not been killed. Options in YAML files
    have the names of the flags (max_epochs for --max-epochs; data for the molecules); paths are relative to the file.
    Started by torchrun, several processes share each batch.

    Examples:

    tg-molfield train esol -o run --max-epochs 50

    tg-molfield train molecules.smi --channels "C N O" --decoder siren --max-seconds 3600 --by scaffold

    tg-molfield train run/config.yaml --resume

    tg-molfield train run/config.yaml -o other --seed 1

    torchrun --nproc-per-node 4 $(which tg-molfield) train esol -o run --batch-size 256
    """
    given = dict(locals())
    for name in ("source", "resume", "force"):
        del given[name]
    for name in ("preset_options", "encoder_options", "pooling_options", "decoder_options"):
        given[name] = parsed_options(f"--{name.replace('_', '-')}", given[name])
    from tg_molfield.cli.data_sets.splitting import parsed_fractions
    from tg_molfield.cli.train.training import trained

    given["fractions"] = None if fractions is None else parsed_fractions(fractions)
    given["output"] = None if output is None else str(output)
    trained(_configuration(source or [], given, resume), resume, force)


def _configuration(source: list[str], given: dict[str, Any], resume: bool) -> Configuration:
    """The options of a YAML file or an earlier training, changed by the flags.

    Raises:
        ValueError: there are no molecules, or both a file and molecules.
    """
    from dataclasses import replace

    from tg_molfield.cli.train.configuration import FILE, Configuration
    from tg_molfield.cli.train.yaml_files import SUFFIXES

    files = [Path(one) for one in source if Path(one).suffix.lower() in SUFFIXES]
    files += [Path(one) / FILE for one in source if (Path(one) / FILE).is_file()]
    if files and len(source) > 1:
        raise ValueError(f"source: expected {files[0]} alone, which names the molecules, got more; give one of the two")
    flags_given = {name: value for name, value in given.items() if value is not None}
    before = Path(given["output"] or "run") / FILE
    if resume and not files and before.is_file():
        files = [before]
        flags_given |= {"data": source} if source else {}
    if files:
        how = Configuration.read(files[0])
        changed = Configuration.of(flags_given)
        how = replace(how, **{name: getattr(changed, name) for name in flags_given})
    else:
        how = Configuration.of({**flags_given, "data": source})
    if not how.data:
        raise ValueError(
            "source: expected molecules to train on, got none; give a data set, files, or a YAML file with data"
        )
    return how
