"""Transforms of PyG data: query points and field values for training."""

from tg_molfield.transforms.mol_field_transform import MolFieldTransform
from tg_molfield.transforms.samplers import GridSampler, MixtureSampler, NearAtomsSampler, Sampler, UniformSampler

__all__ = ["GridSampler", "MixtureSampler", "MolFieldTransform", "NearAtomsSampler", "Sampler", "UniformSampler"]
