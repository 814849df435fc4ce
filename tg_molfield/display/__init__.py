"""How objects are shown: colours, drawings of atoms, cards in notebooks, and the way to plots.

Nothing here needs a plotting package.
"""
