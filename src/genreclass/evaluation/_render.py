"""A report as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

import html
import math
import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from genreclass.audio import printable

if TYPE_CHECKING:
    from genreclass.evaluation._report import GenreReport

__all__ = ["report_as_html", "report_as_text"]

_WIDTH = 80  # columns of a terminal
_NAME_WIDTH = 24
_MAX_PAIRS = 10
_MAX_CLIPS = 3  # shown behind a pair
_MAX_MATRIX = 50  # genres; a larger confusion matrix is no picture any more


def report_as_text(report: GenreReport) -> str:
    """A report in lines of at most 80 columns."""
    parts = [
        _headline(report),
        _figure_lines(report),
        _genre_lines(report),
        _pair_lines(report, _Clips(report)),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def report_as_html(report: GenreReport) -> str:
    """A report as one HTML element that needs nothing from outside."""
    headline, *remarks = map(_escape, _headline(report))
    return "".join(
        [
            f'<div class="genreclass-report"><style>{_STYLE}</style>',
            f"<p><strong>{headline}</strong>",
            *(f"<br>{remark.strip()}" for remark in remarks),
            "</p>",
            _figures_html(report),
            _genres_html(report),
            _confusion_html(report),
            _pairs_html(report, _Clips(report)),
            "</div>",
        ]
    )


def _headline(report: GenreReport) -> list[str]:
    """Accuracy first, with the interval that holds; then what to know about it."""
    clips = _count(report.n_clips, "clip")
    if report.group_interval is None or report.n_groups is None:
        return [f"Accuracy {_with_interval(report.accuracy, *report.interval)}, {clips}"]
    low, high = report.interval
    return [
        f"Accuracy {_with_interval(report.accuracy, *report.group_interval)}, {clips} of "
        f"{_count(report.n_groups, 'group')}",
        f"  (were clips of a group independent: {_percent(low)} to {_percent(high)})",
    ]


def _figures(report: GenreReport) -> Iterator[tuple[str, str, str]]:
    """Name, value and remark of each figure under the headline."""
    yield "Balanced accuracy", f"{_percent(report.balanced_accuracy)}%", "mean recall"
    yield "Macro F1", f"{report.macro_f1:.3f}", ""
    if report.calibration_error_if_calibrated is not None:
        low, high = report.calibration_error_if_calibrated
        yield (
            "Calibration error",
            f"{report.calibration_error:.3f}",
            f"{low:.3f} to {high:.3f} if perfectly calibrated",
        )
        yield "Brier score", f"{report.brier_score:.3f}", "0 is best, 2 worst"
        yield "Log loss", f"{report.log_loss:.3f}", "0 is best"


def _figure_lines(report: GenreReport) -> list[str]:
    lines = [f"{name:<17}  {value:>7}  {remark}" for name, value, remark in _figures(report)]
    lines = [line.rstrip() for line in lines]
    if unknown := _unknown(report):
        lines += ["", *_wrap(unknown)]
    return lines


def _unknown(report: GenreReport) -> str:
    if not report.unknown_genres:
        return ""
    names, counts = _short_names(report), report.per_genre["n_clips"]
    genres = ", ".join(
        f"{names[genre]} ({_count(counts[genre], 'clip')})" for genre in report.unknown_genres
    )
    return f"Not known to the classifier, so always wrong: {genres}"


def _genre_lines(report: GenreReport) -> list[str]:
    names = _short_names(report)
    width = max(len("Genre"), *map(cell_len, names.values()))
    lines = [
        f"{'Genre':<{width}}  Clips  Recall (interval)  Precision (interval)     F1",
    ]
    for row in report.per_genre.itertuples():
        recall = _cell(row.recall, row.recall_low, row.recall_high)
        precision = _cell(row.precision, row.precision_low, row.precision_high)
        lines.append(
            f"{_pad(names[row.Index], width)}  {row.n_clips:>5}  {recall:<17}  {precision:<20}  "
            + ("    -" if row.f1 != row.f1 else f"{row.f1:.3f}")
        )
    return lines


def _pair_lines(report: GenreReport, clips: _Clips) -> list[str]:
    pairs = report.confused_pairs
    if pairs.empty:
        return ["No clip was taken for another genre."]
    names, counts = _short_names(report), report.per_genre["n_clips"]
    lines = [f"Most confused{clips.below(_WIDTH - len('Most confused'))}"]
    for pair in pairs.head(_MAX_PAIRS).itertuples():
        genre, predicted = names[pair.genre], names[pair.predicted]
        lines.append(f"{pair.n_clips:>5} of {counts[pair.genre]} {genre} taken for {predicted}")
        lines.append(" " * 6 + clips.first(pair.clips, _WIDTH - 6))
    if len(pairs) > _MAX_PAIRS:
        rest = pairs.iloc[_MAX_PAIRS:]
        lines.append(
            f"      and {_count(rest['n_clips'].sum(), 'clip')} in "
            f"{_count(len(rest), 'pair')} more: see confused_pairs"
        )
    return lines


class _Clips:
    """How clips are named: paths from the deepest folder that holds all of them."""

    def __init__(self, report: GenreReport) -> None:
        self.folder = _common_folder(report.predictions["clip"].tolist())

    def below(self, width: int) -> str:
        """Where paths start, with a space before it."""
        if not self.folder:
            return ""
        return f" (files in {_shorten(printable(self.folder), width - len(' (files in )'))})"

    def name(self, clip: Any) -> str:
        if not isinstance(clip, str):
            return f"clip {clip}"
        if not self.folder:
            return printable(clip)
        return printable(clip[len(self.folder) :].lstrip("/\\"))

    def first(self, clips: list[Any], width: int) -> str:
        """The first clips in one line, as many as fit, at least one."""
        shown: list[str] = []
        for clip in clips[:_MAX_CLIPS]:
            line = ", ".join([*shown, self.name(clip)]) + _more(len(clips) - len(shown) - 1)
            if shown and cell_len(line) > width:
                break
            shown.append(self.name(clip))
        more = _more(len(clips) - len(shown))
        return _shorten(", ".join(shown), width - len(more)) + more


def _common_folder(clips: list[Any]) -> str:
    """The deepest folder that holds all clips; empty where they are no files of one folder."""
    if not all(isinstance(clip, str) for clip in clips):
        return ""
    try:
        folder = os.path.commonpath([os.path.dirname(clip) for clip in clips])
    except ValueError:  # relative and absolute, or on several drives
        return ""
    # A path that is not as commonpath writes it (a//b) would be cut at the wrong place.
    return folder if len(folder) > 1 and all(clip.startswith(folder) for clip in clips) else ""


def _figures_html(report: GenreReport) -> str:
    rows = [
        f"<tr><th>{_escape(name)}</th><td>{_escape(value)}</td>"
        f'<td class="gr-note">{_escape(remark)}</td></tr>'
        for name, value, remark in _figures(report)
    ]
    unknown = _unknown(report)
    return f"<table>{''.join(rows)}</table>" + (f"<p>{_escape(unknown)}</p>" if unknown else "")


def _genres_html(report: GenreReport) -> str:
    rows = [
        f"<tr>{_name_cell(row.Index)}<td>{row.n_clips}</td>"
        f"{_bar(row.recall, row.recall_low, row.recall_high)}"
        f"{_bar(row.precision, row.precision_low, row.precision_high)}"
        f"<td>{'-' if row.f1 != row.f1 else f'{row.f1:.3f}'}</td></tr>"
        for row in report.per_genre.itertuples()
    ]
    return (
        "<table><thead><tr><th>Genre</th><th>Clips</th>"
        '<th colspan="2">Recall (95% interval)</th>'
        '<th colspan="2">Precision (95% interval)</th><th>F1</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _name_cell(genre: Any) -> str:
    name = _escape(genre)
    return f'<th class="gr-name" title="{name}">{name}</th>'


def _bar(share: float, low: float, high: float) -> str:
    """Two cells: the numbers, and a bar with the interval as a line over it."""
    if share != share:
        return '<td>-</td><td class="gr-scale"></td>'
    return (
        f"<td>{_cell(share, low, high)}</td>"
        f'<td class="gr-scale"><div class="gr-bar"><i style="width:{_percent(share)}%"></i>'
        f'<b style="left:{_percent(low)}%;width:{_percent(high - low)}%"></b></div></td>'
    )


def _confusion_html(report: GenreReport) -> str:
    if len(report.genres) > _MAX_MATRIX:
        return ""
    names = _short_names(report)
    head = "".join(f"<th><span>{_escape(names[genre])}</span></th>" for genre in report.genres)
    rows = []
    totals = report.per_genre["n_clips"].tolist()
    counts = report.confusion.to_numpy().tolist()
    for row, genre in enumerate(report.genres):
        cells = [
            f'<td class="{"gr-hit" if row == column else "gr-miss"}" '
            f'style="--shade:{0.75 * math.sqrt(count / totals[row]):.2f}">{count}</td>'
            if count
            else "<td></td>"
            for column, count in enumerate(counts[row])
        ]
        rows.append(f"<tr>{_name_cell(genre)}{''.join(cells)}</tr>")
    return (
        '<p class="gr-note">Clips of a genre (row) taken for a genre (column)</p>'
        '<div class="gr-wide"><table class="gr-matrix">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pairs_html(report: GenreReport, clips: _Clips) -> str:
    pairs = report.confused_pairs
    if pairs.empty:
        return "<p>No clip was taken for another genre.</p>"
    rows = [
        f"<tr>{_name_cell(pair.genre)}{_name_cell(pair.predicted)}<td>{pair.n_clips}</td>"
        f'<td>{_percent(pair.share)}%</td><td class="gr-text">'
        f"{_escape(clips.first(pair.clips, _WIDTH))}</td></tr>"
        for pair in pairs.head(_MAX_PAIRS).itertuples()
    ]
    return (
        f'<p class="gr-note">Most confused{_escape(clips.below(2 * _WIDTH))}</p>'
        '<div class="gr-wide"><table><thead><tr><th>Genre</th><th class="gr-text">Taken for</th>'
        '<th>Clips</th><th>Share</th><th class="gr-text">First clips</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


# Colours are mixed into whatever lies behind, so that they suit a light and a dark page.
_STYLE = """
.genreclass-report{font-size:13px;line-height:1.4}
.genreclass-report p{margin:.6em}
.genreclass-report table{border-collapse:collapse;margin:.6em 0;border:0;font-size:inherit;
color:inherit}
.genreclass-report th,.genreclass-report td{padding:.15em .6em;border:0;text-align:right;
font-weight:normal;vertical-align:middle;white-space:nowrap;background:none;color:inherit;
max-width:none}
.genreclass-report th:first-child,.genreclass-report thead th[colspan],
.genreclass-report .gr-name,.genreclass-report .gr-note,.genreclass-report .gr-text{text-align:left}
.genreclass-report thead th{border-bottom:1px solid rgba(128,128,128,.5);font-weight:600}
.genreclass-report .gr-name{max-width:16em;overflow:hidden;text-overflow:ellipsis}
.genreclass-report .gr-note{opacity:.75}
.genreclass-report td.gr-text{white-space:normal;min-width:20em;overflow-wrap:anywhere}
.genreclass-report td.gr-scale{padding-left:0}
.genreclass-report .gr-bar{position:relative;width:90px;height:10px;
background:rgba(128,128,128,.2)}
.genreclass-report .gr-bar i{position:absolute;left:0;top:0;height:10px;
background:rgba(66,133,244,.65)}
.genreclass-report .gr-bar b{position:absolute;top:4px;height:2px;background:currentColor}
.genreclass-report .gr-wide{overflow-x:auto}
.genreclass-report .gr-matrix thead th{vertical-align:bottom;padding:.3em}
.genreclass-report .gr-matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg);
display:inline-block;text-align:left;font-weight:normal}
.genreclass-report .gr-matrix td{text-align:center;min-width:1.6em;padding:.15em .3em;
border:1px solid rgba(128,128,128,.2)}
.genreclass-report .gr-hit{background:rgba(66,133,244,var(--shade))}
.genreclass-report .gr-miss{background:rgba(234,67,53,var(--shade))}
"""


def _escape(value: Any) -> str:
    return html.escape(printable(str(value)))


def _short_names(report: GenreReport) -> dict[Any, str]:
    """Names of genres that fit a table; those that would be the same end in a number."""
    names = {genre: printable(str(genre)) for genre in report.genres}
    short = {genre: _shorten(name, _NAME_WIDTH) for genre, name in names.items()}
    shared = {name for name, count in Counter(short.values()).items() if count > 1}
    numbers: Counter[str] = Counter()
    for genre, name in short.items():
        if name in shared:
            numbers[name] += 1
            mark = f" #{numbers[name]}"
            short[genre] = _shorten(names[genre], _NAME_WIDTH - len(mark)) + mark
    return short


def _shorten(text: str, width: int) -> str:
    """Text with its middle left out, where it is longer than `width` columns."""
    if cell_len(text) <= width:
        return text
    left, right = text[:width], ""
    while cell_len(left) > (width - 3) // 2:
        left = left[:-1]
    for character in reversed(text):  # the end tells more: the name of a file
        if cell_len(left) + 3 + cell_len(character + right) > width:
            break
        right = character + right
    return f"{left}...{right}"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _wrap(text: str) -> list[str]:
    """Lines of words; unlike textwrap's, by the columns that they take."""
    first, *rest = text.split(" ")
    lines = [first]
    for word in rest:
        if cell_len(f"{lines[-1]} {word}") <= _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return lines


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _more(n: int) -> str:
    return f" and {n} more" if n > 0 else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _with_interval(share: float, low: float, high: float) -> str:
    return f"{_percent(share)}% (95% interval {_percent(low)} to {_percent(high)})"


def _cell(share: float, low: float, high: float) -> str:
    if share != share:
        return "    -"
    return f"{_percent(share):>5} ({100 * low:.0f} to {100 * high:.0f})"
