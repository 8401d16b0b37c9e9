"""Which GPU an engine gets, and processes that do not see each other."""

import os

import pytest

pytest.importorskip("torch")
from mcr.errors import ConfigError
from mcr.runs.processes import engine_of_one_process, join_processes, own_gpu


@pytest.mark.parametrize(
    ("visible", "local_rank", "num_gpus", "expected"),
    [(None, 1, 4, "1"), ("4,5,6,7", 2, 8, "6"), ("GPU-a, GPU-b", 1, 2, "GPU-b"), ("3", 1, 1, "3"), (None, 0, 0, "")],
)
def test_each_process_has_a_gpu_of_its_own(visible, local_rank, num_gpus, expected):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert own_gpu(environment, local_rank, num_gpus) == expected


def test_an_engine_sees_nothing_of_the_other_processes(monkeypatch):
    class State:
        num_processes, local_process_index = 2, 1

    monkeypatch.setenv("RANK", "1")
    with engine_of_one_process(State):
        assert "RANK" not in os.environ
    assert os.environ["RANK"] == "1"


def test_processes_that_do_not_see_each_other_are_refused(monkeypatch):
    assert join_processes().num_processes == 1
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="2 were started, each sees 1"):
        join_processes()
