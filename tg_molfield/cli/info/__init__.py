"""``tg-molfield info``: what is in a file."""
