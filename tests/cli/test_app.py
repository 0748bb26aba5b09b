"""The application as a whole: help, version, errors, exit codes, completion."""

import subprocess
import sys

import pytest

import genreclass

COMMANDS = ("demo", "train", "resume", "predict", "evaluate", "features", "download", "info")


def test_no_command_shows_the_help(run):
    output = run().output
    assert "Classify music by genre" in output
    for command in COMMANDS:
        assert command in output


def test_version(run):
    assert run("--version").output == f"genreclass {genreclass.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_teaches(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--debug" in result.output
    if command in ("train", "predict", "evaluate", "features", "download"):
        assert f"genreclass {command} " in result.output  # an example


def test_exit_codes_are_in_the_help(run):
    output = " ".join(run("--help").output.replace("│", " ").split())
    assert "3 done, but some files could not be read and were skipped" in output


def test_an_unknown_command_is_named(run):
    result = run("predcit")
    assert result.exit_code == 2
    assert "predcit" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered(process, shell):
    # typer's own switch for naming the shell instead of looking for it among the parents
    result = process("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert result.returncode == 0
    assert "_GENRECLASS_COMPLETE" in result.stdout


def test_an_error_is_one_line_without_traceback(process):
    result = process("evaluate", "nothing.genre", ".")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "nothing.genre does not exist" in result.stderr


def test_debug_shows_the_traceback(process):
    result = process("evaluate", "nothing.genre", ".", "--debug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_an_import_that_ctrl_c_broke_off_is_an_interruption(run, model, monkeypatch):
    def load(path):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:  # as C extensions do
            raise ImportError("initialization failed") from error

    monkeypatch.setattr(genreclass, "load", load)
    result = run("predict", "song.wav", "--model", model)
    assert result.exit_code == 130
    assert result.stderr == "Interrupted.\n"


def test_an_import_that_ctrl_c_broke_off_in_an_exec_exits_130(tmp_path):
    (tmp_path / "interrupted.py").write_text(
        "import sys\n"
        "from genreclass import __main__, cli\n"
        "def app(prog_name):\n"
        "    try:\n"
        "        exec('raise KeyboardInterrupt')\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(130)\n"
        "cli.app = app\n"
        "__main__.main()\n"
    )
    command = [sys.executable, "-m", "interrupted"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 130


@pytest.mark.parametrize("command", ["train", "features", "download"])
def test_help_needs_neither_torch_nor_scikit_learn(process, command):
    result = process(command, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert not {"torch", "sklearn", "matplotlib", "pandas", "xgboost"} & imported
