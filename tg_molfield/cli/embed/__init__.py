"""``tg-molfield embed``: the codes of the molecules of files."""
