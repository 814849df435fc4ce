"""``tg-molfield sample``: new molecules of a model."""
