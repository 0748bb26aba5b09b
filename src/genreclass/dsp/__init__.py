"""Batched signal maths on torch tensors: pure functions, CPU and CUDA."""

from genreclass.dsp._torchaudio import import_torchaudio
from genreclass.dsp.device import resolve_device
from genreclass.dsp.mel import mel_filter_bank, mel_spectrogram, power_to_db
from genreclass.dsp.stft import count_frames, power_blocks

__all__ = [
    "count_frames",
    "import_torchaudio",
    "mel_filter_bank",
    "mel_spectrogram",
    "power_blocks",
    "power_to_db",
    "resolve_device",
]
