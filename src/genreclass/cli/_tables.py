"""Tables of features, as files: a row for each clip, a column for each number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from genreclass.audio import printable
from genreclass.durable import replacing

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DEFAULT_TARGET",
    "TABLE_SUFFIXES",
    "Table",
    "TargetOption",
    "as_text",
    "check_parquet",
    "check_target",
    "is_table",
    "read_table",
    "write_table",
]

TABLE_SUFFIXES = (".csv", ".parquet")

# The column of genres, where no other is named.
DEFAULT_TARGET = "genre"

TargetOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column of a table that holds the genres.",
        show_default=DEFAULT_TARGET,
        rich_help_panel="Options for a table",
    ),
]

# The column that says which clip a row is of.
_PATH = "path"

# Ways to write that a number is missing.
_GAPS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None")

# Names of columns told before the rest is only counted.
_NAMED = 5


@dataclass
class Table:
    """What was read of a table.

    Attributes
    ----------
    features : DataFrame of shape (n_rows, n_features), float32
        Its numbers.
    target : ndarray of shape (n_rows,), str
        Genres; empty where they were not asked for.
    names : list of str
        What each row is called: its path, or its place.
    other_columns : list of str
        Columns that are neither, by name.
    skipped : dict of str to str
        Rows with gaps, which are left out, and what they lack.
    """

    features: pd.DataFrame
    target: np.ndarray
    names: list[str]
    other_columns: list[str]
    skipped: dict[str, str]


def is_table(path: Path) -> bool:
    """Whether a path means a table of features, by its name."""
    return path.suffix.lower() in TABLE_SUFFIXES and not path.is_dir()


def check_target(target: str | None, music: Path) -> None:
    """--target means a column, which audio has not; raises typer.BadParameter."""
    if target is not None and not is_table(music):
        raise typer.BadParameter(
            "is for tables; the genre of an audio file is the name of its folder. Leave it out.",
            param_hint="--target",
        )


def check_parquet(option: str, path: Path) -> None:
    """Find out before the work begins whether Parquet can be handled, where it is asked for."""
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise typer.BadParameter(
            f'{path}: Parquet needs pyarrow. Install it with: pip install "genreclass[scale]", or '
            "use a .csv file.",
            param_hint=option,
        )


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or Parquet, by the ending of the name; numbers come back as they are."""
    with replacing(path) as file:
        if path.suffix.lower() == ".parquet":
            table.to_parquet(file, index=False)
        else:
            table.to_csv(file, index=False)  # as many digits as tell apart numbers of a type


def as_text(path: str) -> str:
    """A file name that any program can read: what is no valid text in it stands as an escape."""
    return path.encode("utf-8", "backslashreplace").decode()


def read_table(
    path: Path, *, target: str | None = None, columns: Sequence[str] | None = None
) -> Table:
    """Read the features in a table, and the genres.

    Parameters
    ----------
    path : Path
        A .csv or .parquet file.
    target : str or None
        The column of genres, if they are wanted.
    columns : sequence of str or None
        The columns of features; None takes all that hold numbers and have a name.

    Raises
    ------
    typer.BadParameter
        There is no column `target`, or no way to read Parquet.
    FileNotFoundError, ValueError
        There is no such file, it is no table, or `columns` are not in it.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    frame = _read(path, text_columns=[_PATH, *([] if target is None else [target])])
    if target is not None and target not in frame:
        raise typer.BadParameter(
            f"{printable(path)} has no column {target!r} of genres. It has "
            f"{_list_some(list(frame))}. Give the name of the one that holds them.",
            param_hint="--target",
        )
    numbers = [
        name
        for name in frame
        if name not in (_PATH, target) and is_numeric_dtype(frame[name]) and not _is_nameless(name)
    ]
    if columns is None:
        columns = numbers
    _check_columns(path, columns, numbers, frame)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is left out
        values = frame[list(columns)].to_numpy(dtype=np.float32, na_value=np.nan)
    usable = np.isfinite(values)
    kept = usable.all(axis=1)
    genres = np.full(len(frame), "", dtype=object)
    if target is not None:
        genres = _as_texts(frame[target])
        kept &= genres != ""
    names = [f"{path}, row {row}" for row in range(1, len(frame) + 1)]
    if _PATH in frame:
        names = [given or name for given, name in zip(_as_texts(frame[_PATH]), names, strict=True)]
    skipped = {
        names[row]: f"{target if usable[row].all() else columns[usable[row].argmin()]} is missing"
        for row in np.flatnonzero(~kept)
    }
    return Table(
        features=pd.DataFrame(values[kept], columns=list(columns)),
        target=genres[kept].astype(str),
        names=[name for name, is_kept in zip(names, kept, strict=True) if is_kept],
        other_columns=[name for name in frame if name != target and name not in columns],
        skipped=skipped,
    )


def _read(path: Path, *, text_columns: Sequence[str]) -> pd.DataFrame:
    """All of a table, its column names as text; `text_columns` of a CSV are left as they stand."""
    import pandas as pd

    if not path.exists():
        raise FileNotFoundError(
            f"{printable(path)} does not exist. Check the path; relative ones start from "
            f"{Path.cwd()}."
        )
    check_parquet("TABLE", path)
    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
        else:
            names = pd.read_csv(path, nrows=0, encoding_errors="backslashreplace").columns
            frame = pd.read_csv(
                path,
                dtype=dict.fromkeys(text_columns, object),
                # A genre may be called "None", and a file "NA".
                keep_default_na=False,
                na_values={name: _GAPS for name in names if name not in text_columns},
                encoding_errors="backslashreplace",
                index_col=False,
                low_memory=False,
            )
    except (ValueError, OSError) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise ValueError(
            f"{printable(path)} cannot be read as a table: {reason}. Write it again."
        ) from error
    frame.columns = frame.columns.map(str)
    if not len(frame):
        raise ValueError(f"{printable(path)} holds no rows. Write it again.")
    return frame


def _check_columns(
    path: Path, columns: Sequence[str], numbers: Sequence[str], frame: pd.DataFrame
) -> None:
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ValueError(
            f"{printable(path)} lacks {len(missing)} of the {len(columns)} columns that the model "
            f"was trained on: {_list_some(missing)}. Make it as the other table was made."
        )
    text = [name for name in columns if name not in numbers]
    if text:
        raise ValueError(
            f"{printable(path)} holds text where numbers were expected, in {_list_some(text)}. "
            "Make it as the other table was made."
        )
    if not columns:
        raise ValueError(
            f"{printable(path)} holds no columns of numbers. Expected features, as genreclass "
            "features writes them."
        )


def _as_texts(column: pd.Series) -> np.ndarray:
    """The values as text, nothing where they are missing: (n_rows,), of Python's str."""
    return np.array(
        ["" if gap else str(value) for value, gap in zip(column, column.isna(), strict=True)],
        dtype=object,
    )


def _is_nameless(name: Any) -> bool:
    """Whether a column had no name: most often the row numbers, which pandas writes unasked."""
    return name == "" or name.startswith(("Unnamed: ", "__index_level_"))


def _list_some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    listed = ", ".join(printable(name) for name in names[:_NAMED])
    return f"{listed} and {rest} more" if rest > 0 else listed or "no columns"
