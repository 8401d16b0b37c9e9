"""A run follows from its arguments, and a resumed one is the same bit for bit."""

import json

import pytest

torch = pytest.importorskip("torch")

from mcr.errors import ConfigError
from mcr.pretraining.loop import CHECKPOINT, CURVE, Schedule
from recipes.sandbox_base import draw_gaps, main, make_units, template_texts

pytestmark = pytest.mark.recipe
FLAGS = ["--steps", "4", "--save_every", "2", "--num_probes", "2"]


def weights(folder):
    return torch.load(folder / "training" / CHECKPOINT, weights_only=True)["model"]


def curve(folder):
    rows = map(json.loads, (folder / "training" / CURVE).read_text().splitlines())
    return [{key: value for key, value in row.items() if key != "minutes"} for row in rows]


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    main(["--output_dir", str(out), *FLAGS])
    return out


def test_a_run_that_was_killed_resumes_bit_for_bit(whole_run, tmp_path, monkeypatch):
    import recipes.sandbox_base as recipe

    def dies_at_three(step, steps, seed):
        if step == 3:
            raise Killed
        return make_units(step, steps, seed)

    monkeypatch.setattr(recipe, "make_units", dies_at_three)
    with pytest.raises(Killed):
        main(["--output_dir", str(tmp_path), *FLAGS])
    assert not (tmp_path / "model").exists()
    monkeypatch.undo()
    main(["--output_dir", str(tmp_path), *FLAGS])
    ours, theirs = weights(tmp_path), weights(whole_run)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert curve(tmp_path) == curve(whole_run)
    files = sorted(path.name for path in (whole_run / "model").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "model").iterdir())
    assert all((whole_run / "model" / name).read_bytes() == (tmp_path / "model" / name).read_bytes() for name in files)


def test_a_finished_run_trains_no_more(whole_run):
    before = weights(whole_run)
    main(["--output_dir", str(whole_run), *FLAGS])
    assert len(curve(whole_run)) == 2
    assert all(torch.equal(before[name], value) for name, value in weights(whole_run).items())


def test_batches_that_a_process_makes_ahead_are_those_that_are_made_here(whole_run, tmp_path):
    main(["--output_dir", str(tmp_path), *FLAGS, "--workers", "1"])
    assert curve(tmp_path) == curve(whole_run)
    assert all(torch.equal(weights(tmp_path)[name], value) for name, value in weights(whole_run).items())


def test_a_run_of_other_settings_is_not_resumed(whole_run):
    with pytest.raises(ConfigError, match="was made with"):
        main(["--output_dir", str(whole_run), *FLAGS, "--seed", "1"])


def test_the_rate_rises_stays_and_falls_to_nothing():
    schedule = Schedule(1000)
    rates = [schedule.rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(2e-3 / 20)
    assert rates[20] == rates[600] == 2e-3
    assert rates[650:] == sorted(rates[650:], reverse=True)
    assert rates[-1] < 1e-5


def test_a_step_follows_from_its_number():
    first, second = (make_units(700, 1000, 0) for _ in range(2))
    assert [unit.blocks[0][0].question for unit in first] == [unit.blocks[0][0].question for unit in second]
    assert first[0].blocks[0][0].question != make_units(701, 1000, 0)[0].blocks[0][0].question
    assert first[-1].image is None, "the last unit is a dialogue whose turns have their own images"
    assert len(first[-1].blocks[0]) > 1


def test_gaps_are_mostly_none():
    import random

    rng = random.Random(0)
    gaps = [gap for _ in range(500) for gap in draw_gaps(rng)]
    assert 0.6 < gaps.count(0) / len(gaps) < 0.8


def test_the_tokenizer_reads_every_instruction():
    texts = list(template_texts(1, 0))
    assert sum("Reason first" in text for text in texts) >= 5
    assert any("Think step by step" in text for text in texts)
