"""The command line: a module for each command."""

from genreclass.cli._app import app
from genreclass.cli._demo import demo
from genreclass.cli._download import download
from genreclass.cli._evaluate import evaluate
from genreclass.cli._features import features
from genreclass.cli._info import info
from genreclass.cli._predict import predict
from genreclass.cli._resume import resume
from genreclass.cli._train import train

__all__ = ["app"]

# As --help lists them.
for _command in (demo, train, resume, predict, evaluate, features, download, info):
    app.command()(_command)
