"""`FieldAutoDecoder` and its parts: samples, codes, gradient descent and checkpoints."""
