"""``tg-molfield evaluate``: how well a model reconstructs the molecules of a data set."""
