"""Losses of small models, one for each decoder, with the options of the decoder."""

from tg_molfield import MolField
from tg_molfield.training import FieldLoss, FlowLoss, InitialGuessLoss, MatchingLoss


def small_losses(field: MolField):
    return {
        "rbf": (FieldLoss(), {"num_slots": 6, "width": 16, "num_tokens": 2}),
        "siren": (FieldLoss(), {"width": 16, "num_layers": 3}),
        "atoms": (FieldLoss(), {"width": 16}),
        "matching": (MatchingLoss(field), {"num_slots": 6, "width": 16, "num_tokens": 2}),
        "structure_factors": (InitialGuessLoss(), {"width": 8, "num_rounds": 2}),
        "flow": (FlowLoss(), {"width": 16, "num_layers": 1, "heads": 2, "num_tokens": 4, "num_steps": 3}),
    }
