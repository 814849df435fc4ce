"""Sums of radial kernels over centres, evaluated at points and on grids; plain functions of tensors."""
