"""What ``tg-molfield superres`` does: a problem from files, methods that solve it, and what is written about them."""
