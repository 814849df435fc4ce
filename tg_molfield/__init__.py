"""Molecules as continuous vector-valued fields, for PyTorch Geometric."""
