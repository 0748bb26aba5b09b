"""Data sets: each loader returns scikit-learn's Bunch."""

from genreclass.datasets._demo import load_demo
from genreclass.datasets._fma import load_fma
from genreclass.datasets._folder import load_folder
from genreclass.datasets._gtzan import gtzan_artists, load_gtzan
from genreclass.datasets._labels import drop_genres, drop_rare_genres
from genreclass.datasets._synthetic import make_clips

__all__ = [
    "drop_genres",
    "drop_rare_genres",
    "gtzan_artists",
    "load_demo",
    "load_fma",
    "load_folder",
    "load_gtzan",
    "make_clips",
]
