"""Reading the next chunk of a file while the database writes the one before."""

from collections.abc import Callable, Iterable, Iterator
from queue import Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

from repair_app.services.imports.rows import batched

T = TypeVar("T")


class ReadingAhead(Generic[T]):
    """The rows of a file in chunks, each with how far the file was then read; one is read ahead.

    What reading raises is raised when its turn comes. At the end nothing is read any more.
    """

    def __init__(self, rows: Iterable[T], size: int, position: Callable[[], int]) -> None:
        self.rows, self.size, self.position = rows, size, position
        self.ready: Queue[tuple[tuple[T, ...], int] | None] = Queue(maxsize=1)
        self.failure: BaseException | None = None
        self.stop = Event()
        self.reader = Thread(target=self.read, name="reading-ahead", daemon=True)

    def read(self) -> None:
        """Read until the end, or until it is time to stop."""
        try:
            for some in batched(self.rows, self.size):
                self.ready.put((some, self.position()))
                if self.stop.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            self.failure = error
        self.ready.put(None)

    def __iter__(self) -> Iterator[tuple[tuple[T, ...], int]]:
        """Yield the chunks."""
        while (one := self.ready.get()) is not None:
            yield one
        if self.failure is not None:
            raise self.failure

    def __enter__(self) -> Self:
        """Begin to read."""
        self.reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        """Stop reading, and wait until it has."""
        self.stop.set()
        while self.reader.is_alive():
            while not self.ready.empty():
                self.ready.get_nowait()
            self.reader.join(0.01)
