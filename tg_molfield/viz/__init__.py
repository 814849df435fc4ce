"""Plots of fields, maps of codes, and reports as one HTML file. Plotting packages are imported on first use."""

from tg_molfield.viz.animation import animate_surfaces
from tg_molfield.viz.colored_surfaces import plot_colored_surfaces
from tg_molfield.viz.decoded import samples_page, walk_page
from tg_molfield.viz.field_page import field_page
from tg_molfield.viz.figures import save_figure
from tg_molfield.viz.hits import hits_page
from tg_molfield.viz.interactive import InteractiveSurfaces, interactive_surfaces
from tg_molfield.viz.interactive_animation import interactive_animation
from tg_molfield.viz.map.page import map_page
from tg_molfield.viz.meshes import isosurface
from tg_molfield.viz.overlay import plot_overlay
from tg_molfield.viz.page import Page
from tg_molfield.viz.projections import plot_projections
from tg_molfield.viz.report import Case, comparison_page
from tg_molfield.viz.slices import plot_slices
from tg_molfield.viz.surfaces import plot_surfaces

__all__ = [
    "Case",
    "InteractiveSurfaces",
    "Page",
    "animate_surfaces",
    "comparison_page",
    "field_page",
    "hits_page",
    "interactive_animation",
    "interactive_surfaces",
    "isosurface",
    "map_page",
    "plot_colored_surfaces",
    "plot_overlay",
    "plot_projections",
    "plot_slices",
    "plot_surfaces",
    "samples_page",
    "save_figure",
    "walk_page",
]
