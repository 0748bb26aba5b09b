"""The 518 hand-crafted features: librosa's recipe and ours, side by side on the same clips.

    python benchmarks/features.py FILES_OR_FOLDERS [--rate 22050] [--device cuda]

The recipe is ``features.py`` of the FMA data set (https://github.com/mdeff/fma) with the calls
that librosa 0.11 needs, the true sample rate everywhere, and statistics in float64. All clips go
through one tool, then through the other, round after round in one process, so that both meet the
same machine. CPU time of the process; the ratio is that of each round. Where our time goes is
printed after that. With ``--others`` there are rows for openSMILE and essentia, where those are
installed. ``--rounds 0`` compares results only.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import scipy.stats
import torch
from _shared import describe_machine
from threadpoolctl import threadpool_limits

from genreclass import HandcraftedFeatures, dsp
from genreclass.audio import AUDIO_SUFFIXES, Clip, read_clip
from genreclass.dsp import STATISTICS, summarize
from genreclass.features._frames import FAMILIES, compute_rows

Tool = Callable[..., object]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="+", type=Path, help="audio files, or folders of them")
    parser.add_argument("--rate", type=int, help="rate of analysis in hertz; default: each file's")
    parser.add_argument("--clips", type=int, default=10, help="the first clips of the inputs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--others", action="store_true", help="openSMILE and essentia as well")
    parser.add_argument("--device", default="cpu", help='"cuda" prints clips a second as well')
    arguments = parser.parse_args()
    threadpool_limits(1)
    paths = _list_files(arguments.inputs)[: arguments.clips]
    clips = [read_clip(path, sample_rate=arguments.rate) for path in paths]
    seconds = [clip.duration for clip in clips]
    if len({clip.sample_rate for clip in clips}) > 1:
        parser.error("the files are of several rates: give --rate")
    print(f"{len(clips)} clips of {min(seconds):.1f} to {max(seconds):.1f} s, ", end="")
    print(f"{clips[0].sample_rate} Hz")
    print(describe_machine(threads=1, device=arguments.device))
    print(f"librosa {librosa.__version__}; {arguments.rounds} rounds; CPU time")
    _print_parity(clips)
    if arguments.rounds == 0:
        return

    others = arguments.others
    print("\ndecoded clips, ms a clip")
    decoded: dict[str, Tool] = {
        "librosa": lambda clips: [recipe(clip.samples, clip.sample_rate) for clip in clips],
        "genreclass": _ours,
        **(_opensmile() if others else {}),
    }
    times = _measure(decoded, clips, arguments.rounds)
    _print_times(times)
    print("\nfrom files, decoding included, ms a clip")
    from_files: dict[str, Tool] = {
        "librosa": lambda paths: [recipe(*librosa.load(p, sr=arguments.rate)) for p in paths],
        "genreclass": lambda paths: _ours(
            [read_clip(p, sample_rate=arguments.rate) for p in paths]
        ),
        **(_essentia() if others else {}),
    }
    _print_times(_measure(from_files, paths, arguments.rounds))
    _print_profile(paths, clips, arguments)
    if arguments.device != "cpu":
        _print_device(clips, arguments.device, float(np.median(times["librosa"])))


def recipe(samples: np.ndarray, rate: int) -> np.ndarray:
    """The 518 features by librosa, in FMA's order."""
    rows = {"zcr": librosa.feature.zero_crossing_rate(samples, frame_length=2048, hop_length=512)}
    notes = np.abs(
        librosa.cqt(
            samples, sr=rate, hop_length=512, bins_per_octave=12, n_bins=7 * 12, tuning=None
        )
    )
    octaves = {"bins_per_octave": 12, "n_chroma": 12, "n_octaves": 7}
    rows["chroma_cqt"] = librosa.feature.chroma_cqt(C=notes, **octaves)
    rows["chroma_cens"] = librosa.feature.chroma_cens(C=notes, **octaves)
    rows["tonnetz"] = librosa.feature.tonnetz(chroma=rows["chroma_cens"])
    stft = np.abs(librosa.stft(samples, n_fft=2048, hop_length=512))
    rows["chroma_stft"] = librosa.feature.chroma_stft(S=stft**2, sr=rate, n_chroma=12)
    rows["rmse"] = librosa.feature.rms(S=stft)
    rows["spectral_centroid"] = librosa.feature.spectral_centroid(S=stft, sr=rate)
    rows["spectral_bandwidth"] = librosa.feature.spectral_bandwidth(S=stft, sr=rate)
    rows["spectral_contrast"] = librosa.feature.spectral_contrast(S=stft, sr=rate, n_bands=6)
    rows["spectral_rolloff"] = librosa.feature.spectral_rolloff(S=stft, sr=rate)
    mel = librosa.feature.melspectrogram(sr=rate, S=stft**2)
    rows["mfcc"] = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
    return np.concatenate([_seven(rows[family].astype(np.float64)) for family in FAMILIES])


def _seven(rows: np.ndarray) -> np.ndarray:
    """Statistics of (n_rows, n_frames), those of a kind together, in the order of STATISTICS."""
    by_name = {
        "kurtosis": scipy.stats.kurtosis,
        "max": np.max,
        "mean": np.mean,
        "median": np.median,
        "min": np.min,
        "skew": scipy.stats.skew,
        "std": np.std,
    }
    return np.concatenate([by_name[name](rows, axis=1) for name in STATISTICS])


def _ours(clips: Sequence[Clip]) -> np.ndarray:
    """Our features of clips of one rate: (n_clips, 518)."""
    return HandcraftedFeatures(sample_rate=clips[0].sample_rate, device="cpu").transform(clips)


