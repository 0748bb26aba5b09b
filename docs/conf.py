"""Sphinx configuration."""

from __future__ import annotations

import genreclass

project = "genreclass"
author = "the genreclass developers"
copyright = f"2026, {author}"
release = genreclass.__version__

extensions = [
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
templates_path = ["_templates"]
exclude_patterns = ["_build"]
# scikit-learn's inherited docstrings refer to labels of its own documentation.
suppress_warnings = ["ref.ref"]

html_theme = "pydata_sphinx_theme"
html_title = "genreclass"
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}
copybutton_prompt_text = ">>> "
