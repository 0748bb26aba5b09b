"""Batched signal maths on torch tensors: pure functions, CPU and CUDA.

Where a CPU and CUDA want different work for the same numbers, both stand in one function: numpy on
the tensor's memory for the one, torch without waiting for the device for the other.
"""

from genreclass.dsp._torchaudio import import_torchaudio
from genreclass.dsp.chroma import chroma_banks, chroma_cens, fold_octaves, normalize, tonnetz
from genreclass.dsp.cqt import constant_q, lowest_rate
from genreclass.dsp.descriptors import (
    CONTRAST_EDGES,
    band_extremes,
    group_moments,
    root_mean_square,
    spectral_centroid_bandwidth,
    spectral_contrast,
    spectral_rolloff,
    zero_crossing_rate,
)
from genreclass.dsp.device import one_thread, resolve_device
from genreclass.dsp.mel import (
    Band,
    apply_bands,
    mel_filter_bank,
    mel_frequencies,
    mel_rows,
    mel_spectrogram,
    mfcc,
    power_to_db,
    split_bank,
)
from genreclass.dsp.not_music import SOUND_KINDS, SoundKind, sound_kind
from genreclass.dsp.statistics import STATISTICS, summarize
from genreclass.dsp.stft import count_frames, magnitude_blocks, power_blocks
from genreclass.dsp.tuning import estimate_tunings, tuning_bins

__all__ = [
    "CONTRAST_EDGES",
    "SOUND_KINDS",
    "STATISTICS",
    "Band",
    "SoundKind",
    "apply_bands",
    "band_extremes",
    "chroma_banks",
    "chroma_cens",
    "constant_q",
    "count_frames",
    "estimate_tunings",
    "fold_octaves",
    "group_moments",
    "import_torchaudio",
    "lowest_rate",
    "magnitude_blocks",
    "mel_filter_bank",
    "mel_frequencies",
    "mel_rows",
    "mel_spectrogram",
    "mfcc",
    "normalize",
    "one_thread",
    "power_blocks",
    "power_to_db",
    "resolve_device",
    "root_mean_square",
    "sound_kind",
    "spectral_centroid_bandwidth",
    "spectral_contrast",
    "spectral_rolloff",
    "split_bank",
    "summarize",
    "tonnetz",
    "tuning_bins",
    "zero_crossing_rate",
]
