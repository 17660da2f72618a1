"""Pictures measured in parallel processes, in order, with a bounded number on their way."""

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bir_core.data import measuring
from bir_core.data.measuring import Measured, Task
from bir_core.errors import InputError

IN_THIS_PROCESS = 64
"""So many pictures are measured before any other process is started: most second imports have fewer."""
_PER_CALL = 32
_CALLS_AHEAD = 4


@contextmanager
def _without_a_script() -> Iterator[None]:
    """Processes that are started here do not run the caller's script again, as they would to find its functions.

    They need none of them; and a script that is read from a pipe, or has no guard, could not be run again.
    """
    script = sys.modules["__main__"]
    spec, file = script.__spec__, script.__dict__.pop("__file__", None)
    script.__spec__ = None
    try:
        yield
    finally:
        script.__spec__ = spec
        if file is not None:
            script.__file__ = file


class Decoders:
    """As many processes as there are cores, started when they are needed.

    They are started afresh and load the decoder alone, so none of them has torch, nor any lock of the caller's threads.
    """

    def __init__(self) -> None:
        self._num = len(os.sched_getaffinity(0))
        self._here = IN_THIS_PROCESS
        self._pool: ProcessPoolExecutor | None = None
        self._calls: deque[tuple[Future[list[tuple[bytes, int, int, bytes, str]]], Sequence[Task]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def measure(self, tasks: Sequence[Task]) -> Iterator[list[Measured]]:
        """Take on some pictures; gives what has been done meanwhile, of these or of earlier ones, in order.

        Raises:
            InputError: a file was changed meanwhile, or a process has died.
        """
        here, tasks = tasks[: self._here], tasks[self._here :]
        self._here -= len(here)
        if here:
            yield measuring.measure(here)
        for start in range(0, len(tasks), _PER_CALL):
            some = tasks[start : start + _PER_CALL]
            with _without_a_script():
                self._calls.append((self._processes().submit(measuring.measure_far, some), some))
            while len(self._calls) > _CALLS_AHEAD * self._num:
                yield self._oldest()

    def rest(self) -> Iterator[list[Measured]]:
        """What is still on its way."""
        while self._calls:
            yield self._oldest()

    def _oldest(self) -> list[Measured]:
        call, tasks = self._calls.popleft()
        try:
            found = zip(tasks, call.result(), strict=True)
        except BrokenProcessPool:
            raise InputError(
                f"a process that decoded images died, near {tasks[0].path}, perhaps for lack of memory: what was read "
                "is kept, import again to go on"
            ) from None
        return [
            Measured(task=task, sha256=digest, width=width, height=height, thumbnail=thumbnail, error=error)
            for task, (digest, width, height, thumbnail, error) in found
        ]

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # A server that forks them would stay, with all that it has loaded, until the caller ends.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._num, context, measuring.prepare_process)
        return self._pool
