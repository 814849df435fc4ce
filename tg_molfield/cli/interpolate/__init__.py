"""``tg-molfield interpolate``: fields between the frames of a trajectory, an ensemble or a series of volumes."""
