"""Estimators."""

from genreclass.models._mel_cnn_classifier import MelCNNClassifier

__all__ = ["MelCNNClassifier"]
