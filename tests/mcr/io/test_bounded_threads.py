"""Threads whose results come in order: how far they run ahead, and how they end."""

import threading
from contextlib import closing
from itertools import count

import pytest

from mcr.io.bounded_threads import map_bounded


def test_results_come_in_the_order_of_the_items():
    first = threading.Event()

    def work(number):
        if number == 0:
            first.wait(5)  # the others overtake it
        else:
            first.set()
        return number

    assert list(map_bounded(work, range(20), num_threads=3)) == list(range(20))


def test_items_are_read_only_so_far_ahead():
    read = []
    numbers = (read.append(number) or number for number in count())
    with closing(map_bounded(abs, numbers, num_threads=2, ahead=3)) as results:
        assert next(results) == 0
        assert len(read) == 6


def test_leaving_early_or_an_error_stops_what_waits():
    stopped = threading.Event()
    with closing(map_bounded(abs, range(100), num_threads=2, stop=stopped.set)) as results:
        next(results)
    assert stopped.is_set()
    stopped.clear()
    with pytest.raises(ZeroDivisionError):
        list(map_bounded(lambda number: 1 // number, [1, 0, 1], num_threads=2, stop=stopped.set))
    assert stopped.is_set()
