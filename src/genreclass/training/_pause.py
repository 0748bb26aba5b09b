"""Ctrl+C and SIGTERM as a wish to pause."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

__all__ = ["PauseSignals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class PauseSignals:
    """While the ``with`` lasts, the first SIGINT or SIGTERM is taken note of.

    A second one does what it would have done before. Signals that are ignored stay ignored, and
    outside the main thread, which alone may handle signals, nothing is touched.

    Attributes
    ----------
    came : bool
        Whether there was a signal.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> PauseSignals:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):  # None: not installed from Python
                    self._before[number] = before
                    signal.signal(number, self._take_note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _take_note(self, number: int, frame: FrameType | None) -> None:
        if self.came:
            self._restore()
            signal.raise_signal(number)
        self.came = True

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}
