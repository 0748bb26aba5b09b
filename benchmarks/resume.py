"""Training that is killed again and again: what it ends with, and what its checkpoints cost.

    python benchmarks/resume.py [--kills 200] [--cost] [--folder FOLDER]

A small network is trained on generated clips in a child process, without checkpoints and without
interruption: that is the reference. Then it is trained with a `checkpoint_dir`, each run in a
folder of its own, and sent SIGINT, SIGTERM or SIGKILL up to four times, at moments drawn from what
is left of the training; after each it is started again. A run counts as lost where it hangs, fails
or takes no notice of a signal, where its weights, history or best epoch are not the reference's to
the last bit, where the library logs a warning (as it does of a torn checkpoint), or where it learns
a batch twice that a pause or a checkpoint had saved. A batch that SIGKILL takes is learned twice,
and counted. The exit code is 1 where a run was lost, and its folder stays.
No power is cut: what a disk does then is not tried here.

With ``--cost`` a second table says what share of a run goes into checkpoints, at the default
interval. ``--kills 0`` leaves the first one out, ``--quick`` does a little of both.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from _shared import describe_machine

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import make_clips
from genreclass.exceptions import TrainingPaused
from genreclass.fingerprint import digest
from genreclass.models import _mel_cnn_classifier
from genreclass.training import WindowedValidation, _loop
from genreclass.training import _run as run_module
from genreclass.training._checkpoints import Checkpoints

# What `fit` is given is the same in every child, and short enough to be done hundreds of times.
NETWORK = {
    "mel": "passthrough",
    "channels": (8, 16),
    "crop_s": 1.0,
    "max_epochs": 30,
    "batch_size": 4,
    "learning_rate": 0.03,
    "patience": 4,
    "validation_fraction": 0.25,
    "device": "cpu",
    "random_state": 0,
}
CHECKPOINT_MINUTES = 0.0005

CHANNELS = ((64, 128), (32, 64, 128, 256))

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL) if os.name == "posix" else ()
MOMENTS = ("training", "validation", "writing")

# What a child that was paused exits with: 128 and SIGINT, as shells have it.
PAUSED = 130

# A signal comes up to so much later than a batch: a batch takes less, and so does validation.
LATER_S = 0.05

# Batches that a process may still learn after a signal: one, and those of a parent that waits.
FEW = 8

# A child that takes longer is hung.
PATIENCE_S = 60.0

# Imported once, in a server from which each child is forked; torch takes the last only when the
# first optimizer steps.
PRELOADED = ["genreclass", "genreclass.datasets", "safetensors.torch", "torch._dynamo"]

Batch = tuple[int, int]  # epoch and place in it, from 0
Data = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of signals and moments")
    parser.add_argument("--cost", action="store_true", help="what share checkpoints take, as well")
    parser.add_argument("--epochs", type=int, default=5, help="of each run of --cost")
    parser.add_argument("--folder", type=Path, help="where checkpoints go; default: a temporary")
    parser.add_argument("--quick", action="store_true", help="6 kills, and a small --cost")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.kills, arguments.cost, arguments.epochs = 6, True, 2
    if arguments.kills and os.name != "posix":
        parser.error("processes are forked and sent signals, as on Linux and macOS; try --kills 0")
    os.environ["OMP_NUM_THREADS"] = "1"  # for the children
    torch.set_num_threads(1)
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="genreclass-resume-", dir=arguments.folder))
    print(describe_machine(threads=1, device="cpu"))
    print(f"checkpoints on {_file_system(folder)}", flush=True)
    lost: list[str] = []
    try:
        if arguments.kills:
            lost = _kill(arguments.kills, folder, seed=arguments.seed)
        if arguments.cost:
            _print_cost(folder, epochs=arguments.epochs, n_clips=24 if arguments.quick else 134)
    finally:
        with suppress(OSError):  # that of a lost run is in it
            folder.rmdir()
    sys.exit(1 if lost else 0)


@dataclass
class Attempt:
    """What one process did."""

    exit_code: int | None  # None: it hung
    sent: signal.Signals | None
    moment: str
    seconds: float  # from the signal, or where there is none from the first batch, to the end
    batches: list[Batch]
    n_after: int  # of them, after the signal
    written: list[Batch]
    warnings: list[str]
    end: Any  # None where it did not come to it

    @property
    def was_paused(self) -> bool:
        """Whether it ended as it should after SIGINT or SIGTERM."""
        return self.exit_code == PAUSED and self.sent in (signal.SIGINT, signal.SIGTERM)

    @property
    def was_killed(self) -> bool:
        """Whether the signal ended it outright."""
        return self.sent is not None and self.exit_code == -self.sent


@dataclass
class Run:
    """What became of a run, from its first process to its last."""

    end: Any = None
    seconds: float = 0.0
    batches: list[Batch] = field(default_factory=list)
    kills: list[tuple[signal.Signals, str]] = field(default_factory=list)
    twice: Counter[signal.Signals] = field(default_factory=Counter)
    pauses_s: list[float] = field(default_factory=list)
    n_late: int = 0
    fault: str | None = None


class Journal:
    """What a child does, line by line, in a file that outlives it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._moment = "training"

    def note(self, *words: object) -> None:
        """Add a line."""
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())

    @contextmanager
    def during(self, moment: str) -> Iterator[None]:
        """Note that something else is done while the ``with`` lasts."""
        before, self._moment = self._moment, moment
        self.note("moment", moment)
        yield
        self._moment = before
        self.note("moment", before)


