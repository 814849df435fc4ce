import numpy as np
import pytest
import torch
from ase.build import molecule
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from tg_molfield import from_ase, from_smiles
from tg_molfield.chem.bonds import bonds
from tg_molfield.fields import AtomList


@pytest.fixture(scope="session")
def swinging():
    return _swinging


def _swinging(time: float) -> Data:
    """Ethanol whose atoms swing smoothly while the molecule turns and drifts; float64."""
    data = from_ase(molecule("CH3CH2OH"), dtype=torch.float64)
    pos = data.pos.numpy() - data.pos.numpy().mean(0)
    phase = np.arange(pos.size).reshape(pos.shape)
    pos = pos + 0.15 * np.sin(0.5 * time + phase)
    turn = Rotation.from_rotvec(np.array([0.2, -0.1, 0.3]) * time).as_matrix()
    return Data(z=data.z, pos=torch.from_numpy(pos @ turn.T + np.array([0.3, 0.1, -0.2]) * time))


@pytest.fixture(scope="session")
def trajectory():
    return [_swinging(float(time)) for time in range(9)]


@pytest.fixture(scope="session")
def conformers():
    """Butyl benzene, and the same with its chain turned by 150° about one bond and 100° about the next."""
    data = from_smiles("CCCCc1ccccc1", seed=7)
    pos = data.pos.double().numpy()
    other = pos.copy()
    for (start, end), angle in (((3, 2), 150.0), ((2, 1), 100.0)):
        moved = _beyond(data.z, pos, start, end)
        axis = other[end] - other[start]
        turn = Rotation.from_rotvec(np.radians(angle) * axis / np.linalg.norm(axis))
        other[moved] = turn.apply(other[moved] - other[end]) + other[end]
    return [Data(z=data.z, pos=torch.from_numpy(one)) for one in (pos, other)]


def _beyond(z, pos, start, end):
    """The atoms on the far side of the bond from ``start`` to ``end``."""
    around = {}
    for i, j in bonds(AtomList(z, torch.from_numpy(pos))).tolist():
        around.setdefault(i, set()).add(j)
        around.setdefault(j, set()).add(i)
    found, waiting = {end}, [end]
    while waiting:
        new = around[waiting.pop()] - found - {start}
        found |= new
        waiting += new
    return sorted(found)
