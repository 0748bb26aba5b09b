"""``genreclass download``: pretrained weights, to have them before there is no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genreclass.audio import printable
from genreclass.cli._app import DebugOption, plain_errors
from genreclass.cli._terminal import note, shows_progress

if TYPE_CHECKING:
    from genreclass.weights import PublishedWeights

__all__ = ["download", "have_weights"]


@plain_errors
def download(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Which weights: openjmla.", show_default=False),
    ],
    debug: DebugOption = False,
) -> None:
    """Download pretrained weights from the Hugging Face hub, once.

    genreclass download openjmla

    fetches the audio encoder of OpenJMLA (346 MB) and prints the path of its file. Nothing needs a
    network afterwards. Ctrl+C interrupts; the same command goes on where it was.

    The weights are their authors', under their licence: they are no part of genreclass, which never
    passes them on. GENRECLASS_HOME or HF_HOME says where they are kept.
    """
    from genreclass.weights import OPENJMLA, converted_path

    published = next((p for p in (OPENJMLA,) if name in (p.short_name, p.name)), None)
    if published is None:
        raise typer.BadParameter(
            f"there are no weights called {name!r}. Give {OPENJMLA.short_name}.", param_hint="NAME"
        )
    path = converted_path(published)
    if path.is_file():
        note(f"{published.name} is there already.")
    else:
        path = _download(published)
    typer.echo(printable(path))


def have_weights(estimator: Any) -> None:
    """Download the weights that an estimator needs and that are not there yet.

    Raises
    ------
    WeightsError, WeightsNotFoundError or OSError
        As `download_weights`.
    """
    from genreclass.weights import OPENJMLA, converted_path

    named = getattr(estimator, "weights", None) == OPENJMLA.name
    if named and not hasattr(estimator, "encoder_") and not converted_path(OPENJMLA).is_file():
        _download(OPENJMLA)


def _download(published: PublishedWeights) -> Path:
    """Say what comes from where, and download it."""
    from genreclass.weights import converted_path, download_weights

    note(
        f"{published.filename} of {published.name} on the Hugging Face hub, "
        f"{published.n_bytes / 1e6:.0f} MB. Licence: {published.licence}. It is no part of "
        f"genreclass, which never passes it on. Kept in "
        f"{printable(converted_path(published).parent)}"
    )
    return download_weights(published, expected=_find_shapes(), visible=shows_progress())


def _find_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight that has to be in the file."""
    from genreclass.models._pretrained_networks import jmla_shapes

    return jmla_shapes()