def _kill(n_kills: int, folder: Path, *, seed: int) -> list[str]:
    """Kill runs until there were so many kills; print the table; say why runs were lost."""
    clips = make_clips(40, n_genres=4, random_state=0)
    data = MelSpectrogram(duration=2.0, device="cpu").transform(clips.data), clips.target
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOADED)
    generator = np.random.default_rng(seed)
    started = time.perf_counter()

    reference = _run(server, data, folder / "reference", checkpoints=False)
    if reference.fault:
        sys.exit(f"The reference did not end: {reference.fault}.")
    alone = _run(server, data, folder / "alone")
    n_batches = len(reference.batches)
    killed = []
    while n_kills > sum(len(run.kills) for run in killed):
        left = n_kills - sum(len(run.kills) for run in killed)
        signals = generator.choice(SIGNALS, size=min(left, generator.integers(1, 5)))
        path = folder / f"run-{len(killed):04}"
        killed.append(
            _run(server, data, path, signals=signals, generator=generator, n_batches=n_batches)
        )
    lost = []
    for path in sorted(folder.iterdir()):
        run = alone if path.name == "alone" else reference
        if path.name.startswith("run-"):
            run = killed[int(path.name.removeprefix("run-"))]
        fault = run.fault or _difference(run, reference)
        if fault:
            lost.append(f"{path}: {fault}")
        else:
            shutil.rmtree(path)
    _print_kills(reference, alone, killed, lost, seed)
    print(f"{time.perf_counter() - started:.0f} s wall altogether", flush=True)
    return lost


def _run(
    server: Any,
    data: Data,
    folder: Path,
    *,
    checkpoints: bool = True,
    signals: Sequence[int] = (),
    generator: np.random.Generator | None = None,
    n_batches: int = 0,
) -> Run:
    """Train to the end, in as many processes as it takes: one more than there are signals."""
    run = Run()
    folder.mkdir()
    left = [signal.Signals(number) for number in signals]
    kept = (0, 0)  # no batch before this one may be learned again
    stopped_by, before = signal.SIGKILL, list[Batch]()
    while run.end is None and run.fault is None:
        to_send, n_first, delay = None, 0, 0.0
        if left:
            to_send = left.pop(0)
            n_first = int(generator.integers(n_batches - len(set(run.batches)) + 1))
            delay = LATER_S * generator.random()
        attempt = _attempt(server, data, folder, checkpoints, to_send, n_first, delay)

        run.batches += attempt.batches
        if attempt.batches:
            first = attempt.batches[0]
            run.twice[stopped_by] += sum(batch >= first for batch in before)
            if first < kept:
                run.fault = f"went on from batch {first}, and {kept} was saved"
            stopped_by, before = attempt.sent, attempt.batches
        if attempt.was_paused and attempt.batches:
            epoch, batch = attempt.batches[-1]
            kept = (epoch, batch + 1)
        kept = max([kept, *attempt.written])

        if attempt.warnings:
            run.fault = attempt.warnings[0]
        elif attempt.sent is not None and attempt.n_after > FEW:
            run.fault = f"learned {attempt.n_after} batches after {attempt.sent.name}"
        elif attempt.exit_code == 0 and attempt.end is not None:
            run.end, run.seconds = attempt.end, attempt.seconds
            run.n_late += to_send is not None
        elif attempt.was_paused or attempt.was_killed:
            run.kills.append((attempt.sent, attempt.moment))
            run.pauses_s += [attempt.seconds] * attempt.was_paused
        else:
            code = attempt.exit_code
            run.fault = "hung" if code is None else f"ended early, with exit code {code}"
            if attempt.sent is not None:
                run.fault += f", after {attempt.sent.name} in {attempt.moment}"
    return run


