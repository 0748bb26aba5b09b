"""Augmentation of spectrograms: how near it is to the same change of the sound, and its cost.

    python benchmarks/augmentation.py PATH_TO_GTZAN [--device cuda]

Clips are stretched and shifted by librosa's phase vocoder and made spectrograms then; and they are
made spectrograms first, which are then stretched and shifted as in training. What differs is
printed in decibels, each spectrogram moved to a mean of 0, as MelCNNClassifier does, beside what
differs where nothing is done, and between the sound and the vocoder's own shift there and back;
of tempo there is none, as the vocoder moves attacks by frames.

Then the time of each kind of change, for a batch of 16 crops of three seconds, as a share of the
training step it is for; with a copy of the sound on disk, the vocoder's would come on top of
decoding and transforming the clip anew, which is printed too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import librosa
import numpy as np
import torch
import torch.nn.functional as F
from _shared import describe_machine

from genreclass import Augmentation, MelSpectrogram
from genreclass.audio import read_clip
from genreclass.datasets import load_gtzan
from genreclass.memory import kept_memory
from genreclass.networks import MelCNN
from genreclass.training import Augmenter, resolve_precision

DURATION_S = 10.0
BATCH, CROP_FRAMES = 16, 129
CHANNELS = (32, 64, 128, 256)

# The vocoder leaves the highest bands empty where it shifts down.
ROWS = slice(0, 120)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=30, help="of each timing; medians are shown")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(describe_machine(threads=1, device=arguments.device))
    clips = load_gtzan(arguments.root, split="train", genres=["classical", "jazz", "rock"])
    rows = np.random.default_rng(0).permutation(len(clips.data))[: arguments.clips]
    paths = [clips.data[row] for row in rows]
    _compare_with_sound(paths)
    _time_kinds(torch.device(arguments.device), arguments.rounds)


def _compare_with_sound(paths: Sequence[str]) -> None:
    mel = MelSpectrogram(duration=DURATION_S, device="cpu")
    print(f"\n{len(paths)} clips, {DURATION_S:.0f} s; mean difference in decibels\n")
    print(f"{'':24}{'spectrogram':>12}{'left alone':>12}{'vocoder, and back':>19}")
    n_samples = int(DURATION_S * mel.sample_rate)
    sounds = [read_clip(path).samples[:n_samples] for path in paths]
    seconds = []
    for tempo in (0.9, 1.1):
        differences = []
        augmentation = Augmentation(p=0, time_stretch=(tempo, tempo), time_stretch_p=1)
        n_frames = int(0.8 * mel.n_frames)
        for sound in sounds:
            started = time.process_time()
            stretched = librosa.effects.time_stretch(sound, rate=tempo)
            seconds.append(time.process_time() - started)
            # Both from their first sample, as a longer clip is cropped in the middle.
            before, after = (
                torch.from_numpy(mel.transform([x[: len(sound)]])) for x in (sound, stretched)
            )
            # Where it begins is drawn: a last row, beyond the mel rows, tells.
            count = torch.arange(before.shape[2], dtype=torch.float32).expand(1, 1, -1)
            changed = _change(augmentation, torch.cat([before, count], dim=1), mel, n_frames)
            first = round(float(changed[0, -1, 0]) / tempo)
            there, expected = (x[:, :, first:][:, :, :n_frames] for x in (before, after))
            changed = changed[:, :-1, : expected.shape[2]]
            differences.append([_difference(changed, expected), _difference(there, expected)])
        print(f"{f'tempo {tempo}':24}", end="")
        print("".join(f"{number:12.1f}" for number in np.mean(differences, axis=0)), flush=True)
    for semitones in (-2, -1, 1, 2):
        differences = []
        ends = (semitones, semitones)
        augmentation = Augmentation(p=0, pitch_shift=ends, pitch_shift_p=1)
        for sound in sounds:
            started = time.process_time()
            shifted = librosa.effects.pitch_shift(sound, sr=mel.sample_rate, n_steps=semitones)
            seconds.append(time.process_time() - started)
            back = librosa.effects.pitch_shift(shifted, sr=mel.sample_rate, n_steps=-semitones)
            before, after, again = (
                torch.from_numpy(mel.transform([x])) for x in (sound, shifted, back)
            )
            changed = _change(augmentation, before, mel, mel.n_frames)
            pairs = ((changed, after), (before, after), (again, before))
            differences.append([_difference(a[:, ROWS], b[:, ROWS]) for a, b in pairs])
        print(f"{f'{semitones:+d} semitones':24}", end="")
        means = np.mean(differences, axis=0)
        print(f"{means[0]:12.1f}{means[1]:12.1f}{means[2]:19.1f}", flush=True)
    started = time.process_time()
    for path in paths:
        mel.transform([path])
    anew = (time.process_time() - started) / len(paths)
    print(
        f"\nthe vocoder takes {1000 * np.mean(seconds):.0f} ms CPU for a clip of "
        f"{DURATION_S:.0f} s, decoding and transforming {1000 * anew:.0f} ms"
    )


def _change(
    augmentation: Augmentation, spectra: torch.Tensor, mel: MelSpectrogram, n_frames: int
) -> torch.Tensor:
    return _make_change(augmentation, spectra, mel, n_frames)()[0]


def _make_change(
    augmentation: Augmentation, spectra: torch.Tensor, mel: MelSpectrogram, n_frames: int
) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """What training calls for a batch."""
    augmenter = Augmenter(
        augmentation,
        mel=mel,
        n_frames=n_frames,
        row_mean=torch.zeros(spectra.shape[1]),
        n_classes=1,
        device=spectra.device,
    )
    targets = torch.zeros(len(spectra), dtype=torch.int64, device=spectra.device)
    generator = torch.Generator(spectra.device).manual_seed(0)
    return lambda: augmenter(spectra, targets, generator)


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one - other).abs().mean())


def _time_kinds(device: torch.device, n_rounds: int) -> None:
    augmentations = {
        "tempo": Augmentation(p=0, time_stretch_p=0.5),
        "pitch": Augmentation(p=0, pitch_shift_p=0.5),
        "tempo and pitch": Augmentation(p=0, time_stretch_p=0.5, pitch_shift_p=0.5),
        "noise": Augmentation(p=0, noise_p=0.5),
        "gain": Augmentation(p=0, gain_p=0.5),
        "equalizer": Augmentation(p=0, equalizer_p=0.5),
        "masks": Augmentation(p=0, time_mask_p=0.5, frequency_mask_p=0.5),
        "mixup": Augmentation(p=0, mixup_p=0.5),
        "all of Augmentation()": Augmentation(),
    }
    spectra = 10 * torch.randn(BATCH, 128, round(1.1 * CROP_FRAMES), device=device) - 40
    mel = MelSpectrogram()
    step = _median(_make_step(spectra[:, :, :CROP_FRAMES]), n_rounds, device)
    print(f"\na training step of channels={CHANNELS}: {1000 * step:.1f} ms")
    print(f"\n{'':24}{'ms a batch':>12}{'share of a step':>17}")
    for name, augmentation in augmentations.items():
        change = _make_change(augmentation, spectra, mel, CROP_FRAMES)
        seconds = _median(change, n_rounds, device)
        print(f"{name:24}{1000 * seconds:12.2f}{seconds / step:17.1%}", flush=True)


def _make_step(crops: torch.Tensor) -> Callable[[], None]:
    """What training does with a batch of crops."""
    generator = torch.Generator().manual_seed(0)
    network = MelCNN(128, 3, channels=CHANNELS, dropout=0.1, generator=generator)
    network.to(crops.device)
    optimizer = torch.optim.AdamW(network.parameters())
    targets = torch.arange(len(crops), device=crops.device) % 3
    is_mixed = resolve_precision("auto", crops.device) == "bfloat16"

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(crops.device.type, dtype=torch.bfloat16, enabled=is_mixed):
            scores = network(crops)
        F.cross_entropy(scores.float(), targets).backward()
        optimizer.step()

    return step


def _median(work: Callable[[], object], n_rounds: int, device: torch.device) -> float:
    """Seconds it takes, of which a third of the rounds goes before."""
    seconds = []
    with kept_memory():
        for _ in range(n_rounds + n_rounds // 3):
            started = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[-n_rounds:]))


if __name__ == "__main__":
    main()
