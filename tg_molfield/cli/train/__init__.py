"""``tg-molfield train``: training a `FieldAutoEncoder` by flags or a YAML file."""
