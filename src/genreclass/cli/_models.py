"""Models named on the command line, and what they take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from genreclass.audio import printable
from genreclass.cli._download import have_weights
from genreclass.cli._tables import is_table
from genreclass.exceptions import ModelFileError

__all__ = [
    "SHIPPED",
    "check_device",
    "check_inputs",
    "first_step",
    "load_classifier",
    "takes_tables",
    "without_rejection",
]

# The model that comes with the library.
SHIPPED = "gtzan"


def check_device(device: str) -> None:
    """What is asked for by name must be there; raises typer.BadParameter."""
    from genreclass.dsp import resolve_device

    try:
        resolve_device(device)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error


def load_classifier(path: Path | None, *, device: str) -> Any:
    """A model that takes audio files, or tables, and gives probabilities; None is the shipped one.

    Weights that it needs are downloaded, and a word said on it.
    """
    from genreclass import (
        HandcraftedFeatures,
        MelSpectrogram,
        MusiCNNEncoder,
        OpenJMLAEncoder,
        load,
        load_pretrained,
    )

    check_device(device)
    model = load_pretrained(SHIPPED) if path is None else load(path)
    if not hasattr(model, "predict_proba"):
        raise ModelFileError(
            f"{path} holds a {type(model).__name__}, which gives no genres. Give a model that "
            "genreclass train wrote."
        )
    first = first_step(model)
    of_files = (HandcraftedFeatures, MelSpectrogram, MusiCNNEncoder, OpenJMLAEncoder)
    if not isinstance(first, of_files) and not takes_tables(model):
        if getattr(first, "mel_", None) is None:
            what = "spectrograms" if hasattr(first, "mel_") else "columns without names"
            raise ModelFileError(
                f"{path} was trained on {what} and takes no files. Train one on clips, or on a "
                "DataFrame."
            )
        first.mel_.set_params(device=device)
    if not takes_tables(model):
        first.set_params(device=device, verbose=0)  # progress is shown here
        have_weights(first)
    return model


def takes_tables(model: Any) -> bool:
    """Whether a model takes rows of named columns, rather than audio files."""
    return hasattr(first_step(model), "feature_names_in_")


def check_inputs(option: str, paths: Sequence[Path], model: Any, model_path: Path | None) -> None:
    """Audio files are for models of audio, tables for models of tables; else typer.BadParameter."""
    for path in paths:
        if is_table(path) == takes_tables(model):
            continue
        name = printable(path)
        trained = "the shipped model" if model_path is None else printable(model_path)
        raise typer.BadParameter(
            f"{name} is a table, and {trained} was trained on audio. Give audio files, or train a "
            f"model on such a table: genreclass train {name} --model baseline --out FILE."
            if is_table(path)
            else f"{name} is no table, and {trained} was trained on one. Give a .csv or .parquet "
            f"file of the same columns, as: genreclass features {name} --out FILE.",
            param_hint=option,
        )


def first_step(model: Any) -> Any:
    """What comes first in a Pipeline, and in those within it; a model itself otherwise."""
    from sklearn.pipeline import Pipeline

    while isinstance(model := without_rejection(model), Pipeline):
        model = model[0]
    return model


def without_rejection(model: Any) -> Any:
    """The classifier within a RejectOption, which gives the same probabilities."""
    from genreclass import RejectOption

    return (
        getattr(model, "estimator_", model.estimator) if isinstance(model, RejectOption) else model
    )
