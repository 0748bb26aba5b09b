"""The folder of a training that can be gone on with: what was asked for, and of which files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import typer
from filelock import FileLock, Timeout

from genreclass.audio import check_clips, printable
from genreclass.cli._terminal import quoted, shows_progress
from genreclass.durable import remove_leftovers, replacing
from genreclass.exceptions import CheckpointError
from genreclass.progress import make_progress

__all__ = ["ESTIMATORS", "NetworkOptions", "RunFolder"]

_FILE = "train.json"

# What JSON gives for the annotations of the options.
_TYPES: dict[str, Any] = {
    "str": str,
    "str | None": (str, type(None)),
    "int": int,
    "int | None": (int, type(None)),
    "float": (int, float),
    "bool": bool,
    "list[int]": list,
    "list[str]": list,
}

# The estimator of each --model, by its name in genreclass.
ESTIMATORS = {"cnn": "MelCNNClassifier", "musicnn": "MusiCNNEncoder", "openjmla": "OpenJMLAEncoder"}

# Seconds from the middle of a song that encoders hear, as the network on mel spectrograms does.
_DURATION = 30.0

# Options that do not decide what is learned.
_HOW = ("out", "device", "strict")


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """What ``genreclass train`` was asked for, of a model that is a network; paths are absolute.

    Of `channels`, `augment`, `head` and `weights` only those of the `model` are looked at.
    """

    music: str
    out: str
    valid: str | None
    epochs: int
    patience: int | None
    channels: list[int]
    learning_rate: float
    augment: bool
    balanced: bool
    min_count: int
    drop: list[str]
    seed: int
    device: str
    strict: bool
    # With defaults, as runs of earlier versions do not say them.
    model: str = "cnn"
    head: list[int] = field(default_factory=list)
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.model not in ESTIMATORS:
            raise TypeError(f"model is {self.model!r:.40}")
        for each in fields(self):
            value, expected = getattr(self, each.name), _TYPES[str(each.type)]
            if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
                raise TypeError(f"{each.name} is {value!r:.40}")

    def parameters(self) -> dict[str, Any]:
        """Those of the classifier."""
        from genreclass import Augmentation

        parameters: dict[str, Any] = {
            "max_epochs": self.epochs,
            "patience": self.patience,
            "learning_rate": self.learning_rate,
            "class_weight": "balanced" if self.balanced else None,
            "device": self.device,
            "random_state": self.seed,
        }
        if self.model == "cnn":
            augment = Augmentation() if self.augment else None
            return parameters | {"channels": tuple(self.channels), "augment": augment}
        parameters |= {"head": tuple(self.head), "duration": _DURATION}
        return parameters if self.weights is None else parameters | {"weights": self.weights}


@dataclass
class RunFolder:
    """A folder with ``train.json`` in it, and the checkpoints.

    Attributes
    ----------
    folder : Path
    options : NetworkOptions
    files : dict of str to dict of str to str
        Of "music" and "valid", the files by their place in the folder, and what names their
        content; empty before they were looked at.
    unreadable : dict of str to str or None
        Files that cannot be read, and why; None before they were looked at.
    finished : bool
        Whether the model was written.
    """

    folder: Path
    options: NetworkOptions
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    unreadable: dict[str, str] | None = None
    finished: bool = False

    @classmethod
    def open(cls, folder: Path, options: NetworkOptions) -> RunFolder:
        """The run in a folder; made where there is none, otherwise it must be of these options.

        Raises
        ------
        typer.BadParameter
            The folder holds another run, or something else, or cannot be made.
        """
        if not (folder / _FILE).exists():
            _make_empty(folder)
            run = cls(folder, options)
            run.write()
            return run
        run = cls.read(folder)
        differences = [
            f"{_flag(name)} was {_value(was)} and is {_value(now)}"
            for name, was, now in _compare(run.options, options)
        ]
        if differences:
            goes_on = f"Go on with that one: genreclass resume {quoted(folder)}; or give"
            raise typer.BadParameter(
                f"{printable(folder)} holds a {'finished ' * run.finished}run of other options: "
                f"{'; '.join(differences)}. {'Give' if run.finished else goes_on} another folder.",
                param_hint="--run",
            )
        run.options = options
        return run

    @classmethod
    def read(cls, folder: Path) -> RunFolder:
        """The run that is in a folder.

        Raises
        ------
        typer.BadParameter
            There is none.
        CheckpointError
            What describes it is damaged.
        """
        path = folder / _FILE
        if not path.is_file():
            raise typer.BadParameter(_describe_missing(folder), param_hint="RUN")
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            options = held.pop("options")
            return cls(folder=folder, options=NetworkOptions(**options), **held)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = f" ({error!s:.100})" if isinstance(error, TypeError) else ""
            raise CheckpointError(
                f"{printable(path)} is damaged, or of another version{reason}. Train anew, with "
                "another --run."
            ) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the ``with`` lasts, no other command trains in the folder.

        Raises
        ------
        CheckpointError
            One does already.
        """
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise CheckpointError(
                f"Another command is training in {printable(self.folder)}. Wait for it, or pause "
                "it with Ctrl+C."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def write(self) -> None:
        """Describe the run in its folder."""
        held = asdict(self)
        del held["folder"]
        self.folder.mkdir(parents=True, exist_ok=True)  # should somebody have removed it
        with replacing(self.folder / _FILE) as file:
            file.write(json.dumps(held, indent=1).encode())

    def move(self, music: str) -> None:
        """Take the music from another folder, into which it was moved as it was."""
        before = self.options.music
        self.options = replace(self.options, music=music)
        if self.unreadable is not None:
            self.unreadable = {
                os.path.join(music, os.path.relpath(path, before))
                if Path(path).is_relative_to(before)
                else path: reason
                for path, reason in self.unreadable.items()
            }

    def settle_files(self, kind: str, root: Path, paths: Sequence[str]) -> None:
        """Take note of the music, or see that it is what it was when training began.

        Raises
        ------
        CheckpointError
            Files are gone, new or changed; the first of each kind is named.
        """
        found = _digests(root, paths)
        before = self.files.get(kind)
        if before is None or not any(self.folder.glob("*/run.json")):
            self.files[kind] = found
            self.unreadable = None
            self.write()
            return
        changed = [name for name in found if name in before and before[name] != found[name]]
        changes = [
            _count("changed", changed),
            _count("gone", [name for name in before if name not in found]),
            _count("new", [name for name in found if name not in before]),
        ]
        if any(changes):
            raise CheckpointError(
                f"{printable(root)} is not as it was when the run in {printable(self.folder)} "
                f"began: {', '.join(filter(None, changes))}. Put it back, or train anew with "
                "another --run."
            )


def _describe_missing(folder: Path) -> str:
    """Why a folder is no run's, and which one may be meant."""
    if folder.is_file():
        return f"{printable(folder)} is a file. Give the folder that was given to train as --run."
    if not folder.is_dir():
        return (
            f"{printable(folder)} does not exist. Give the folder that was given to genreclass "
            "train as --run."
        )
    near = [folder.parent] if (folder.parent / _FILE).is_file() else []
    near += sorted(path.parent for path in folder.glob(f"*/{_FILE}"))
    meant = f"Did you mean {' or '.join(map(quoted, near[:3]))}?"
    return (
        f"{printable(folder)} holds no run. "
        f"{meant if near else 'Give the folder that was given to genreclass train as --run.'}"
    )


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise typer.BadParameter(
            f"{printable(folder)} cannot be made ({error.strerror}). Give another folder.",
            param_hint="--run",
        ) from error
    if not is_empty:
        raise typer.BadParameter(
            f"{printable(folder)} holds other things. Give the name of a folder that is not there.",
            param_hint="--run",
        )


def _compare(was: NetworkOptions, now: NetworkOptions) -> list[tuple[str, Any, Any]]:
    """Names and values of the options that decide what is learned, and differ."""
    before, after = asdict(was), asdict(now)
    return [
        (name, before[name], after[name])
        for name in before
        if name not in _HOW and before[name] != after[name]
    ]


def _flag(name: str) -> str:
    return "MUSIC" if name == "music" else f"--{name.replace('_', '-')}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else printable(str(value))


def _digests(root: Path, paths: Sequence[str]) -> dict[str, str]:
    """What names the content of each file, by its place under the root."""
    found = {}
    sources = check_clips(paths, sample_rate=1)  # which is not looked at: nothing is decoded
    with make_progress("files", visible=shows_progress()) as progress:
        task = progress.add_task("Looking at files", total=len(paths), figures="")
        for path, source in zip(paths, sources, strict=True):
            found[Path(path).relative_to(root).as_posix()] = source.digest() or "unreadable"
            progress.advance(task)
    return found


def _count(kind: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{kind}: {printable(names[0])}{rest}"
