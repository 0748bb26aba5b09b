"""Training time: a script as it is often written, and MelCNNClassifier, side by side.

    python benchmarks/training.py PATH_TO_GTZAN [--clips 134] [--epochs 3]
    python benchmarks/training.py PATH_TO_GTZAN --profile
    python benchmarks/training.py PATH_TO_GTZAN --precision
    python benchmarks/training.py PATH_TO_GTZAN --device cuda [--clips 1000]

The first trains one network in two ways on the same clips of 30 seconds, whole. The script's way:
every clip is decoded and made a spectrogram by librosa whenever it is wanted, batches are small,
pictures lie in memory channel by channel in float32, and memory is emptied after each batch. Ours
is `MelCNNClassifier` as it is, reading and spectrograms included. Printed is processor time, which
a busy machine changes less than the clock, and between them what each change is worth.

With ``--profile`` the kinds of work in a step of ours are told apart.

With ``--precision`` crops of three seconds are trained on in float32 and in bfloat16, from the same
seeds, and scored on the validation list: does the faster one lose accuracy?

With ``--device`` a network of default settings is trained on so many clips, from files to the
fitted model; where there are fewer files, they are read several times. On CUDA the share of
that time in which the GPU had nothing to do is printed beside it, as nvidia-smi tells it.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import librosa
import numpy as np
import torch
import torch.nn.functional as F
from _shared import describe_machine
from torch import nn

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import load_gtzan
from genreclass.memory import kept_memory
from genreclass.networks import MelCNN
from genreclass.training import _loop, resolve_precision

SAMPLE_RATE, DURATION_S = 22050, 30.0
CHANNELS = (64, 128)
SCRIPTS_BATCH = 8


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument("--genres", nargs="+", default=["classical", "jazz", "rock"])
    parser.add_argument(
        "--clips", type=int, help="of 30 seconds, to train on (134; with --device 1000)"
    )
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--precision", action="store_true", help="compare float32 and bfloat16")
    parser.add_argument("--profile", action="store_true", help="what a training step consists of")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N-1 for --precision")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", help="time one fit there, from files to the fitted model")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="threads that decode")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = arguments.device or "cpu"
    print(describe_machine(threads=arguments.threads, device=device), flush=True)
    if arguments.device:
        _time_fit(arguments)
    elif arguments.profile:
        _profile_step()
    elif arguments.precision:
        _compare_precisions(arguments)
    else:
        _compare_ways(arguments)


def _compare_ways(arguments: argparse.Namespace) -> None:
    train = load_gtzan(arguments.root, split="train", genres=arguments.genres)
    rows = np.random.default_rng(0).permutation(len(train.data))[: arguments.clips or 134]
    paths = [train.data[row] for row in rows]
    classes, targets = np.unique(train.target[rows], return_inverse=True)
    print(
        f"{len(paths)} clips of {DURATION_S:.0f} s, {arguments.epochs} epochs, "
        f"channels={CHANNELS}; processor seconds an epoch\n"
    )
    precision = resolve_precision("auto", torch.device("cpu"))
    ours: dict[str, Callable[[], None]] = {
        "ours, in float32 and memory not kept": lambda: _ours(
            paths, targets, arguments, precision="float32", keeps_memory=False
        ),
        "ours, in float32": lambda: _ours(paths, targets, arguments, precision="float32"),
        f"ours (here: {precision})": lambda: _ours(paths, targets, arguments),
    }
    script = _script(paths, targets, len(classes), arguments.epochs)
    print(f"{'the script':40} {script:8.1f}", flush=True)
    for name, train_it in ours.items():
        started = time.process_time()
        train_it()
        seconds = (time.process_time() - started) / arguments.epochs
        print(f"{name:40} {seconds:8.1f} {script / seconds:8.2f} times less", flush=True)


def _script(paths: Sequence[str], targets: np.ndarray, n_classes: int, n_epochs: int) -> float:
    """Processor seconds an epoch of the script's way."""
    network = _Script(n_classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    generator = np.random.default_rng(0)
    started = time.process_time()
    for _ in range(n_epochs):
        order = generator.permutation(len(paths))
        for first in range(0, len(order), SCRIPTS_BATCH):
            batch = order[first : first + SCRIPTS_BATCH]
            spectra = np.stack([_spectrogram(paths[row]) for row in batch])
            scores = network(torch.from_numpy(spectra))
            loss = F.cross_entropy(scores, torch.from_numpy(targets[batch]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            del spectra, scores, loss
            gc.collect()
    return (time.process_time() - started) / n_epochs


def _spectrogram(path: str) -> np.ndarray:
    samples, _ = librosa.load(path, sr=SAMPLE_RATE, duration=DURATION_S)
    samples = librosa.util.fix_length(samples, size=int(SAMPLE_RATE * DURATION_S))
    power = librosa.feature.melspectrogram(y=samples, sr=SAMPLE_RATE, n_mels=128)
    return librosa.power_to_db(power).astype(np.float32)


class _Script(nn.Module):
    """MelCNN with ReLU before pooling, and all channel by channel in memory."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.network = MelCNN(
            128, n_classes, channels=CHANNELS, dropout=0.3, generator=torch.Generator()
        )
        self.network.blocks = nn.Sequential(
            *(
                nn.Sequential(convolution, norm, relu, pool)
                for convolution, norm, pool, relu in self.network.blocks
            )
        )
        self.network.blocks.to(memory_format=torch.contiguous_format)

    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        network = self.network
        picture = spectra - spectra.mean(dim=(1, 2), keepdim=True)
        height = network.row_position[:, None].expand_as(picture)
        x = network.blocks(torch.stack([picture, height], dim=1))
        return network.classify(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1))


def _ours(
    paths: Sequence[str],
    targets: np.ndarray,
    arguments: argparse.Namespace,
    *,
    precision: str = "auto",
    keeps_memory: bool = True,
) -> None:
    classifier = MelCNNClassifier(
        channels=CHANNELS,
        crop_s=DURATION_S,
        max_epochs=arguments.epochs,
        precision=precision,
        device="cpu",
        random_state=0,
    )
    without = mock.patch.object(_loop, "kept_memory", nullcontext)
    with nullcontext() if keeps_memory else without:
        classifier.fit(paths, targets)


def _profile_step() -> None:
    """Share of each kind of work in a step."""
    kinds = {
        "convolutions": ("convolution",),
        "batch norm": ("batch_norm",),
        "pooling": ("max_pool2d", "fill_"),  # the way back begins with zeros
        "ReLU": ("clamp_min", "threshold"),
        "the rest: mean and maximum, input, optimiser": ("",),
    }
    network = MelCNN(128, 3, channels=CHANNELS, dropout=0.1, generator=torch.Generator())
    optimizer = torch.optim.AdamW(network.parameters())
    spectra = torch.randn(16, 128, MelSpectrogram(duration=DURATION_S).n_frames)
    targets = torch.arange(16) % 3
    is_mixed = resolve_precision("auto", torch.device("cpu")) == "bfloat16"

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_mixed):
            scores = network(spectra)
        F.cross_entropy(scores.float(), targets).backward()
        optimizer.step()

    with kept_memory():
        for _ in range(5):
            step()
        steps = []
        for _ in range(11):
            with torch.profiler.profile(
                activities=[torch.profiler.ProfilerActivity.CPU]
            ) as profile:
                step()
            spent = dict.fromkeys(kinds, 0.0)
            for event in profile.key_averages():
                key = event.key
                kind = next(kind for kind, parts in kinds.items() if any(p in key for p in parts))
                spent[kind] += event.self_cpu_time_total
            steps.append(list(spent.values()))
    # The least, in which no memory had to be got anew, and the median.
    least, median = np.min(steps, axis=0) / 16_000, np.median(steps, axis=0) / 16_000
    print(f"16 clips of {DURATION_S:.0f} s, channels={CHANNELS}; ms a clip, of 11 steps\n")
    print(f"{'':46}{'least':>8}{'share':>8}{'median':>8}")
    for kind, ms, usual in zip(kinds, least, median, strict=True):
        print(f"{kind:46}{ms:8.1f}{ms / least.sum():8.0%}{usual:8.1f}")


def _time_fit(arguments: argparse.Namespace) -> None:
    clips = load_gtzan(arguments.root, split="train", genres=arguments.genres)
    n_clips = arguments.clips or 1000
    rows = np.resize(np.random.default_rng(0).permutation(len(clips.data)), n_clips)
    paths, labels = [clips.data[row] for row in rows], clips.target[rows]
    mel = MelSpectrogram(device=arguments.device, n_jobs=arguments.jobs)
    classifier = MelCNNClassifier(mel=mel, device=arguments.device, random_state=0)
    # What the first use of a device costs is no matter of the number of clips.
    few = slice(None, None, max(1, n_clips // 16))
    MelCNNClassifier(mel=mel, max_epochs=1, device=arguments.device).fit(paths[few], labels[few])
    busy: list[str] = []
    with _watched_gpu(busy, arguments.device):
        started = time.perf_counter()
        classifier.fit(paths, labels)
        seconds = time.perf_counter() - started
    print(
        f"{n_clips} clips of {DURATION_S:.0f} s ({len(set(paths))} files), {arguments.jobs} "
        f"threads that decode, {len(classifier.history_)} epochs: {seconds:.1f} s from files to "
        "the fitted model"
    )
    shares = [int(line) / 100 for line in busy if line.isdecimal()]
    if shares:
        print(
            f"in {1 - np.mean(shares):.0%} of that time no kernel ran on the GPU "
            f"({len(shares)} samples)"
        )


@contextmanager
def _watched_gpu(busy: list[str], device: str) -> Iterator[None]:
    """Put into `busy` the percentages of time a kernel was running, as nvidia-smi says them."""
    if not device.startswith("cuda"):
        yield
        return
    uuid = torch.cuda.get_device_properties(device).uuid
    command = [
        *("nvidia-smi", f"--id=GPU-{uuid}", "--query-gpu=utilization.gpu"),
        *("--format=csv,noheader,nounits", "--loop-ms=200"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # from here on it watches
        try:
            yield
        finally:
            process.terminate()
            busy += process.stdout.read().split("\n")[:-1]


def _compare_precisions(arguments: argparse.Namespace) -> None:
    def read(split: str) -> Any:
        clips = load_gtzan(arguments.root, split=split, genres=arguments.genres)
        clips.data = MelSpectrogram(device="cpu").transform(clips.data)
        return clips

    train, valid = read("train"), read("valid")
    settings = {"channels": CHANNELS, "max_epochs": 30, "learning_rate": 6e-3, "dropout": 0.1}
    print(
        f"{len(train.target)} clips to learn from, {len(valid.target)} validation clips, crops of "
        f"3 s, {', '.join(f'{name}={value}' for name, value in settings.items())}\n"
    )
    right = {}
    for precision in ("float32", "bfloat16"):
        answers, seconds = [], []
        for seed in range(arguments.seeds):
            classifier = MelCNNClassifier(
                mel="passthrough", precision=precision, device="cpu", random_state=seed, **settings
            )
            started = time.process_time()
            classifier.fit(train.data, train.target)
            seconds.append(time.process_time() - started)
            answers.append(classifier.predict(valid.data) == valid.target)
        right[precision] = np.array(answers)
        accuracies = right[precision].mean(axis=1)
        print(
            f"{precision:10} {accuracies.mean():.1%} +- {accuracies.std(ddof=1):.1%} "
            f"({', '.join(f'{accuracy:.1%}' for accuracy in accuracies)}); "
            f"{np.mean(seconds):.0f} s CPU a network",
            flush=True,
        )
    # By clip, the mean over seeds: seeds of one clip are no independent answers.
    difference = (right["bfloat16"].astype(float) - right["float32"]).mean(axis=0)
    half = 1.96 * difference.std(ddof=1) / math.sqrt(len(difference))
    print(
        f"bfloat16 less float32: {100 * difference.mean():+.1f} points, 95 % interval "
        f"{100 * (difference.mean() - half):+.1f} to {100 * (difference.mean() + half):+.1f}"
    )


if __name__ == "__main__":
    main()
