"""From samples back to what made them: fitted functions, atoms, and fields finer than they were sampled."""
