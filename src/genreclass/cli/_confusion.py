"""The confusion matrix of a report, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from genreclass.audio import printable
from genreclass.durable import replacing

if TYPE_CHECKING:
    from genreclass.evaluation import GenreReport

__all__ = ["confusion_table", "draw_confusion"]


def confusion_table(report: GenreReport) -> Table:
    """Clips of each genre (row) taken for each genre (column)."""
    table = Table(title="Confusion matrix: clips of a genre (row) taken for a genre (column)")
    table.add_column("")
    for genre in report.confusion.columns:
        table.add_column(Text(printable(str(genre))), justify="right")
    for genre, counts in report.confusion.iterrows():
        cells = [
            Text(str(count), style="bold" if taken_for == genre else "")
            for taken_for, count in counts.items()
        ]
        table.add_row(Text(printable(str(genre))), *cells)
    return table


def draw_confusion(report: GenreReport, picture: Path) -> None:
    """Draw the confusion matrix to a PNG file."""
    import matplotlib as mpl

    from genreclass.evaluation import GenreConfusionDisplay

    mpl.use("agg")  # a file needs no window
    display = GenreConfusionDisplay.from_predictions(
        report.predictions["genre"], report.predictions["predicted"]
    )
    with replacing(picture) as file:
        display.figure_.savefig(file, dpi=150, format="png")
