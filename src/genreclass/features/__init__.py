"""Transformers: sound to numbers."""

from genreclass.features._mel_spectrogram import MelSpectrogram

__all__ = ["MelSpectrogram"]
