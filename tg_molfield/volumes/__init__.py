"""Volume files: readers and writers of CUBE, OpenDX, CCP4/MRC, XSF, VASP and NumPy archives, one module per format.

To add a format: write its module with ``decode`` and ``encode`` between bytes and
:class:`~tg_molfield.volumes.volume_data.VolumeData`, list its suffixes in ``registry.py``, and add it to the tests in
``tests/volumes``.
"""
