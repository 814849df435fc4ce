"""Codes of many molecules: `FieldAutoEncoder.embed` and the molecules whose codes are nearest."""
