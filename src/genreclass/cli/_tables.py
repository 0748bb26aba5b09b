"""Tables of features, as files: a row for each clip, a column for each number."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import islice
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
    "LENGTH",
    "TABLE_SUFFIXES",
    "IgnoreOption",
    "Table",
    "TargetOption",
    "as_text",
    "check_ignore",
    "check_parquet",
    "check_target",
    "is_table",
    "list_some",
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

IgnoreOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Learn nothing from this column; repeatable.",
        rich_help_panel="Options for a table",
    ),
]

# The samples of each clip, a column of GTZAN's published table: of the file, and not of its sound.
LENGTH = "length"

# The column that says which clip a row is of.
_PATH = "path"

# Ways to write that a number is missing.
_GAPS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None")

# Share of a column's cells that are numbers, from which on the others are mistakes in it. Below it
# is a column of text.
_NEARLY_ALL = 0.9

# What may stand between the cells of a CSV; the first where all do as well.
_SEPARATORS = (",", ";", "\t")

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
        Rows with gaps or text among the numbers, which are left out, and what they lack.
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


def check_ignore(ignore: Sequence[str], music: Path) -> None:
    """--ignore means columns, which audio has not; raises typer.BadParameter."""
    if ignore and not is_table(music):
        raise typer.BadParameter(
            "is for columns of tables, and audio has none. Leave it out.", param_hint="--ignore"
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
    path: Path,
    *,
    target: str | None = None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> Table:
    """Read the features in a table, and the genres.

    Parameters
    ----------
    path : Path
        A .csv or .parquet file.
    target : str or None
        The column of genres, if they are wanted.
    columns : sequence of str or None
        The columns of features; None takes all that hold numbers and have a name, `length` and
        those in `ignore` aside.
    ignore : sequence of str
        Columns that are no features.

    Raises
    ------
    typer.BadParameter
        There is no column `target`, none of a name in `ignore`, no way to read Parquet, or it is
        one of FMA's own tables.
    FileNotFoundError, ValueError
        There is no such file, it is no table, or `columns` are not in it.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    frame = _read(path, text_columns=[_PATH, *([] if target is None else [target])])
    if target is not None and target not in frame:
        raise typer.BadParameter(
            f"{printable(path)} has no column {target!r} of genres. It has "
            f"{list_some(list(frame))}. Give the name of the one that holds them.",
            param_hint="--target",
        )
    for name in ignore:
        if name not in frame or name == target:
            raise typer.BadParameter(_describe_ignored(path, name, frame), param_hint="--ignore")
    if columns is None:
        apart = (_PATH, target, LENGTH, *ignore)
        named = [name for name in frame if name not in apart and not _is_nameless(name)]
        given = _make_numbers(frame, named, least=_NEARLY_ALL)
        columns = [name for name in named if is_numeric_dtype(frame[name])]
    else:
        given = _make_numbers(frame, columns, least=0)
    _check_columns(path, columns, frame)
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
    skipped = {}
    for row in np.flatnonzero(~kept).tolist():
        lacking, value = target, None
        if not usable[row].all():
            lacking = columns[usable[row].argmin()]
            value = given.get(lacking, frame[lacking]).iloc[row]
        fault = "missing" if pd.isna(value) else f"{str(value)!r:.40}, which is no finite number"
        skipped[names[row]] = f"{lacking} is {fault}"
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
            frame = _read_csv(path, text_columns)
    except (ValueError, OSError, csv.Error) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise ValueError(
            f"{printable(path)} cannot be read as a table: {reason}. Write it again."
        ) from error
    frame.columns = frame.columns.map(str)
    if not len(frame):
        raise ValueError(f"{printable(path)} holds no rows. Write it again.")
    return frame


def _read_csv(path: Path, text_columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    with path.open(encoding="utf-8", errors="backslashreplace", newline="") as file:
        lines = list(islice(file, 4))
    if any(line.startswith("track_id,") for line in lines[1:]):
        raise typer.BadParameter(
            f"{printable(path)} is FMA's own table, whose header is several lines high. Load its "
            "folder in Python, with genreclass.datasets.load_fma, or give a table with one line of "
            "names and a column of genres.",
            param_hint="TABLE",
        )
    separator = max(
        _SEPARATORS,
        key=lambda mark: max(map(len, csv.reader(lines[:1], delimiter=mark)), default=0),
    )
    # Where a comma is the decimal mark, spreadsheets put other marks between cells.
    has_commas = separator != "," and re.search(r"\d,\d", "".join(lines[1:]))
    dialect: dict[str, Any] = {
        "sep": separator,
        "decimal": "," if has_commas else ".",
        "encoding_errors": "backslashreplace",
    }
    names = pd.read_csv(path, nrows=0, **dialect).columns
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(
                path,
                dtype=dict.fromkeys(text_columns, object),
                # A genre may be called "None", and a file "NA".
                keep_default_na=False,
                na_values={name: _GAPS for name in names if name not in text_columns},
                index_col=False,
                low_memory=False,
                **dialect,
            )
        except pd.errors.ParserWarning as warning:
            raise ValueError("its rows have more cells than its header") from warning


def _describe_ignored(path: Path, name: str, frame: pd.DataFrame) -> str:
    if name in frame:
        return f"{name!r} is the column of genres. Ignore others, or name another with --target."
    near = get_close_matches(name, list(frame))
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return (
        f"{printable(path)} has no column {name!r}. {hint or f'It has {list_some(list(frame))}.'}"
    )


def _make_numbers(
    frame: pd.DataFrame, columns: Iterable[str], *, least: float
) -> dict[str, pd.Series]:
    """Make numbers of columns of text of which that share is numbers, in `frame` itself.

    Returns
    -------
    dict of str to Series
        These columns as they were given. What is no number in them is a gap now.
    """
    import pandas as pd

    given = {}
    for name in columns:
        if name not in frame or pd.api.types.infer_dtype(frame[name], skipna=True) != "string":
            continue
        numbers = pd.to_numeric(frame[name], errors="coerce")
        n_numbers = int(numbers.notna().sum())
        if n_numbers and n_numbers >= least * frame[name].notna().sum():
            given[name], frame[name] = frame[name], numbers
    return given


def _check_columns(path: Path, columns: Sequence[str], frame: pd.DataFrame) -> None:
    from pandas.api.types import is_numeric_dtype

    missing = [name for name in columns if name not in frame]
    if missing:
        raise ValueError(
            f"{printable(path)} lacks {len(missing)} of the {len(columns)} columns that the model "
            f"was trained on: {list_some(missing)}. Make it as the other table was made."
        )
    text = [name for name in columns if not is_numeric_dtype(frame[name])]
    if text:
        raise ValueError(
            f"{printable(path)} holds text where numbers were expected, in {list_some(text)}. "
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


def list_some(names: Sequence[str]) -> str:
    """Names of columns, the first ones at least."""
    rest = len(names) - _NAMED
    listed = ", ".join(printable(name) for name in names[:_NAMED])
    return f"{listed} and {rest} more" if rest > 0 else listed or "no columns"
