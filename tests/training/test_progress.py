"""What is seen of a training run while it runs."""

import copy
import io
import math
import re
from contextlib import suppress

import pytest
import torch
from torch import nn

from genreclass.training import TrainingPlan, TrainingState, _progress, train
from genreclass.training._progress import TrainingProgress

# rich goes to the start of its first line and clears what it drew.
REDRAWN = "\r\x1b[2K\x1b[1A\x1b[2K"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class _Clock:
    now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class _Screen(io.StringIO):
    def isatty(self):
        return True

    def frames(self):
        """The lines of each drawing, as they are read."""
        drawings = self.getvalue().split(REDRAWN)
        return [
            [line.strip("\r") for line in ESCAPES.sub("", drawing).split("\n")[:2]]
            for drawing in drawings
        ]


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(_progress, "monotonic", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    """Makes stderr a terminal of so many columns."""

    def make(columns):
        screen = _Screen()
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")  # what is left to do of a bar is blank then
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        return screen

    return make


@pytest.fixture(autouse=True)
def half_a_gigabyte(monkeypatch):
    """What this process seems to take."""
    monkeypatch.setattr(_progress, "process_memory", lambda: 512_000_000)


def _start(*, n_examples=21, max_epochs=10, patience=None):
    """A run of five batches an epoch, where there are 21 examples."""
    plan = TrainingPlan(
        max_epochs=max_epochs,
        batch_size=5,
        learning_rate=2e-3,
        weight_decay=0.0,
        schedule=None,
        patience=patience,
    )
    return TrainingState(_network(), plan, n_examples=n_examples, seed=0)


def _network():
    network = nn.Linear(2, 2)
    nn.init.eye_(network.weight)
    nn.init.zeros_(network.bias)
    return network


class _Examples:
    """Takes two seconds a batch."""

    def __init__(self, clock, n_examples, seconds=2.0):
        self._clock = clock
        self._n_examples = n_examples
        self._seconds = seconds

    def __len__(self):
        return self._n_examples

    are_far = False
    home = torch.device("cpu")

    def batch(self, indices, places):
        self._clock.advance(self._seconds)
        inputs = torch.stack([indices % 2, 1 - indices % 2], dim=1).float()
        return inputs, indices % 2


def _validate(clock, losses=None, seconds=10.0):
    losses = iter(losses or [0.9 - 0.01 * epoch for epoch in range(1000)])

    def validate(network, meanwhile):
        clock.advance(seconds)
        return next(losses), 0.75

    return validate


class _InterruptedError(Exception):
    pass


def _run(state, clock, *, seconds=2.0, interrupt_at=None, **options):
    """Train with the display; `interrupt_at` an epoch and a batch, both of them finished."""
    with TrainingProgress(state, visible=True) as progress:

        def after_batch(state):
            progress.after_batch(state)
            if (state.epoch, state.batch) == interrupt_at:
                raise _InterruptedError

        examples = _Examples(clock, len(state.order), seconds)
        with suppress(_InterruptedError):
            train(state, examples, after_batch=after_batch, **options)


def test_a_frame_names_epoch_batch_time_and_figures(terminal, clock):
    screen = terminal(120)
    state = _start(patience=3)
    _run(state, clock, validate=_validate(clock), interrupt_at=(3, 2))
    bar, figures = screen.frames()[-1]
    assert re.fullmatch(
        r"Training ━+╸? +epoch  4/10, batch 2/5, 0:02:12 left, stops in 0:00:52 unless better", bar
    )
    n_seen = 5 + 4  # of 21 examples in five batches
    loss, accuracy = (state.sums / n_seen).tolist()
    assert figures == (
        f"loss {loss:.3f}, accuracy {accuracy:.0%}; validation 0.880, 75%; best epoch 3; "
        "rate 2.0e-03; 1.1 clips/s; 512 MB"
    )


def test_at_the_end_of_an_epoch_its_own_figures_are_shown(terminal, clock):
    screen = terminal(120)
    state = _start()
    _run(state, clock, interrupt_at=(2, 0))
    bar, figures = screen.frames()[-1]
    last = state.history[-1]
    assert "epoch  3/10, batch 0/5" in bar
    assert figures.startswith(f"loss {last['loss']:.3f}, accuracy {last['accuracy']:.0%}; ")


@pytest.mark.parametrize("columns", [20, 40, 60, 72, 80, 100, 120, 200])
def test_no_frame_is_wider_than_the_terminal_or_higher_than_two_lines(terminal, clock, columns):
    screen = terminal(columns)
    state = _start(patience=2, max_epochs=100)
    _run(state, clock, validate=_validate(clock), interrupt_at=(12, 3))
    drawings = screen.getvalue().split(REDRAWN)
    assert len(drawings) > 12 * 5
    assert all(drawing.count("\n") <= 1 for drawing in drawings[:-1])
    assert all(len(line) <= columns for frame in screen.frames() for line in frame)


def test_80_columns_hold_everything_in_short(terminal, clock):
    screen = terminal(80)
    _run(_start(patience=3), clock, validate=_validate(clock), interrupt_at=(3, 2))
    bar, figures = screen.frames()[-1]
    assert bar.startswith("Training ━")
    assert bar.endswith(" epoch  4/10, batch 2/5, 0:02:12 left, 0:00:52 unless better")
    assert figures.endswith("; val 0.880, 75%; best 3; rate 2.0e-03; 1.1 clips/s; 512 MB")


def test_60_columns_leave_out_the_least_important(terminal, clock):
    screen = terminal(60)
    _run(_start(patience=3), clock, validate=_validate(clock), interrupt_at=(3, 2))
    bar, figures = screen.frames()[-1]
    assert bar.startswith("━")
    assert bar.endswith(" epoch  4/10, 0:02:12 left, 0:00:52 unless better")
    assert re.fullmatch(r"loss \S+, \d+%; val 0.880, 75%; best 3; 1.1 clips/s; 512 MB", figures)


def test_the_bar_keeps_its_place_while_counts_grow(terminal, clock):
    screen = terminal(80)
    state = _start(n_examples=60, max_epochs=200)
    _run(state, clock, interrupt_at=(120, 11))
    assert len({bar.index("epoch") for bar, _ in screen.frames()}) == 1


def test_time_left_counts_validation(terminal, clock):
    # Ten epochs of five batches of 2 s and 10 s of validation.
    screen = terminal(80)
    _run(_start(), clock, validate=_validate(clock))
    left = {
        re.search(r"epoch .*(?=,)", bar)[0]: re.search(r"(\S+) left", bar)[1]
        for bar, _ in screen.frames()[:-1]
    }
    assert left["epoch  1/10, batch 0/5"] == "-:--:--"
    assert left["epoch  1/10, batch 1/5"] == "0:01:38"  # nothing is known of validation
    assert left["epoch  2/10, batch 0/5"] == "0:03:00"
    assert left["epoch  2/10, batch 1/5"] == "0:02:56"
    assert left["epoch  5/10, batch 0/5"] == "0:02:00"
    assert left["epoch 10/10, batch 5/5"] == "0:00:00"


def test_a_slow_first_epoch_is_forgotten(terminal, clock):
    screen = terminal(80)
    state = _start()
    with TrainingProgress(state, visible=True) as progress:
        for seconds in (100.0, 5.0):
            state.epoch += 1
            state.batch = 0
            clock.advance(seconds)
            progress.after_batch(state)
    assert "0:00:40 left" in screen.frames()[-1][0]  # eight epochs of 5 s


def test_the_soonest_stop_moves_with_the_best_epoch(terminal, clock):
    screen = terminal(120)
    losses = [0.9, 1.0, 1.0, 0.8, 1.0, 1.0, 1.0]
    state = _start(patience=3, max_epochs=30)
    _run(state, clock, validate=_validate(clock, losses))
    assert state.epoch == 7
    stops = [
        (epoch, stop)
        for bar, _ in screen.frames()
        for epoch, stop in re.findall(r"epoch +(\d+)/30, batch 0/5.* stops in (\S+) unless", bar)
    ]
    assert dict(stops) == {
        "1": "-:--:--",
        "2": "0:01:00",  # a first best: three epochs of 20 s
        "3": "0:00:40",
        "4": "0:00:20",
        "5": "0:01:00",
        "6": "0:00:40",
        "7": "0:00:20",
        "8": "0:00:00",
    }


def test_in_the_first_epoch_the_soonest_stop_is_patience_after_its_end(terminal, clock):
    screen = terminal(120)
    _run(_start(patience=3), clock, interrupt_at=(0, 1))
    assert "stops in 0:00:38 unless better" in screen.frames()[-1][0]  # 19 batches of 2 s


def test_no_stop_is_shown_where_the_end_is_as_near(terminal, clock):
    screen = terminal(120)
    _run(_start(patience=3, max_epochs=4), clock, validate=_validate(clock), interrupt_at=(1, 0))
    assert "0:01:00 left" in screen.frames()[-1][0]
    assert "stops" not in screen.frames()[-1][0]


def test_a_run_that_goes_on_starts_there_with_its_own_clock(terminal, clock):
    terminal(80)
    first = _start()
    _run(first, clock, seconds=500.0, interrupt_at=(5, 0))
    screen = terminal(80)
    second = _start()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    _run(second, clock, interrupt_at=(5, 1))
    begin, after_one = (bar for bar, _ in screen.frames()[:2])
    assert "epoch  6/10, batch 0/5, -:--:-- left" in begin
    bar_columns = begin.index("epoch") - len("Training ") - 1
    assert begin.count("━") == bar_columns // 2
    assert "epoch  6/10, batch 1/5, 0:00:48 left" in after_one


def test_the_screen_is_clean_after_an_interrupt(terminal, clock):
    screen = terminal(80)
    with pytest.raises(KeyboardInterrupt):
        with TrainingProgress(_start(), visible=True):
            raise KeyboardInterrupt
    erased = "\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K"
    assert screen.getvalue().endswith("\x1b[?25h" + erased)  # and the cursor is back


def test_memory_of_the_gpu_is_shown(terminal, clock, monkeypatch):
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300_000_000)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2_040_000_000)
    screen = terminal(120)
    state = _start()
    state.device = torch.device("cuda")
    with TrainingProgress(state, visible=True):
        pass
    assert screen.frames()[0][1].endswith("; 512 MB; GPU 300 MB of 2.0 GB")


