"""Elements, X-ray form factors, bonds from distances, random rotations, and lists of atoms with their one check.

To add a property of the elements: a column of ``elements.csv`` and its name in ``elements.py``.
"""
