"""MSEA's choice of examples, by hand and against a loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcr.embedding.nearest import nearest

POOL = np.array([[1.0, 0.0], [0.0, 1.0], [10.0, 10.0]])


def test_the_order_and_the_cosines_by_hand():
    (found,) = nearest(np.array([[2.0, 1.0]]), POOL, 3)
    assert [index for index, _ in found] == [2, 0, 1]
    assert [cosine for _, cosine in found] == pytest.approx([0.9487, 0.8944, 0.4472], abs=5e-5)


def test_a_sample_is_never_its_own_example():
    found = nearest(POOL, POOL, 2, [{row} for row in range(3)])
    assert all(row not in [index for index, _ in one] for row, one in enumerate(found))


def test_zero_vectors_have_the_cosine_zero():
    (found,) = nearest(np.zeros((1, 2)), POOL, 3)
    assert found == [(0, 0.0), (1, 0.0), (2, 0.0)]
    (found,) = nearest(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [-1.0, 0.0]]), 2)
    assert found == [(0, 0.0), (1, -1.0)]


def test_a_small_pool_gives_what_it_has():
    assert len(nearest(POOL[:1], POOL, 9)[0]) == 3
    assert nearest(POOL[:1], POOL[:0], 5) == [[]]


@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5),
    st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=6),
    st.integers(1, 7),
)
def test_it_is_what_a_loop_finds(queries, pool, num):
    def cosine(one, other):
        lengths = np.linalg.norm(one) * np.linalg.norm(other)
        return float(np.dot(one, other) / lengths) if lengths else 0.0

    for query, found in zip(queries, nearest(np.array(queries, float), np.array(pool, float), num), strict=True):
        wanted = sorted((cosine(query, one) for one in pool), reverse=True)[:num]
        assert [value for _, value in found] == pytest.approx(wanted, abs=1e-9)
        assert all(cosine(query, pool[index]) == pytest.approx(value, abs=1e-9) for index, value in found)
