"""Readers of structure files, one module per format: PDB, CIF, SDF, MOL2 and XYZ.

To add a format: write its module here, with a function that yields the records of a text (such as
:func:`~tg_molfield.structures.formats.xyz.xyz_records`), list its suffixes in ``registry.py``, and add a test to
``tests/structures``.
"""
