"""Transformers: sound to numbers."""

from genreclass.features._cache import find_cache
from genreclass.features._correlation_filter import CorrelationFilter
from genreclass.features._handcrafted_features import HandcraftedFeatures
from genreclass.features._mel_spectrogram import MelSpectrogram
from genreclass.features._reducer import make_feature_reducer

__all__ = [
    "CorrelationFilter",
    "HandcraftedFeatures",
    "MelSpectrogram",
    "find_cache",
    "make_feature_reducer",
]
