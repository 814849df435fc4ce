"""Codes that are sums over atoms, and the way back to the atoms: the parts of a `StructureFactorDecoder`."""
