"""What ``genreclass train`` does for a model that is a network."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from genreclass.audio import printable
from genreclass.cli._download import have_weights
from genreclass.cli._files import hear_ahead, see_ahead
from genreclass.cli._music import (
    check_genres,
    count_genres,
    drop_rare,
    drop_unreadable,
    drop_unwanted,
)
from genreclass.cli._not_music import note_not_music
from genreclass.cli._run_folder import ESTIMATORS, NetworkOptions, RunFolder
from genreclass.cli._terminal import counted, duration_text, note
from genreclass.exceptions import NotMusicWarning

if TYPE_CHECKING:
    from sklearn.utils import Bunch

__all__ = ["parse_widths", "train_network"]

# Beyond this a layer alone has a billion weights.
_WIDEST = 8192


def parse_widths(option: str, text: str) -> list[int]:
    """Width of each layer, from numbers separated by commas; raises typer.BadParameter."""
    try:
        widths = [int(part) for part in text.split(",")]
    except ValueError:
        widths = []
    if not widths or not 1 <= min(widths) <= max(widths) <= _WIDEST:
        raise typer.BadParameter(
            f"{text!r}: expected whole numbers from 1 to {_WIDEST}, as 32,64,128.",
            param_hint=option,
        )
    return widths


def train_network(
    options: NetworkOptions, run: RunFolder | None = None
) -> tuple[Any, dict[str, str]]:
    """A network trained on a folder for each genre; and what was skipped.

    With `run` it can be interrupted, and gone on with.
    """
    import genreclass
    from genreclass.datasets import load_folder

    music = Path(options.music)
    classifier = getattr(genreclass, ESTIMATORS[options.model])(
        **options.parameters(), checkpoint_dir=None if run is None else run.folder, verbose=1
    )
    try:
        classifier._check_parameters()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="options") from error
    # Everything that is known without decoding comes first.
    if options.model != "cnn":
        have_weights(classifier)
        classifier._make_listener(None)
    clips = drop_unwanted(load_folder(music), music, drop=options.drop, min_count=options.min_count)
    validation = None
    if options.valid is not None:
        valid = Path(options.valid)
        validation = _only(load_folder(valid), clips.target_names, valid)
    if run is not None:
        run.settle_files("music", music, clips.data)
        if validation is not None:
            run.settle_files("valid", valid, validation.data)
    unreadable = _find_unreadable(classifier, clips, validation, options, run)
    clips = drop_rare(drop_unreadable(clips, unreadable, music), options.min_count)
    check_genres(clips, music)
    note(f"{len(clips.data)} files in {len(clips.target_names)} genres: {count_genres(clips)}")
    if unreadable:
        count = counted(len(unreadable), "file")
        note(
            f"{count} left out that cannot be read, the first: {printable(next(iter(unreadable)))}"
        )
    skipped = dict(clips.left_out)
    aside: dict[str, Any] = {}
    if validation is not None:
        validation = drop_unreadable(validation, unreadable, valid)
        validation = _only(validation, clips.target_names, valid)
        count = counted(len(validation.data), "file")
        note(f"{count} to validate on: {count_genres(validation)}")
        skipped |= validation.left_out
        aside = {"X_val": validation.data, "y_val": validation.target}
    started = time.perf_counter()
    _fit(classifier, clips, aside)
    elapsed = duration_text(time.perf_counter() - started)
    n_epochs = counted(len(classifier.history_), "epoch")
    # Those of a run may have been trained by earlier commands.
    trained = f"Trained {n_epochs} in" if run is None else f"{n_epochs} trained; this command took"
    note(f"{trained} {elapsed}{_figures(classifier)}")
    if options.model == "openjmla":
        note(f"The model is what was learned on OpenJMLA, and needs its weights: {_where(options)}")
    return classifier.set_params(verbose=0), skipped


def _only(clips: Bunch, genres: list[str], root: Path) -> Bunch:
    """The files to validate on: those of the genres that are learned."""
    from genreclass.datasets import drop_genres

    others = [genre for genre in clips.target_names if genre not in genres]
    if len(others) == len(clips.target_names):
        raise typer.BadParameter(
            f"{root} holds none of the genres {', '.join(genres)}.", param_hint="--valid"
        )
    if others:
        note(f"Genres of {root} that are not learned: {', '.join(map(printable, others))}")
        clips = drop_genres(clips, others)
    return clips


def _find_unreadable(
    classifier: Any,
    clips: Bunch,
    validation: Bunch | None,
    options: NetworkOptions,
    run: RunFolder | None,
) -> dict[str, str]:
    """Files that cannot be read, and why; a run looks once."""
    if run is not None and run.unreadable is not None:
        return run.unreadable
    paths = clips.data + ([] if validation is None else validation.data)
    if options.model == "cnn":
        done = see_ahead(paths, device=options.device, strict=options.strict)
    else:
        done = hear_ahead(classifier, paths, strict=options.strict)
    if done.interrupted:
        raise KeyboardInterrupt
    note_not_music(
        done.not_music, "Such files are learned from all the same; better take them out."
    )
    if run is not None:
        run.unreadable = done.skipped
        run.write()
    return done.skipped


def _fit(classifier: Any, clips: Bunch, aside: dict[str, Any]) -> None:
    from joblib import parallel_config

    try:
        # Decode ahead of the computation; and what is not music was named before.
        with parallel_config(backend="threading", n_jobs=-1), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotMusicWarning)
            classifier.fit(clips.data, clips.target, **aside)
    except ValueError as error:
        if "validation_fraction" not in str(error):
            raise
        raise typer.BadParameter(
            "a tenth of so few files cannot be kept aside. Give --valid, or leave out --patience.",
            param_hint="--patience",
        ) from error


def _where(options: NetworkOptions) -> str:
    """Where the weights of OpenJMLA have to be, wherever a model is used."""
    from genreclass.weights import OPENJMLA

    if options.weights in (None, OPENJMLA.name):
        return f"genreclass download {OPENJMLA.short_name}, wherever it is used."
    return f"leave {printable(options.weights)} where it is."


def _figures(classifier: Any) -> str:
    last = classifier.history_[classifier.best_epoch_ - 1]
    if "val_loss" not in last:
        return ""
    return (
        f"; epoch {last['epoch']:.0f} is kept, with {last['val_accuracy']:.1%} of the "
        "validation files right"
    )
