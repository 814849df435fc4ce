"""Structure factors back to atoms: what a `StructureFactorDecoder` is made of."""
