"""Overlays by RDKit and ESPsim, for benchmarks: `rdShapeAlign`, `rdGaussianShape` and Open3DAlign.

The shape of `MolField.preset("shape")` is given to RDKit as radii of atoms, and colours as features: Gaussians
exp(−κ d²/r²) with the same κ/r². Molecules are without hydrogens, because `rdGaussianShape` 2026.09 takes wrong radii
where there are any.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem import rdGaussianShape, rdMolAlign, rdMolDescriptors, rdShapeAlign
from rdkit.Geometry import Point3D
from torch_geometric.data import Data

from tg_molfield import MolField, RBFField

KAPPA = {rdShapeAlign: math.pi / (4 * math.pi / (3 * 2.7)) ** (2 / 3), rdGaussianShape: 2.41798793102}
"""κ of each, which is compiled in: Grant and Pickup's with p = 2.7, and with p = 2√2."""


def positions(mol: Chem.Mol) -> np.ndarray:
    """[N, 3] in Å."""
    return mol.GetConformer().GetPositions()


def turned(mol: Chem.Mol, rotation: np.ndarray, translation: np.ndarray) -> Chem.Mol:
    """A copy of a molecule, moved by x ↦ R x + t."""
    result = Chem.Mol(mol)
    result.GetConformer().SetPositions(positions(mol) @ rotation.T + translation)
    return result


def own_options(peer, color: bool = False):
    """Options of a peer for its own shapes and features."""
    options = peer.ShapeInputOptions()
    options.useColors = color
    return options


def our_options(peer, mol: Chem.Mol, data: Data, color: bool = False):
    """Options of a peer that give a molecule the shape, and the colours, that it has here."""
    kappa, options = KAPPA[peer], peer.ShapeInputOptions()
    heavy = int((data.z > 1).sum())
    if heavy != mol.GetNumAtoms():
        raise ValueError(f"mol: expected {heavy} heavy atoms, as in data, got {mol.GetNumAtoms()}")
    options.atomRadii = list(enumerate(_radii(MolField.preset("shape")(data), kappa).tolist()))
    features = _features(data, kappa) if color else []
    options.useColors = bool(features)
    if peer is rdGaussianShape:
        options.allCarbonRadii = False
        options.customFeatures = [features]
    elif features:
        options.customFeatures = features
    return options


def shape_input(peer, mol: Chem.Mol, options):
    """A molecule as a peer prepares it for overlays."""
    if peer is rdShapeAlign:
        return rdShapeAlign.PrepareConformer(mol, -1, options)
    return rdGaussianShape.ShapeInput(mol, -1, options, rdGaussianShape.ShapeOverlayOptions())


def overlay_options(color: bool = False, gradient: bool = False) -> rdGaussianShape.ShapeOverlayOptions:
    """Options of `rdGaussianShape`: shape, or shape and colours, the latter with or without a share in the slope."""
    options = rdGaussianShape.ShapeOverlayOptions()
    modes = rdGaussianShape.OptimMode
    options.optimMode = modes.SHAPE_ONLY
    if color:
        options.optimMode = modes.SHAPE_PLUS_COLOR if gradient else modes.SHAPE_PLUS_COLOR_SCORE
    return options


def exact_scores(mobile: Chem.Mol, fixed: Chem.Mol, options) -> tuple[float, float]:
    """The Tanimoto of shape and of colours where the molecules are, by `rdGaussianShape` without its cut-off."""
    exact = overlay_options(color=True)
    exact.useDistCutoff, exact.normalize = False, False
    return rdGaussianShape.ScoreMol(fixed, mobile, options[1], options[0], exact)[1:3]


def crippen_overlay(mobile: Chem.Mol, fixed: Chem.Mol) -> None:
    """Lay ``mobile`` on ``fixed`` by Open3DAlign with the contributions to logP, as ESPsim does."""
    contributions = [rdMolDescriptors._CalcCrippenContribs(mol) for mol in (mobile, fixed)]
    rdMolAlign.GetCrippenO3A(mobile, fixed, *contributions).Align()


def _radii(field: RBFField, kappa: float) -> torch.Tensor:
    """The radii r of the Gaussians exp(−κ d²/r²) of a field."""
    weighted = (field.weights != 0).any(1)
    return math.sqrt(2 * kappa) * field.widths[weighted].double()


def _features(data: Data, kappa: float) -> list[tuple[int, Point3D, float]]:
    """Colour features as RDKit takes them: type from 1, position, radius."""
    if not len(data.color_type):
        return []
    radii = _radii(MolField.preset("color")(data), kappa)
    points = data.color_pos.double().tolist()
    types = data.color_type.tolist()
    return [(t + 1, Point3D(*p), r) for t, p, r in zip(types, points, radii.tolist(), strict=True)]