def _attempt(
    server: Any,
    data: Data,
    folder: Path,
    checkpoints: bool,
    to_send: signal.Signals | None,
    n_first: int,
    delay: float,
) -> Attempt:
    """One process, which is sent a signal some seconds after it has learned some batches."""
    journal = folder / "journal.txt"
    n_lines = len(_read(journal))
    ours, theirs = server.Pipe()
    child = server.Process(target=_train, args=(journal, theirs, checkpoints, data, n_first))
    child.start()
    theirs.close()
    sent, moment, n_before = None, "", n_lines
    may_send = ours.poll(PATIENCE_S) and _receive(ours) == "now"
    started = time.perf_counter()
    if may_send and to_send is not None:
        child.join(delay)
        if child.exitcode is None:
            lines = _read(journal)
            moment = [line[1] for line in lines if line[0] == "moment"][-1]
            started, sent, n_before = time.perf_counter(), to_send, len(lines)
            with suppress(ProcessLookupError):  # it has ended just now
                os.kill(child.pid, sent)
    child.join(PATIENCE_S)
    seconds, exit_code = time.perf_counter() - started, child.exitcode
    if exit_code is None:
        child.kill()
        child.join()
    lines = _read(journal)
    n_after = sum(line[0] == "learned" for line in lines[n_before:])
    lines = lines[n_lines:]
    return Attempt(
        exit_code,
        sent,
        moment,
        seconds,
        batches=[(int(line[1]), int(line[2])) for line in lines if line[0] == "learned"],
        n_after=n_after,
        written=[(int(line[1]), int(line[2])) for line in lines if line[0] == "written"],
        warnings=[" ".join(line[1:]) for line in lines if line[0] == "warning"],
        end=_receive(ours),
    )


def _train(path: Path, parent: Connection, checkpoints: bool, data: Data, n_first: int) -> None:
    """What a child does: `fit`, keep a journal of it, and say when `n_first` batches are done."""
    torch.set_num_threads(1)
    _watch(Journal(path), parent, n_first)
    classifier = MelCNNClassifier(
        **NETWORK,
        checkpoint_dir=path.parent if checkpoints else None,
        checkpoint_minutes=CHECKPOINT_MINUTES,
    )
    # As in a shell's foreground, wherever the benchmark runs: signals that are ignored stay so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        classifier.fit(*data)
    except TrainingPaused:
        sys.exit(PAUSED)
    except KeyboardInterrupt:  # it came when nothing was left to be trained
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    weights = classifier.network_.state_dict()
    content = b"".join(weights[name].numpy().tobytes() for name in sorted(weights))
    parent.send((digest(content), classifier.history_, classifier.best_epoch_))


def _watch(journal: Journal, parent: Connection, n_first: int) -> None:
    """Have this process note in the journal all that the benchmark asks about."""
    to_learn = iter(range(n_first - 1, -1, -1))
    step, write = _loop._step, Checkpoints.write
    validate, train = WindowedValidation.__call__, run_module.train

    def noted_train(*args: Any, **kwargs: Any) -> None:
        journal.note("moment", "training")
        if n_first == 0:
            parent.send("now")
        train(*args, **kwargs)

    def noted_step(state: Any, *args: Any) -> None:
        step(state, *args)
        journal.note("learned", state.epoch, state.batch)
        if next(to_learn, None) == 0:
            parent.send("now")

    def noted_validate(*args: Any) -> tuple[float, float]:
        with journal.during("validation"):
            return validate(*args)

    def noted_write(checkpoints: Checkpoints, state: dict[str, Any]) -> None:
        with journal.during("writing"):
            write(checkpoints, state)
        journal.note("written", state["epoch"], state["batch"])

    run_module.train, _loop._step = noted_train, noted_step
    WindowedValidation.__call__, Checkpoints.write = noted_validate, noted_write
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: journal.note("warning", record.getMessage())
    logging.getLogger("genreclass").addHandler(handler)


