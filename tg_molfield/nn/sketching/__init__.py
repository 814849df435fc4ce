"""Codes that are a sum over atoms, and the way back from them to the atoms: what a `SketchDecoder` is made of."""