class _Counted(TrainingState):
    """Counts how often its sums are read."""

    n_reads = 0

    @property
    def sums(self):
        self.n_reads += 1
        return torch.zeros(2)

    @sums.setter
    def sums(self, value):
        pass


def test_the_gpu_is_waited_for_at_most_every_half_second(terminal, clock):
    terminal(80)
    state = _Counted(_network(), _start().plan, n_examples=2000, seed=0)
    with TrainingProgress(state, visible=True) as progress:
        for _ in range(399):
            state.batch += 1
            clock.advance(0.01)
            progress.after_batch(state)
    assert 6 <= state.n_reads <= 8


def test_a_log_never_waits_for_the_gpu(clock):
    state = _Counted(_network(), _start().plan, n_examples=21, seed=0)
    with TrainingProgress(state, visible=True) as progress:
        for _ in range(4):
            state.batch += 1
            clock.advance(10)
            progress.after_batch(state)
    assert state.n_reads == 0


def test_a_log_gets_a_plain_line_an_epoch(capsys, clock):
    state = _start(max_epochs=3, patience=1)
    _run(state, clock, validate=_validate(clock))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    last = state.history[-1]
    assert lines[0] == (
        f"Epoch 1/3: loss {state.history[0]['loss']:.3f}, "
        f"accuracy {state.history[0]['accuracy']:.0%}; validation 0.900, 75%; best epoch 1; "
        "rate 2.0e-03; 1.1 clips/s; 512 MB; 0:00:40 left; stops in 0:00:20 unless better"
    )
    assert lines[-1].startswith(f"Epoch 3/3: loss {last['loss']:.3f}, ")
    assert lines[-1].endswith("; done in 0:01:00")


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_a_log_has_no_control_characters(capsys, clock, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    _run(_start(), clock, validate=_validate(clock))
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 10
    assert text.replace("\n", "").isprintable()


def test_a_simple_terminal_gets_plain_lines(terminal, clock, monkeypatch):
    screen = terminal(80)
    monkeypatch.setenv("TERM", "dumb")
    _run(_start(), clock)
    assert screen.getvalue().replace("\n", "").isprintable()
    assert len(screen.getvalue().splitlines()) == 10


def test_a_thousand_short_epochs_do_not_flood_a_log(capsys, clock):
    _run(_start(max_epochs=1000), clock, seconds=0.002)  # ten seconds in all
    epochs = [
        int(line.split("/")[0].removeprefix("Epoch "))
        for line in capsys.readouterr().err.splitlines()
    ]
    assert epochs[0] == 1
    assert epochs[-1] == 1000
    assert math.ceil(10 / 2) <= len(epochs) <= 7


def test_a_run_that_stops_early_says_so_in_its_last_line(capsys, clock):
    _run(_start(patience=2), clock, validate=_validate(clock, [0.5, 0.6, 0.7]))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Epoch 3/10: ")
    assert last.endswith("; done in 0:01:00")


class _Unreadable:
    def __getattr__(self, name):
        raise AssertionError(f"{name} was read")


def test_an_invisible_display_reads_and_writes_nothing(terminal):
    screen = terminal(80)
    with TrainingProgress(_Unreadable(), visible=False) as progress:
        progress.after_batch(_Unreadable())
    assert screen.getvalue() == ""
