"""Processes leave their group when a command ends, so that none is aborted while its threads still communicate."""

import pytest
from torch import distributed

from mcr.errors import ConfigError, run_command


@pytest.fixture
def group(tmp_path):
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    if distributed.is_initialized():
        distributed.destroy_process_group()


def test_a_command_that_ends_well_leaves_its_group(group):
    run_command(lambda: None)
    assert not distributed.is_initialized()


def test_a_command_that_fails_does_not_wait_for_the_others(group, monkeypatch):
    monkeypatch.setattr(distributed, "barrier", lambda: pytest.fail("waited"))

    def fail():
        raise ConfigError("flag: wrong")

    with pytest.raises(SystemExit, match="error: flag: wrong"):
        run_command(fail)
    assert distributed.is_initialized()


def test_a_command_of_one_process_has_no_group_to_leave():
    run_command(lambda: None)
    assert not distributed.is_initialized()
