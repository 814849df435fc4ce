import pytest
import torch
import torch.nn.functional as F

from tg_molfield.nn.ops.attention import AttentionBlock

WIDTH, TOKENS, CONTEXT = 16, 5, 4


def in_words(block: AttentionBlock, tokens, context, mask):
    """The same by a loop over molecules and heads, with what the mask hides left out."""
    own, other = block.norm(tokens), block.context_norm(context)
    mixed = torch.empty_like(tokens)
    for row in range(len(tokens)):
        used = other[row] if mask is None else other[row][mask[row]]
        key, value = block.key_value(torch.cat([own[row], used])).chunk(2, dim=1)
        for part in torch.arange(WIDTH).chunk(block.heads):
            weights = F.softmax(block.query(own[row])[:, part] @ key[:, part].T / len(part) ** 0.5, dim=1)
            mixed[row, :, part] = weights @ value[:, part]
    tokens = tokens + block.out(mixed)
    return tokens + block.mlp(tokens)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.06)]
)
def test_a_block_is_what_the_formula_says_in_every_precision(dtype, tolerance, masked, seeded):
    block = AttentionBlock(WIDTH).double()
    tokens, context = (torch.randn(3, size, WIDTH).double() for size in (TOKENS, CONTEXT))
    mask = torch.tensor([[True] * 4, [True, False, True, False], [False] * 4]) if masked else None
    wanted = in_words(block, tokens, context, mask)
    wanted.square().sum().backward()
    gradients = [parameter.grad.clone() for parameter in block.parameters()]
    block.zero_grad()
    found = block.to(dtype)(tokens.to(dtype), context.to(dtype), mask)
    found.double().square().sum().backward()
    assert torch.allclose(found.double(), wanted, rtol=0, atol=tolerance * float(wanted.detach().abs().max()))
    for parameter, gradient in zip(block.parameters(), gradients, strict=True):
        error = float((parameter.grad.double() - gradient).abs().max())
        assert error <= tolerance * max(float(gradient.abs().max()), 1.0)
