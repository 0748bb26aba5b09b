"""The project's tasks: ``nox -s demo | tests | lint | types | docs | build``.

All sessions run in the one environment nox itself was installed into (README's ``.venv``), so that
torch is installed once.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "types", "docs", "build"]

ROOT = Path(__file__).parent


def python(session: nox.Session, *arguments: str, **options: object) -> None:
    session.run(sys.executable, *arguments, external=True, **options)


def install(session: nox.Session, *extras: str) -> None:
    project = f".[{','.join(extras)}]" if extras else "."
    python(session, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "-e", project)


@nox.session
def demo(session: nox.Session) -> None:
    """Classify the bundled clips and print a report."""
    install(session)
    python(session, "-m", "genreclass", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests and the docstrings' examples."""
    install(session, "tests")
    python(session, "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "lint")
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the annotations of the package."""
    install(session, "lint")
    python(session, "-m", "mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "docs")
    python(session, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel, and run the demo from the wheel alone."""
    install(session, "build")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    python(session, "-m", "build", "--outdir", "dist", ".")
    (wheel,) = (ROOT / "dist").glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        # The unpacked wheel comes before the source tree on the path; nothing of the tree is near.
        with session.chdir(folder):
            env = {"PYTHONPATH": folder}
            where = "import genreclass, pathlib; print(pathlib.Path(genreclass.__file__).parent)"
            python(session, "-c", where, env=env)
            python(session, "-m", "genreclass", "demo", env=env)
