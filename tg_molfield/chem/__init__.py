"""Elements, X-ray form factors, bonds from distances, lists of atoms and random rotations.

To add a property of the elements: a column of ``elements.csv`` and its name in ``elements.py``.
"""
