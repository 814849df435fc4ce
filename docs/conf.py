"""Configuration of the documentation: sphinx-build -W docs docs/_build."""

import os
import re
from importlib.metadata import version as version_of

from docutils import nodes
from latex2mathml.converter import convert

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
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # of tqdm, in packages that are imported

html_theme = "pydata_sphinx_theme"
html_title = "tg_molfield"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_theme_options = {
    "show_prev_next": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "guide", "mathematics", "paper", "limits")}


def _escape_bars(app, what, name, obj, options, lines):
    """Distances such as |x - y| are no substitutions of reStructuredText."""
    lines[:] = [re.sub(r"(``[^`]*``)|\|", lambda m: m[1] or r"\|", line) for line in lines]


def _mathml(node, display):
    """MathML, which browsers show without a script or a network; they know bold letters by their code points alone."""
    bold = {ord(a) + i: chr(start + i) for a, start in (("a", 0x1D41A), ("A", 0x1D400)) for i in range(26)}
    found = convert(node.astext(), display=display)
    return re.sub(r'<mi mathvariant="bold">(\w)</mi>', lambda m: f"<mi>{m[1].translate(bold)}</mi>", found)


def _inline_math(translator, node):
    translator.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def _block_math(translator, node):
    translator.body.append(_mathml(node, "block"))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
    app.connect("autodoc-process-docstring", _escape_bars)
