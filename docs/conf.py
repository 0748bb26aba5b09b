"""Sphinx configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import genreclass
from genreclass.evaluation import GenreReport

sys.path.insert(0, str(Path(__file__).parent))
from simulated_answers import GENRES, simulate_answers

project = "genreclass"
author = "the genreclass developers"
copyright = f"2026, {author}"
release = genreclass.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
]
autosummary_generate = True
autodoc_typehints = "none"  # the parameter lists say more
numpydoc_show_class_members = False
numpydoc_validation_checks = {"PR01", "PR02", "PR03", "RT01", "SS03"}
# scikit-learn adds these to estimators, documented in its own words.
numpydoc_validation_exclude = {
    r"\.set_.*_request$",
    r"\.set_output$",
    r"\.get_feature_names_out$",
    r"GenreReport$",  # made by evaluate or from_predictions, never by its constructor
}
plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 150)]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
# scikit-learn's inherited docstrings refer to labels of its own documentation.
suppress_warnings = ["ref.ref"]

html_theme = "pydata_sphinx_theme"
html_title = "genreclass"
pages = ("index", "install", "first_steps", "command_line", "reports", "features", "sound")
# They have no children.
html_sidebars = {page: [] for page in (*pages, "results", "architecture", "changes")}
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}
copybutton_prompt_text = ">>> "


def _write_report(path: Path) -> None:
    """The report that the page on reports shows."""
    genre, predicted, proba = simulate_answers()
    clips = [f"TEST/{name}/{name}.{number:05}.wav" for number, name in enumerate(genre)]
    artists = [number // 3 for number in range(len(genre))]
    report = GenreReport.from_predictions(
        genre, predicted, proba=proba, classes=GENRES, clips=clips, groups=artists
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{report}\n", encoding="utf-8")


_write_report(Path(__file__).parent / "generated" / "report.txt")
