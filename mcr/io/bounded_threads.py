"""Work done by threads while results are read in order, with a bound on how far it runs ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_bounded(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    num_threads: int,
    ahead: int = 4,
    stop: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """Yield `work(item)` for each item, in order. Items are read as they are needed, so they may be endless.

    Whoever may leave early wraps it in `contextlib.closing`; what has not begun by then is not done.

    Args:
        work: done in a thread; what it raises is raised here, in the order of the items.
        items: what to work on.
        num_threads: that work at once.
        ahead: how many items a thread may be ahead of what was yielded.
        stop: called when no more is wanted, at the end or after an error, so that work that waits can give up.
    """
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(num_threads) as pool:
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) >= ahead * num_threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            if stop is not None:
                stop()
            for future in under_way:
                future.cancel()
