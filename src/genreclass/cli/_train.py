"""``genreclass train``: a model from music of one's own."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from genreclass.audio import expand_path
from genreclass.cli._app import (
    INTERRUPTED,
    SOME_SKIPPED,
    DebugOption,
    DeviceOption,
    StrictOption,
    expand_home,
    plain_errors,
)
from genreclass.cli._models import check_device
from genreclass.cli._run_folder import NetworkOptions, RunFolder
from genreclass.cli._tables import (
    DEFAULT_TARGET,
    IgnoreOption,
    TargetOption,
    check_ignore,
    check_target,
    is_table,
)
from genreclass.cli._terminal import check_output, duration_text, note, note_skipped, quoted
from genreclass.cli._train_baseline import train_on_audio, train_on_table
from genreclass.cli._train_network import parse_widths, train_network

__all__ = ["learn_network", "train"]

_NETWORK_PANEL = "Options for networks: --model cnn, musicnn or openjmla"
_CNN_PANEL = "Options for --model cnn"
_HEAD_PANEL = "Options for --model musicnn or openjmla"


class _Learner(StrEnum):
    CNN = "cnn"
    BASELINE = "baseline"
    MUSICNN = "musicnn"
    OPENJMLA = "openjmla"


_HEADS = (_Learner.MUSICNN, _Learner.OPENJMLA)
_NETWORKS = (_Learner.CNN, *_HEADS)

# Options that not every model has a use for, and those that have.
_USERS: dict[str, tuple[_Learner, ...]] = {
    **dict.fromkeys(("run", "valid", "epochs", "patience"), _NETWORKS),
    "channels": (_Learner.CNN,),
    "learning_rate": _NETWORKS,
    "augment": (_Learner.CNN,),
    "head": _HEADS,
    "weights": (_Learner.OPENJMLA,),
}

# Epochs and learning rate that are not given; of a head, those of the estimators.
_OF_A_HEAD = (100, 1e-3)
_DEFAULTS = {_Learner.CNN: (30, 6e-3), **dict.fromkeys(_HEADS, _OF_A_HEAD)}


@plain_errors
def train(
    context: typer.Context,
    music: Annotated[
        Path,
        typer.Argument(
            metavar="MUSIC",
            callback=expand_home,
            help="A folder that holds a folder of audio files for each genre; or, for a baseline, "
            "a table of features (.csv or .parquet) with a column of genres.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            callback=expand_home,
            help="Where to write the model.",
            show_default=False,
        ),
    ],
    model: Annotated[
        _Learner,
        typer.Option(
            metavar="NAME",
            help="What to train: cnn, a network that hears mel spectrograms; baseline, trees on "
            "518 hand-crafted features, which takes seconds once these are computed; musicnn or "
            "openjmla, a small network on what a large one hears that knows music already. The "
            "weights of musicnn come along, those of openjmla are downloaded (346 MB).",
        ),
    ] = _Learner.CNN,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=_NETWORK_PANEL,
            callback=expand_home,
            help="Keep the training in this folder, so that Ctrl+C pauses it and genreclass resume "
            "FOLDER goes on with it, also after a crash.",
        ),
    ] = None,
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=_NETWORK_PANEL,
            callback=expand_home,
            help="Music of other artists, a folder for each genre: loss and accuracy on it are "
            "shown, and --patience watches it.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            rich_help_panel=_NETWORK_PANEL,
            help="Times that every file is learned from.",
            show_default="30 of cnn, else 100",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            rich_help_panel=_NETWORK_PANEL,
            help="Stop when this many epochs brought nothing better. Without --valid, a tenth of "
            "the files is kept aside to see that.",
        ),
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            metavar="N,N,...",
            rich_help_panel=_CNN_PANEL,
            help="Channels of each convolution layer, separated by commas.",
        ),
    ] = "32,64,128,256",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0.0,
            rich_help_panel=_NETWORK_PANEL,
            help="Highest learning rate.",
            show_default="0.006 of cnn, else 0.001",
        ),
    ] = None,
    augment: Annotated[
        bool,
        typer.Option(
            rich_help_panel=_CNN_PANEL,
            help="Change tempo, pitch and sound of every file a little, anew in every epoch.",
        ),
    ] = False,
    head: Annotated[
        str,
        typer.Option(
            metavar="N,N,...",
            rich_help_panel=_HEAD_PANEL,
            help="Width of each hidden layer of the small network, separated by commas.",
        ),
    ] = "256",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE_OR_NAME",
            rich_help_panel=_HEAD_PANEL,
            help="The weights of openjmla: a .pth or .safetensors file, or their name on the "
            "Hugging Face hub.",
            show_default="UniMus/OpenJMLA",
        ),
    ] = None,
    balanced: Annotated[
        bool,
        typer.Option(help="Let rare genres weigh as much as frequent ones."),
    ] = True,
    min_count: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Leave out genres that have fewer files (or rows) than this."
        ),
    ] = 1,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="GENRE", help="Leave out this genre; repeatable.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="The same seed on the same machine gives the same model.",
        ),
    ] = 0,
    target: TargetOption = None,
    ignore: IgnoreOption = None,
    device: DeviceOption = "auto",
    strict: StrictOption = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace the model if --out is there already.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Train a model on music of your own.

    MUSIC/jazz/any/folders/song.mp3 is taken for jazz. Files that cannot be read are skipped and
    named at the end.

    genreclass train MUSIC --out mine.genre

    genreclass train MUSIC --out mine.genre --run runs/mine

    genreclass train MUSIC --model baseline --out mine.genre

    genreclass train MUSIC --model musicnn --out mine.genre
    """
    check_output("--out", out, replace=force)
    _check_options(context, music, model, target)
    check_ignore(ignore or [], music)
    check_device(device)
    if model is not _Learner.BASELINE:
        # A run may be gone on with from another folder.
        place: Callable[[Path], str] = str if run is None else os.path.abspath
        options = NetworkOptions(
            music=place(music),
            out=place(out),
            valid=None if valid is None else place(valid),
            model=model.value,
            epochs=epochs if epochs is not None else _DEFAULTS[model][0],
            patience=patience,
            channels=parse_widths("--channels", channels) if model is _Learner.CNN else [],
            head=parse_widths("--head", head) if model in _HEADS else [],
            weights=_place_weights(weights),
            learning_rate=learning_rate if learning_rate is not None else _DEFAULTS[model][1],
            augment=augment,
            balanced=balanced,
            min_count=min_count,
            drop=drop or [],
            seed=seed,
            device=device,
            strict=strict,
        )
        learn_network(options, None if run is None else RunFolder.open(run, options))
        return
    parameters: dict[str, Any] = {
        "class_weight": "balanced" if balanced else None,
        "device": device,
        "random_state": seed,
    }
    taken: dict[str, Any] = {"drop": drop or [], "min_count": min_count}
    started = time.perf_counter()
    try:
        if is_table(music):
            trained, skipped = train_on_table(
                music,
                target=target or DEFAULT_TARGET,
                ignore=ignore or [],
                parameters=parameters,
                **taken,
            )
        else:
            trained, skipped = train_on_audio(music, strict=strict, parameters=parameters, **taken)
    except KeyboardInterrupt:
        _note_interrupted(started)
        raise typer.Exit(INTERRUPTED) from None
    _finish(trained, out, music, skipped)


