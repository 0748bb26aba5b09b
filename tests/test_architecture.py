"""Every module looks only to its left."""

import ast
from pathlib import Path

import genreclass

ORDER = (
    "exceptions",
    "durable",
    "home",
    "fingerprint",
    "progress",
    "memory",
    "ahead",
    "audio",
    "dsp",
    "features",
    "weights",
    "networks",
    "training",
    "models",
    "datasets",
    "evaluation",
    "persistence",
    "cli",
)
PACKAGE = Path(genreclass.__file__).parent


def _imports(path: Path) -> set[str]:
    """Names of modules a file imports, wherever in it, except for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _modules() -> list[tuple[str, Path]]:
    """The first-level module each source file belongs to."""
    return [
        (path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path)
        for path in PACKAGE.rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py") or path.parent != PACKAGE
    ]


def test_every_module_has_a_place_in_the_order():
    assert {module for module, _ in _modules()} == set(ORDER)


def test_no_import_points_to_the_right():
    for module, path in _modules():
        for name in _imports(path):
            if name.startswith("genreclass.") and module != "cli":
                target = name.split(".")[1]
                assert ORDER.index(target) <= ORDER.index(module), f"{path} imports {name}"


def test_signal_maths_and_networks_know_no_scikit_learn():
    for module, path in _modules():
        if module in ("dsp", "networks"):
            assert not any(name.startswith("sklearn") for name in _imports(path)), path


def test_torchaudio_is_imported_in_one_place():
    naming = {
        path.name
        for _, path in _modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Constant) and node.value == "torchaudio")
        or (isinstance(node, ast.Import) and "torchaudio" in [a.name for a in node.names])
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torchaudio"))
    }
    assert naming == {"_torchaudio.py"}
