"""Codes to fields. To add a decoder: derive from `base.Decoder` in a file of its own and name it in `nn.resolver`."""
