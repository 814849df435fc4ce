"""Trajectories of molecular dynamics: frames with their cells and times, and topologies that name the atoms."""

from tg_molfield.structures.trajectories.ase_trajectory import AseTrajectory
from tg_molfield.structures.trajectories.files import ASE, FRAME_FILES, TRAJECTORIES, is_trajectory
from tg_molfield.structures.trajectories.topology import Topology
from tg_molfield.structures.trajectories.trajectory import TopologyTrajectory, Trajectory
from tg_molfield.structures.trajectories.whole_frames import WholeFrames

__all__ = [
    "ASE",
    "FRAME_FILES",
    "TRAJECTORIES",
    "AseTrajectory",
    "Topology",
    "TopologyTrajectory",
    "Trajectory",
    "WholeFrames",
    "is_trajectory",
]