def _read(journal: Path) -> list[list[str]]:
    return [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []


def _receive(connection: Connection) -> Any:
    """What the child has sent; None where it ended before."""
    try:
        return connection.recv() if connection.poll() else None
    except EOFError:
        return None


def _difference(run: Run, reference: Run) -> str | None:
    """What is not the reference's."""
    for name, ours, theirs in zip(
        ("weights", "history", "best epoch"), run.end, reference.end, strict=True
    ):
        if ours != theirs:
            return f"other {name}"
    if set(run.batches) != set(reference.batches):
        return "other batches"
    return None


def _print_kills(reference: Run, alone: Run, killed: list[Run], lost: list[str], seed: int) -> None:
    _, history, best_epoch = reference.end
    moments = Counter(moment for run in killed for moment in run.kills)
    channels = NETWORK["channels"]
    print(f"\nkills at random moments, seed {seed}; generated clips, {channels=}")
    print(
        f"a run: {len(reference.batches)} batches in {len(history)} epochs, the best of them "
        f"{best_epoch}, {alone.seconds:.1f} s; a checkpoint after each epoch and each "
        f"{60e3 * CHECKPOINT_MINUTES:.0f} ms"
    )
    print("each process is forked from one that has imported torch and trained nothing")
    print(f"{'':10}" + "".join(f"{title:>14}" for title in ("kills", *MOMENTS, "batches twice")))
    for number in SIGNALS:
        counts = [moments[number, moment] for moment in MOMENTS]
        twice = sum(run.twice[number] for run in killed)
        cells = (sum(counts), *counts, twice)
        print(f"{number.name:10}" + "".join(f"{cell:14}" for cell in cells))
    per_run = [len(run.kills) for run in killed]
    print(
        f"{len(killed)} runs, killed {min(per_run)} to {max(per_run)} times each, and one with "
        f"checkpoints that was not killed: {len(lost)} lost"
    )
    for fault in lost:
        print(f"  {fault}")
    n_late = sum(run.n_late for run in killed)
    if n_late:
        print(f"signals not counted, as the run had ended or was about to: {n_late}")
    pauses = 1e3 * np.array([second for run in killed for second in run.pauses_s])
    if len(pauses):
        print(
            f"{len(pauses)} pauses, from the signal to the end of the process: median "
            f"{np.median(pauses):.0f} ms, longest {pauses.max():.0f} ms"
        )


def _print_cost(folder: Path, *, epochs: int, n_clips: int) -> None:
    """Wall and CPU time that goes into checkpoints, at the default interval."""
    minutes = MelCNNClassifier().checkpoint_minutes
    n_frames = MelSpectrogram().n_frames
    X = np.random.default_rng(0).standard_normal((n_clips, 128, n_frames), dtype=np.float32)
    y = np.arange(n_clips) % 3
    print(
        f"\ncost of checkpoints, one after each epoch and each {minutes:g} minutes: random "
        f"spectrograms of {n_clips} clips, {n_frames} frames each; {epochs} epochs"
    )
    titles = ("s a run", "checkpoints", "MB each", "ms: median", "longest", "% of wall", "% of CPU")
    print(f"{'channels':20}" + "".join(f"{title:>13}" for title in titles))
    shares = []
    for channels in CHANNELS:
        fit = MelCNNClassifier(
            mel="passthrough",
            channels=channels,
            max_epochs=epochs,
            crop_s=3.0,
            checkpoint_dir=folder / "cost",
            device="cpu",
            random_state=0,
        ).fit
        with (
            _timed(Checkpoints, "write") as writes,
            _timed(_mel_cnn_classifier, "open_run") as known,
        ):
            start = _now()
            fit(X, y)
            total = _now() - start
        sizes = [path.stat().st_size for path in (folder / "cost").rglob("*.safetensors")]
        shutil.rmtree(folder / "cost")
        spent = np.array(writes)
        shares.append(100 * spent.sum(axis=0) / total)
        print(
            f"{channels!s:20}{total[0]:13.1f}{len(spent):13}{max(sizes) / 1e6:13.1f}"
            f"{1e3 * np.median(spent[:, 0]):13.1f}{1e3 * spent[:, 0].max():13.1f}"
            f"{shares[-1][0]:13.2f}{shares[-1][1]:13.2f}"
        )
    if np.max(shares) < 2:
        print("under 2 % of both, for both networks")
    print(f"besides, once: {1e3 * known[0][0]:.0f} ms to tell the run by its clips")


@contextmanager
def _timed(owner: Any, name: str) -> Iterator[list[np.ndarray]]:
    """Wall and CPU seconds of each call, while the ``with`` lasts."""
    function: Callable[..., Any] = getattr(owner, name)
    calls: list[np.ndarray] = []

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = _now()
        result = function(*args, **kwargs)
        calls.append(_now() - start)
        return result

    setattr(owner, name, timed)
    try:
        yield calls
    finally:
        setattr(owner, name, function)


def _now() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def _file_system(folder: Path) -> str:
    """The type of the file system a folder is on."""
    mounts = {Path(disk.mountpoint): disk.fstype for disk in psutil.disk_partitions(all=True)}
    found = (mounts[parent] for parent in folder.resolve().parents if parent in mounts)
    return next(found, "an unknown file system")


if __name__ == "__main__":
    main()
