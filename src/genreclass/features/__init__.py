"""Transformers: sound to numbers."""

from genreclass.features._cache import FeatureCache, code_fingerprint, find_cache
from genreclass.features._clip_transformer import ClipTransformer
from genreclass.features._correlation_filter import CorrelationFilter
from genreclass.features._handcrafted_features import HandcraftedFeatures
from genreclass.features._mel_spectrogram import MelSpectrogram
from genreclass.features._reducer import make_feature_reducer

__all__ = [
    "ClipTransformer",
    "CorrelationFilter",
    "FeatureCache",
    "HandcraftedFeatures",
    "MelSpectrogram",
    "code_fingerprint",
    "find_cache",
    "make_feature_reducer",
]
