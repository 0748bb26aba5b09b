"""``python -m genreclass`` is ``genreclass``."""

from genreclass.cli import app

if __name__ == "__main__":
    app(prog_name="genreclass")
