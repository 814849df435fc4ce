"""How a ligand and a protein meet: overlaps of pairs of channels, and descriptors made of them."""
