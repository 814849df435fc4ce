"""Fields compared: how alike they are, how they superpose, which of many are alike, and how two interact."""

from tg_molfield.compare.alignment.align import align, align_many, score_in_place
from tg_molfield.compare.alignment.result import Alignment, Alignments
from tg_molfield.compare.interactions.descriptors import DESCRIPTORS, INTERACTION_FIELD, Descriptor
from tg_molfield.compare.interactions.interaction import Interaction, interaction
from tg_molfield.compare.interactions.pair_overlaps import PairOverlaps, pair_overlaps
from tg_molfield.compare.interactions.pocket import pocket
from tg_molfield.compare.metrics import Metric
from tg_molfield.compare.overlap import overlap
from tg_molfield.compare.scoring import Scoring
from tg_molfield.compare.screening.hits import Hit, Hits
from tg_molfield.compare.screening.screen import screen
from tg_molfield.compare.screening.state import ScreenProgress
from tg_molfield.compare.similarity import QuadratureWarning, Similarity, similarity
from tg_molfield.structures.library.problems import FailedRecord

__all__ = [
    "DESCRIPTORS",
    "INTERACTION_FIELD",
    "Alignment",
    "Alignments",
    "Descriptor",
    "FailedRecord",
    "Hit",
    "Hits",
    "Interaction",
    "Metric",
    "PairOverlaps",
    "QuadratureWarning",
    "Scoring",
    "ScreenProgress",
    "Similarity",
    "align",
    "align_many",
    "interaction",
    "overlap",
    "pair_overlaps",
    "pocket",
    "score_in_place",
    "screen",
    "similarity",
]
