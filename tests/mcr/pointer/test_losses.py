"""UnCo's losses by hand."""

import pytest

torch = pytest.importorskip("torch")

from mcr.pointer.losses import best_ious, debiasing_loss, region_loss, region_target

IOUS = torch.tensor([0.8, 0.6, 0.3])
P = torch.tensor([[0.4, 0.3, 0.2, 0.1]])


def test_a_region_target_has_the_ious_above_one_half():
    assert region_target(IOUS).tolist() == pytest.approx([4 / 7, 3 / 7, 0, 0])


def test_the_plain_equation_has_all_ious():
    assert region_target(IOUS, min_iou=0).tolist() == pytest.approx([0.470588, 0.352941, 0.176471, 0], abs=1e-6)


@pytest.mark.parametrize("ious", [[0.0, 0.0, 0.0], [0.5, 0.3, 0.1], []])
def test_what_no_region_covers_is_ungroundable(ious):
    assert region_target(torch.tensor(ious)).tolist() == [*[0.0] * len(ious), 1.0]


def test_the_divergence_by_hand():
    assert region_loss(region_target(IOUS)[None], P.log()).item() == pytest.approx(0.356675, abs=1e-6)
    assert region_loss(region_target(torch.zeros(3))[None], P.log()).item() == pytest.approx(2.302585, abs=1e-6)


def test_the_divergence_is_that_of_torch_and_a_mean_over_entities():
    targets = torch.stack([region_target(IOUS, 0), region_target(torch.zeros(3))])
    log_probs = torch.randn(2, 4, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    expected = torch.nn.functional.kl_div(log_probs, targets, reduction="batchmean")
    assert region_loss(targets, log_probs).item() == pytest.approx(expected.item(), abs=1e-6)


def test_padding_regions_count_nothing():
    padded = torch.tensor([[4 / 7, 3 / 7, 0.0, 0.0]])
    log_probs = torch.tensor([[0.5, 0.5, 0.0, 0.0]]).log()
    assert torch.isfinite(region_loss(padded, log_probs))


def test_without_entities_there_is_no_loss():
    assert region_loss(torch.zeros(0, 4), torch.zeros(0, 4)).item() == 0
    assert debiasing_loss(torch.zeros(0, 2), torch.ones(3, 2), torch.zeros(0, 3), 0.5).item() == 0


ANCHOR = torch.tensor([[1.0, 0.0]])
REGIONS = torch.tensor([[0.8, 0.6], [0.6, 0.8], [0.0, 3.0]])
WITH_ANCHOR = torch.tensor([[0.9, 0.4, 0.2]])


def test_the_debiasing_loss_by_hand():
    """0.2 - 0.4 + 0.5 * 0.6 = 0.1, and 0.2 - 1 + 0.5 * 0.8 < 0."""
    assert debiasing_loss(ANCHOR, REGIONS, WITH_ANCHOR, 0.5).item() == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("scale", [0.1, 7.0])
def test_scaling_a_vector_changes_nothing(scale):
    loss = debiasing_loss(ANCHOR * scale, REGIONS * torch.tensor([[scale], [1.0], [1.0]]), WITH_ANCHOR, 0.5)
    assert loss.item() == pytest.approx(0.1, abs=1e-6)


def test_an_entity_without_a_positive_region_is_left_out():
    assert debiasing_loss(ANCHOR, REGIONS, torch.tensor([[0.5, 0.4, 0.2]]), 0.5).item() == 0


def test_of_several_positive_regions_the_best_counts_and_the_others_are_neither():
    ious = torch.tensor([[0.9, 0.6, 0.2]])
    assert debiasing_loss(ANCHOR, REGIONS, ious, 2.0).item() == pytest.approx(0.2 - 1 + 2 * 0.8, abs=1e-6)


def test_a_region_has_its_largest_iou_with_the_gold_boxes():
    assert best_ious([(0, 0, 10, 10), (20, 0, 30, 10)], [(0, 0, 10, 5), (0, 0, 10, 10)]) == [1.0, 0.0]
    assert best_ious([(0, 0, 10, 10)], None) == [0.0]
