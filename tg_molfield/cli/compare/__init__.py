"""``tg-molfield align``, ``similarity`` and ``screen``: molecules compared by their fields."""