def _opensmile() -> dict[str, Tool]:
    """The ComParE set of openSMILE, 6,373 features, where it is installed."""
    try:
        import opensmile
    except ImportError:
        return {}
    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.ComParE_2016)
    return {
        "openSMILE": lambda clips: [smile.process_signal(c.samples, c.sample_rate) for c in clips]
    }


def _essentia() -> dict[str, Tool]:
    """The MusicExtractor of essentia, which reads files only, where it is installed."""
    try:
        import essentia
        from essentia.standard import MusicExtractor
    except ImportError:
        return {}
    essentia.log.infoActive = essentia.log.warningActive = False
    return {"essentia": lambda paths: [MusicExtractor()(str(path)) for path in paths]}


def _list_files(inputs: Sequence[Path]) -> list[Path]:
    files = []
    for path in inputs:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        files += [file for file in inside if file.suffix.lower() in AUDIO_SUFFIXES]
    return files


def _measure(tools: dict[str, Tool], items: Sequence[Any], rounds: int) -> dict[str, np.ndarray]:
    """CPU milliseconds an item of each tool in each round; one round before warms up."""
    times = {name: np.empty(rounds) for name in tools}
    for this_round in range(-1, rounds):
        for name, tool in tools.items():
            start = time.process_time()
            tool(items)
            times[name][max(0, this_round)] = 1e3 * (time.process_time() - start) / len(items)
    return times


def _print_times(times: dict[str, np.ndarray]) -> None:
    print(f"{'':12} {'median':>8}   times as fast as librosa: median (least, most) of rounds")
    for name, values in times.items():
        ratios = times["librosa"] / values
        spread = f"{np.median(ratios):5.2f} ({ratios.min():.2f}, {ratios.max():.2f})"
        print(f"{name:12} {np.median(values):8.1f}   {spread}", flush=True)


def _print_parity(clips: Sequence[Clip]) -> None:
    """Largest difference of each family over clips, relative to value or spread of the row."""
    names = HandcraftedFeatures().get_feature_names_out()
    family_of = np.array([name.rsplit("_", 2)[0] for name in names])
    statistic_of = np.array([name.rsplit("_", 2)[1] for name in names])
    errors = np.empty((len(clips), len(names)))
    for error, clip in zip(errors, clips, strict=True):
        theirs, ours = recipe(clip.samples, clip.sample_rate), _ours([clip])
        spread = np.empty(len(names))
        for family in FAMILIES:
            values = theirs[(family_of == family) & (statistic_of == "std")]
            spread[family_of == family] = np.tile(values, len(STATISTICS))
        error[:] = np.abs(ours[0] - theirs) / np.maximum(np.maximum(np.abs(theirs), spread), 1e-30)
    print("\ndifference from librosa / max(|value|, standard deviation of the row over frames):")
    for family in FAMILIES:
        worst = errors[:, family_of == family].max(axis=1)
        print(
            f"{family:20} median clip {np.median(worst):.1e}, worst clip {worst.max():.1e}; "
            f"clips beyond 1e-5: {(worst > 1e-5).sum()}, beyond 1e-4: {(worst > 1e-4).sum()}"
        )


def _print_profile(
    paths: Sequence[Path], clips: Sequence[Clip], arguments: argparse.Namespace
) -> None:
    """CPU time of the largest steps, each run alone on the clips."""
    rate, shape = clips[0].sample_rate, {"n_fft": 2048, "hop_length": 512}
    samples = [torch.from_numpy(clip.samples)[None] for clip in clips]
    blocks = [list(dsp.magnitude_blocks(sound, **shape)) for sound in samples]
    pitches = dsp.tuning_bins(rate, n_fft=2048)
    peaks = [
        (
            torch.cat([block[..., pitches] for block in of_clip], dim=1),
            torch.cat([block.amax(dim=-1) for block in of_clip], dim=1),
        )
        for of_clip in blocks
    ]
    in_tune = torch.tensor([50])
    steps: dict[str, Tool] = {
        "decoding": lambda _: [read_clip(path, sample_rate=arguments.rate) for path in paths],
        "decoding by librosa": lambda _: [librosa.load(path, sr=arguments.rate) for path in paths],
        "spectrum in float64": lambda _: [
            list(dsp.magnitude_blocks(sound, **shape)) for sound in samples
        ],
        "constant-Q transform": lambda _: [
            dsp.constant_q(sound, in_tune, sample_rate=rate, hop_length=512) for sound in samples
        ],
        "extremes of bands": lambda _: [
            dsp.band_extremes(block, sample_rate=rate) for of_clip in blocks for block in of_clip
        ],
        "both tunings": lambda _: [
            dsp.estimate_tunings(*peak, sample_rate=rate, n_fft=2048) for peak in peaks
        ],
    }
    print("\nlargest steps, each alone, ms a clip")
    for name, values in _measure(steps, clips, arguments.rounds).items():
        print(f"{name:20} {np.median(values):6.1f}")


def _print_device(clips: Sequence[Clip], device: str, librosa_ms: float) -> None:
    """Clips a second on a GPU, copying to it included, for batches of the first clip."""
    samples = torch.from_numpy(np.stack([clips[0].samples] * 32))
    rate = clips[0].sample_rate

    def compute() -> None:
        rows = compute_rows(samples.to(device), FAMILIES, sample_rate=rate)
        torch.cat([summarize(row).flatten(1) for row in rows.values()], dim=1).cpu()

    for _ in range(3):
        compute()
    start = time.perf_counter()
    for _ in range(20):
        compute()
    seconds = (time.perf_counter() - start) / (20 * len(samples))
    print(f"\n{device}: {1 / seconds:.0f} clips/s, {librosa_ms / 1e3 / seconds:.0f} times librosa")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
