"""Decoders of atoms, each of which is a Gaussian of the field."""
