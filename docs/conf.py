"""Configuration of the documentation: sphinx-build -W docs docs/_build."""

import re
from importlib.metadata import version as version_of

project = "tg_molfield"
author = "the tg_molfield developers"
copyright = author
release = version = version_of("tg_molfield")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "jupyter_execute"]
default_role = "py:obj"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True

html_theme = "pydata_sphinx_theme"
html_title = "tg_molfield"
html_theme_options = {
    "show_prev_next": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False


def _escape_bars(app, what, name, obj, options, lines):
    """Distances such as |x - y| are no substitutions of reStructuredText."""
    lines[:] = [re.sub(r"(``[^`]*``)|\|", lambda m: m[1] or r"\|", line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", _escape_bars)
