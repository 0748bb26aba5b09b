"""Estimators."""

from genreclass.models._boosted_trees_classifier import BoostedTreesClassifier
from genreclass.models._fma_baseline import make_fma_baseline
from genreclass.models._mel_cnn_classifier import MelCNNClassifier

__all__ = ["BoostedTreesClassifier", "MelCNNClassifier", "make_fma_baseline"]
