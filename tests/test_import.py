"""What ``import genreclass`` costs."""

import subprocess
import sys


def _run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_import_loads_neither_torch_nor_scikit_learn():
    heavy = "torch", "sklearn", "numpy", "librosa", "xgboost", "pandas"
    loaded = _run(f"import sys, genreclass; print([m for m in {heavy} if m in sys.modules])")
    assert loaded.strip() == "[]"


def test_every_public_name_resolves_and_is_listed():
    code = "import genreclass as g; print([n for n in g.__all__ if n not in dir(g)]); "
    code += "[getattr(g, n) for n in g.__all__]; print(g.__version__)"
    missing, version = _run(code).split("\n")[:2]
    assert missing == "[]"
    assert version[0].isdigit()


def test_an_unknown_name_is_an_attribute_error():
    code = "import genreclass\ntry: genreclass.nothing\nexcept AttributeError as e: print(e)"
    assert "no attribute 'nothing'" in _run(code)
