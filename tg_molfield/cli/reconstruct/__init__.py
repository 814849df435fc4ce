"""``tg-molfield reconstruct``: the field that a model reconstructs, beside the exact one."""
