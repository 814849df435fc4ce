"""Flow matching: codes to united atoms, and noise to new molecules."""
