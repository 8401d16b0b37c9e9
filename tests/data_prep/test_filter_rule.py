import pytest

from data_prep.filter_rule import FilterRule, apply_rule, summarise
from mcr.errors import ConfigError


@pytest.mark.parametrize(
    ("rewards", "reason"),
    [
        ([0.2, 0.4, 0.9, 0.5], "kept"),
        ([0.5, 0.5, 0.5, 0.5], "no spread"),
        ([0.1, 0.5, 0.7, 0.3], "never good"),
        ([0.0, 0.0, 0.0, 0.9], "too hard"),
        ([0.4, 0.9, 0.9, 0.8], "too easy"),
    ],
)
def test_the_papers_rule_by_hand(rewards, reason):
    assert apply_rule(summarise(rewards), FilterRule()) == reason


def test_thresholds_are_inclusive():
    rule = FilterRule(min_std=0.0, min_max=0.5, min_median=0.5, max_median=0.5)
    assert apply_rule(summarise([0.5, 0.5]), rule) == "kept"


def test_statistics_by_hand():
    stats = summarise([0.0, 0.5, 1.0, 0.5])
    assert (stats.mean, stats.max, stats.median) == (0.5, 1.0, 0.5)
    assert stats.std == pytest.approx((0.5 / 3) ** 0.5)
    assert summarise([1.0, 0.5, 0.5, 0.0]) == stats


def test_wrong_rules_and_empty_groups_are_refused():
    with pytest.raises(ConfigError):
        FilterRule(min_median=0.7, max_median=0.6)
    for rewards in ([], [0.5]):
        with pytest.raises(ConfigError, match="num_generations to 2"):
            summarise(rewards)


def test_the_deviation_is_the_one_that_grpo_divides_by():
    torch = pytest.importorskip("torch")
    from trl.trainer.utils import nanstd

    rewards = [0.2, 0.4, 0.9, 0.5, 0.31]
    assert summarise(rewards).std == pytest.approx(nanstd(torch.tensor([rewards], dtype=torch.float64), dim=1).item())
