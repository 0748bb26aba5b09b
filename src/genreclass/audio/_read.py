"""Files to sound: the one reader, on soundfile and soxr."""

from __future__ import annotations

import os
import shlex
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genreclass.audio._clip import Clip, count_unusable
from genreclass.exceptions import AudioReadError

if TYPE_CHECKING:
    import soundfile

__all__ = [
    "AUDIO_SUFFIXES",
    "FOREIGN_SUFFIXES",
    "is_sample_rate",
    "middle",
    "printable",
    "read_clip",
    "read_middle",
    "resample",
]

#: File name endings that are taken for audio when a folder is listed.
AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".au", ".aif", ".aiff", ".aifc"}
)

# Frames of an mp3 borrow bits from those before (up to 9 of them), so decoding right after a seek
# goes wrong for a moment; frames have at most 1,152 samples.
_MP3_LEAD = 10 * 1152

#: What people have and libsndfile (1.2) cannot decode.
FOREIGN_SUFFIXES = frozenset({".m4a", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc", ".webm"})


def read_clip(
    path: str | os.PathLike[str],
    *,
    sample_rate: int | None = None,
    offset: float = 0.0,
    duration: float | None = None,
) -> Clip:
    """Read an audio file, or a part of it, as one mono clip.

    Reads wav, flac, ogg, opus, mp3, au and aiff. Channels are averaged. Only the part asked for
    is decoded.

    Parameters
    ----------
    path : str or path-like
        The file.
    sample_rate : int or None, default=None
        Rate of the result in hertz; None keeps the file's own.
    offset : float, default=0.0
        Where to start, in seconds from the start of the file.
    duration : float or None, default=None
        How much to read, in seconds; None reads to the end. A file that ends sooner gives a
        shorter clip.

    Returns
    -------
    Clip
        Mono, float32.

    Raises
    ------
    AudioReadError
        The file is missing, empty, of a format that cannot be read, broken, holds NaN or
        infinity, or ends before `offset`. The message names the file and says what to do.

    Notes
    -----
    Decoding is libsndfile's, resampling soxr's at its "HQ" quality. A truncated wav, ogg or mp3
    file is indistinguishable from a short one: it is returned as far as it goes. A truncated
    flac file is an error.

    Examples
    --------
    >>> from genreclass.audio import read_clip
    >>> from genreclass.datasets import load_demo
    >>> read_clip(load_demo().data[0], offset=2.0, duration=3.0)
    Clip(3.00 s at 22050 Hz)
    """
    if not 0 <= offset < float("inf"):
        raise ValueError(f"offset must be 0 or more seconds, got {offset!r}")
    if duration is not None and not 0 < duration < float("inf"):
        raise ValueError(f"duration must be None or more than 0 seconds, got {duration!r}")
    if sample_rate is not None and not is_sample_rate(sample_rate):
        raise ValueError(
            f"sample_rate must be None or a whole number of hertz above 0, got {sample_rate!r}"
        )
    path = expand_path(path)
    with _open(path) as file:
        rate = file.samplerate
        n_frames = -1 if duration is None else max(1, round(duration * rate))
        frames = _decode(file, path, round(offset * rate), n_frames)
        if offset and not len(frames):
            raise AudioReadError(
                f"{printable(path)} ends before {offset:g} s. Ask for an earlier part."
            )
    return _mono_clip(frames, rate, sample_rate, path)


def read_middle(path: Path, *, sample_rate: int, duration: float) -> Clip:
    """Read at most the middle `duration` seconds of a file as one mono clip at `sample_rate`."""
    with _open(path) as file:
        rate = file.samplerate
        n_frames = max(1, round(duration * rate))
        frames = _decode(file, path, max(0, (file.frames - n_frames) // 2), n_frames)
        if len(frames) < min(n_frames, file.frames):
            # The header promised more than there is (a truncated mp3), so its middle is not ours.
            frames = middle(_decode(file, path, 0, -1), n_frames)
    return _mono_clip(frames, rate, sample_rate, path)


def middle(samples: np.ndarray, length: int) -> np.ndarray:
    """At most `length` entries from the middle of the first axis."""
    first = max(0, (len(samples) - length) // 2)
    return samples[first : first + length]


def resample(samples: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Convert mono samples, shape (n_samples,), from one rate in hertz to another (soxr, HQ)."""
    if from_rate == to_rate:
        return samples
    import soxr

    resampled = soxr.resample(samples, from_rate, to_rate, quality="HQ")
    return resampled if len(resampled) else samples[:1]  # so short that nothing would be left


def expand_path(path: str | os.PathLike[str]) -> Path:
    """The path, a leading ``~`` replaced by the home folder."""
    return Path(os.path.expanduser(path))


def is_sample_rate(value: object) -> bool:
    """Whether `value` can be a sample rate: a whole number above 0."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def _open(path: Path) -> soundfile.SoundFile:
    import soundfile

    # libsndfile's own words for these cases are misleading, so they are looked at first.
    name = printable(path)
    try:
        if path.is_dir():
            raise AudioReadError(
                f"{name} is a folder, not an audio file. List its files, or use load_folder."
            )
        if path.exists() and not path.is_file():
            raise AudioReadError(f"{name} is not a regular file. Give the path of an audio file.")
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioReadError(f"{name} is empty (0 bytes). Remove it or copy it again.")
    except FileNotFoundError as error:
        raise AudioReadError(
            f"{name} does not exist. Check the path; relative ones start from {Path.cwd()}."
        ) from error
    except AudioReadError:
        raise
    except (OSError, ValueError) as error:
        raise AudioReadError(f"{name:.200} cannot be opened: {_reason(error)}.") from error
    try:
        # As bytes, for names that are not valid text; Windows has no such names.
        return soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: a headerless .raw
        if path.suffix.lower() in FOREIGN_SUFFIXES:
            source = path.absolute()  # so that no name is taken for an option
            command = shlex.join(["ffmpeg", "-i", str(source), str(source.with_suffix(".flac"))])
            raise AudioReadError(
                f"{name}: {path.suffix} files cannot be read here. Convert it first, for example "
                f"with: {printable(command)}"
            ) from error
        raise AudioReadError(
            f"{name} could not be opened as audio: {_reason(error)}. "
            "Remove it or convert it again from its source."
        ) from error


def _decode(file: soundfile.SoundFile, path: Path, first: int, n_frames: int) -> np.ndarray:
    """Frames `first` to `first + n_frames`, shape (frames, channels); fewer where the file ends."""
    import soundfile

    try:
        if first >= file.frames > 0:
            return np.empty((0, file.channels), dtype=np.float32)
        lead = min(first, _MP3_LEAD) if file.format == "MP3" else 0
        file.seek(first - lead)
        frames = file.read(
            n_frames if n_frames < 0 else n_frames + lead, dtype="float32", always_2d=True
        )
        return frames[lead:]
    except (soundfile.SoundFileError, MemoryError) as error:  # a header may promise terabytes
        raise AudioReadError(
            f"{printable(path)} could not be decoded: it breaks off or is damaged "
            f"({_reason(error)}). Remove it or copy it again."
        ) from error


def _mono_clip(frames: np.ndarray, native_rate: int, sample_rate: int | None, path: Path) -> Clip:
    if len(frames) == 0:
        raise AudioReadError(f"{printable(path)} has a valid header but no samples. Remove it.")
    samples = frames[:, 0]
    if frames.shape[1] > 1:
        # Channel by channel: numpy's mean takes twenty times as long over so few.
        samples = samples.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
            for channel in frames.T[1:]:
                samples += channel
            samples /= frames.shape[1]
    n_bad = count_unusable(samples)
    if n_bad:
        raise AudioReadError(
            f"{printable(path)} holds NaN, infinity or absurd values in {n_bad} of {len(samples)} "
            "samples. Export it again from its source, or remove it."
        )
    if sample_rate is None:
        sample_rate = native_rate
    return Clip(resample(samples, native_rate, sample_rate), sample_rate)


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error)
    if "possibly a pipe" in text:  # libsndfile's word for an mp3 without a frame; it was opened
        text = "format not recognised"
    return text.removeprefix("Error : ").rstrip(".").lower()


def printable(path: Path | str) -> str:
    """A path as it may be shown: no line breaks, terminal escapes or invalid characters."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
