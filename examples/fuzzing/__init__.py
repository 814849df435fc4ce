"""The parts of ``fuzz_readers.py``: inputs, limited worker processes, and comparison with independent readers."""
