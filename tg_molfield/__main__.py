"""``python -m tg_molfield``: the command ``tg-molfield``."""

from tg_molfield.cli import main

if __name__ == "__main__":
    main()
