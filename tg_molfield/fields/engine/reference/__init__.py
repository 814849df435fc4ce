"""The engine in plain PyTorch, for every device, kernel and floating-point type."""
