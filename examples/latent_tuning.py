"""The encoder of a learned code in property models."""

import copy

from torch import Tensor, nn

from tg_molfield import FieldAutoEncoder
from tg_molfield.nn import FlowDecoder


class LearnedCode(nn.Module):
    """``(z, pos, batch)`` to the learned codes ``[B, out_channels]``, in random frames while it is trained.

    Args:
        model: with the decoder ``"flow"``; it is copied.
        anew: draw the parameters anew.
    """

    def __init__(self, model: FieldAutoEncoder, anew: bool = False) -> None:
        super().__init__()
        assert isinstance(model.decoder, FlowDecoder)
        self.model = copy.deepcopy(model)
        self.model.decoder.network = None
        self.out_channels = model.decoder.learned_dim
        if anew:
            self.model.pooling.learned.reset_parameters()

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        return self.model.encode(z, pos, batch).code[:, : self.out_channels]
