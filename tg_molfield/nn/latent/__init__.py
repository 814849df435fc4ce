"""Codes and poses: what stands between encoders and decoders."""