def learn_network(options: NetworkOptions, run: RunFolder | None = None) -> None:
    """Train a network and write it; what is in the folder of a run, it goes on with."""
    started = time.perf_counter()
    with nullcontext() if run is None else run.alone():
        try:
            trained, skipped = train_network(options, run)
        except KeyboardInterrupt as interrupt:
            _note_interrupted(started, run, saved=getattr(interrupt, "saved", True))
            raise typer.Exit(INTERRUPTED) from None
        _finish(trained, Path(options.out), Path(options.music), skipped, run)


def _note_interrupted(started: float, run: RunFolder | None = None, *, saved: bool = True) -> None:
    """Say after Ctrl+C what is left of the work."""
    elapsed = duration_text(time.perf_counter() - started)
    if run is None:
        note(f"Interrupted after {elapsed}; no model was written.")
        return
    with suppress(OSError):  # should somebody have removed it; a full disk is no matter here
        run.write()
    went = f"Paused after {elapsed}." if saved else f"Interrupted after {elapsed}, and not saved."
    since = "" if saved else " from the last checkpoint that could be written"
    note(f"{went} Go on{since} with: genreclass resume {quoted(run.folder)}")


def _finish(
    trained: Any, out: Path, music: Path, skipped: dict[str, str], run: RunFolder | None = None
) -> None:
    """Write a model, and say how to use it."""
    from genreclass import save

    try:
        save(trained, out)
    except OSError as error:
        raise OSError(f"--out: {error} {_rescue(trained, out, run)}") from error
    if run is not None:
        run.finished = True
        run.write()
    note_skipped(skipped, "row" if is_table(music) else "file")
    files, others = ("TABLE", "OTHER_TABLE") if is_table(music) else ("FILES", "OTHER_MUSIC")
    typer.echo(
        f"{out}\n\n"
        f"Use it:      genreclass predict {files} --model {quoted(out)}\n"
        f"Measure it:  genreclass evaluate {quoted(out)} {others}   "
        f"(no artist of which is in {music})"
    )
    if skipped:
        raise typer.Exit(SOME_SKIPPED)


def _rescue(trained: Any, out: Path, run: RunFolder | None) -> str:
    """Where a model is that could not be written."""
    from genreclass import save

    if run is not None:
        return f"The network is kept: genreclass resume {quoted(run.folder)} writes it."
    elsewhere = Path(tempfile.mkdtemp(prefix="genreclass-"), out.name)
    save(trained, elsewhere)
    return f"The model is in {elsewhere} for now."


def _check_options(
    context: typer.Context, music: Path, model: _Learner, target: str | None
) -> None:
    """What was asked for must go together; raises typer.BadParameter."""
    check_target(target, music)
    given = {name: users for name, users in _USERS.items() if _is_given(context, name)}
    idle = [name for name, users in given.items() if model not in users]
    if idle:
        able = [other for other in _NETWORKS if all(other in given[name] for name in given)]
        other = f", or train with --model {' or '.join(able)}" if able else ""
        raise typer.BadParameter(
            f"--model {model} has no use for this. Leave it out{other}.",
            param_hint=", ".join(f"--{name.replace('_', '-')}" for name in idle),
        )
    if model is not _Learner.BASELINE and is_table(music):
        raise typer.BadParameter(
            f"a network learns from audio, and {music} is a table. Add --model baseline, or give a "
            "folder of music.",
            param_hint="--model",
        )


def _place_weights(weights: str | None) -> str | None:
    """A file by its full path, as the model is told where it is; a name on the hub as it is."""
    from genreclass.weights import OPENJMLA

    if weights in (None, OPENJMLA.name):
        return weights
    return os.path.abspath(expand_path(weights))


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
