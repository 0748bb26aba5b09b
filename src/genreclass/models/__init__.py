"""Estimators."""

from genreclass.models._boosted_trees_classifier import BoostedTreesClassifier
from genreclass.models._fma_baseline import make_fma_baseline
from genreclass.models._mel_cnn_classifier import MelCNNClassifier
from genreclass.models._musicnn_encoder import MusiCNNEncoder
from genreclass.models._openjmla_encoder import OpenJMLAEncoder
from genreclass.models._reject_option import RejectOption

__all__ = [
    "BoostedTreesClassifier",
    "MelCNNClassifier",
    "MusiCNNEncoder",
    "OpenJMLAEncoder",
    "RejectOption",
    "make_fma_baseline",
]
