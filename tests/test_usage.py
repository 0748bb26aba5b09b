"""The lines that say what using the library looks like run as soon as their names exist.

Placeholders are replaced and data is cut to a few clips. A line that needs a name or a parameter
still to come is passed over; the test counts those that ran.
"""

import ast
import inspect
import re
import shutil

import numpy as np
import pytest
import torch

import genreclass
from genreclass import HandcraftedFeatures, MelCNNClassifier, MelSpectrogram, OpenJMLAEncoder
from genreclass.datasets import make_clips
from genreclass.evaluation import GenreReport
from genreclass.models._pretrained_networks import JMLASize, jmla_shapes

# Parameters the page shows and a later step brings; this list must shrink, never hide a typo.
LATER_PARAMETERS = {"train"}

# Methods of objects that are there, which a later step brings.
LATER_METHODS = {"to_html"}

# Names the page imports and a later step brings.
LATER_NAMES = (
    "HybridCNNXGB",
    "find_leaks",
    "make_genre_ensemble",
)

# Excerpts of FMA's tables, and what the tables are called.
FMA_TABLES = {
    "metadata/tracks_slice.csv": "tracks.csv",
    "metadata/genres.csv": "genres.csv",
    "features/fma_mfcc140_2000.csv": "features.csv",
}


def _python_lines(page: str) -> ast.Module:
    block = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    return ast.parse(block)


class _Adapt(ast.NodeTransformer):
    """Leaves out parameters of later steps, and trains for two epochs at most."""

    def visit_keyword(self, node):
        self.generic_visit(node)
        if node.arg in LATER_PARAMETERS:
            return None
        if node.arg == "max_epochs":
            node.value = ast.Constant(2)
        return node


def _existing(node: ast.ImportFrom) -> list[ast.alias]:
    module = __import__(node.module, fromlist=["_"])
    return [alias for alias in node.names if hasattr(module, alias.name)]


def test_what_is_passed_over_is_still_to_come():
    assert not LATER_PARAMETERS & set(inspect.signature(MelCNNClassifier).parameters)
    assert not LATER_PARAMETERS & set(inspect.signature(genreclass.evaluate).parameters)
    assert not LATER_METHODS & set(dir(GenreReport))


@pytest.fixture
def small_openjmla(tmp_path, monkeypatch):
    """An OpenJMLA of two layers of 8 numbers, with random weights in epoch_20.pth."""
    monkeypatch.setattr(OpenJMLAEncoder, "_size", JMLASize(width=8, n_heads=2, n_layers=2))
    shapes = jmla_shapes(OpenJMLAEncoder._size)
    weights = {name: 0.5 * torch.randn(shape) for name, shape in shapes.items()}
    torch.save({"state_dict": weights}, tmp_path / "epoch_20.pth")


def test_lines_whose_names_exist_run(shared, gtzan, small_openjmla, tmp_path, monkeypatch):
    page = (shared / "usage.md").read_text(encoding="utf-8")
    clip = gtzan / "genres_original" / "jazz" / "jazz.00000.ogg"
    page = page.replace('"GTZAN"', repr(str(gtzan))).replace('"song.mp3"', repr(str(clip)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fma_metadata").mkdir()
    for table, name in FMA_TABLES.items():
        shutil.copy(shared / "data" / "fma" / table, tmp_path / "fma_metadata" / name)

    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")
    names = {}
    ran, passed_over = [], []
    for statement in _Adapt().visit(_python_lines(page)).body:
        if isinstance(statement, ast.ImportFrom):
            if statement.module.startswith("genreclass"):
                statement.names = _existing(statement)
            if not statement.names:
                continue
        else:
            used = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
            stored = {
                n.id
                for n in ast.walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            methods = {n.attr for n in ast.walk(statement) if isinstance(n, ast.Attribute)}
            if used - stored - set(names) or methods & LATER_METHODS:
                passed_over.append(ast.unparse(statement))
                continue
        code = compile(ast.fix_missing_locations(ast.Module([statement], [])), "usage.md", "exec")
        exec(code, names)
        ran.append(ast.unparse(statement))
        _cut(names)
    assert len(ran) >= 36, ran
    to_come = [name for name in LATER_NAMES if not hasattr(genreclass, name)]
    for line in passed_over:  # each for a reason: it stands on a name that is still to come
        assert any(name in line for name in (*to_come, *LATER_METHODS)), line


def _cut(names):
    """Keep two clips of each genre, so that every line takes seconds."""
    for name in ("train", "valid"):
        if name in names and len(names[name].data) > 6:
            bunch = names[name]
            rows = _first_of_each(bunch.target)
            bunch.data = [bunch.data[i] for i in rows]
            bunch.target, bunch.groups = bunch.target[rows], bunch.groups[rows]
    if "X" in names and len(names["X"]) > 6:
        rows = _first_of_each(names["y"])
        names["X"], names["y"] = [names["X"][i] for i in rows], names["y"][rows]


def _first_of_each(target):
    return np.concatenate([np.flatnonzero(target == genre)[:2] for genre in np.unique(target)])


@pytest.mark.parametrize("estimator", [MelSpectrogram, MelCNNClassifier, HandcraftedFeatures])
def test_hyper_parameters_are_keyword_only(estimator):
    parameters = inspect.signature(estimator.__init__).parameters.values()
    assert {p.kind for p in parameters if p.name != "self"} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_default_network_predicts_genres_it_was_taught():
    clips = make_clips(6, n_genres=3, duration=0.5, random_state=0)
    clf = MelCNNClassifier(channels=(4,), max_epochs=1, random_state=0)
    predicted = clf.fit(clips.data, clips.target).predict(clips.data)
    assert len(predicted) == 6
    assert set(predicted) <= set(clips.target_names)
