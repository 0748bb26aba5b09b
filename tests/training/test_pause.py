"""The first signal is a wish to pause, the second one stops; what was there before comes back."""

import os
import signal
import threading

import pytest

from genreclass.training._pause import PauseSignals


def _send(number):
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def _handlers_afterwards():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_taken_note_of(number):
    with PauseSignals() as signals:
        assert not signals.came
        _send(number)
        assert signals.came


def test_a_second_ctrl_c_stops_at_once():
    with PauseSignals() as signals:
        _send(signal.SIGINT)
        assert signals.came
        with pytest.raises(KeyboardInterrupt):
            _send(signal.SIGINT)


def test_a_second_signal_does_what_it_would_have_done():
    received = []
    signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    with PauseSignals():
        _send(signal.SIGTERM)
        assert received == []
        _send(signal.SIGTERM)
        assert received == [signal.SIGTERM]


@pytest.mark.parametrize("fails", [False, True])
def test_handlers_are_as_before(fails):
    def own(number, frame):
        pass

    signal.signal(signal.SIGTERM, own)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with PauseSignals():
            assert signal.getsignal(signal.SIGTERM) is not own
            if fails:
                raise RuntimeError
    except RuntimeError:
        pass
    assert signal.getsignal(signal.SIGTERM) is own
    assert signal.getsignal(signal.SIGINT) is interrupt


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with PauseSignals() as signals:
        _send(signal.SIGINT)
        assert not signals.came
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_outside_the_main_thread_nothing_is_touched():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with PauseSignals() as signals:
            seen.extend([signal.getsignal(signal.SIGINT), signals.came])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]
