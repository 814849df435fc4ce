"""The engine in Triton kernels, for CUDA devices and single precision.

Kernels only: no number is read back to the host on the way from centres to values, and no sum uses atomic operations,
so that two runs give the same bits. Importing this package requires ``triton``.
"""
