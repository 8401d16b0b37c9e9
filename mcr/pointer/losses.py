"""UnCo's losses (2.2): regions by their IoU with gold (Eqs. 2-3) and representations without modality bias (Eq. 8).

B samples, M entities, K+1 regions: the last one is the whole image, which means "not in the image".
"""

from collections.abc import Sequence

import torch

POSITIVE_IOU = 0.5  # above it a region is an entity's (UnCo 2.2); the public code's reading of Eq. 3, too


def region_target(ious: torch.Tensor, min_iou: float = POSITIVE_IOU) -> torch.Tensor:
    """Return the distribution over regions that an entity is trained on (UnCo Eq. 3): its IoUs, normalized.

    Differs: Eq. 3 normalizes all IoUs. As in the public code, an IoU of at most `min_iou` counts nothing; 0 gives the plain
    equation.

    Args:
        ious: of the K regions with the entity's gold boxes, the largest a region, float [K]; all 0 where it has none.
        min_iou: IoUs up to here count nothing.

    Returns:
        Float [K+1], summing to 1. The last one is 1 where no IoU is above `min_iou`: the entity is ungroundable.

    >>> region_target(torch.tensor([0.8, 0.6, 0.3]))
    tensor([0.5714, 0.4286, 0.0000, 0.0000])
    >>> region_target(torch.tensor([0.3, 0.5]))
    tensor([0., 0., 1.])
    """
    counted = torch.where(ious > min_iou, ious, torch.zeros_like(ious))
    total = counted.sum()
    if not total:
        return torch.cat([torch.zeros_like(ious), ious.new_ones(1)])
    return torch.cat([counted / total, ious.new_zeros(1)])


def region_loss(targets: torch.Tensor, log_probs: torch.Tensor) -> torch.Tensor:
    """Return the mean over entities of KL(target || p) (UnCo Eq. 3); 0 without entities.

    Args:
        targets: of `region_target`, float [M, K+1].
        log_probs: log p of Eq. 2, float [M, K+1]; -inf where a region is padding, which has target 0.
    """
    if not len(targets):
        return log_probs.new_zeros(())
    terms = torch.where(targets > 0, targets * (targets.clamp_min(1e-12).log() - log_probs), torch.zeros_like(targets))
    return terms.sum(dim=1).mean()


def debiasing_loss(anchors: torch.Tensor, regions: torch.Tensor, ious: torch.Tensor, margin: float) -> torch.Tensor:
    """Return the triplet loss with a dynamic margin of one sample, summed over its entities and their negatives (UnCo Eq. 8).

    An entity without a region above an IoU of 0.5 has no positive one and is left out. Of several the best one is the positive,
    the others are neither ("Differs:": the paper does not say).

    Args:
        anchors: the entities' text representations, float [M, D].
        regions: the regions' representations, float [K, D]; the whole image is none.
        ious: of each entity with each region, float [M, K].
        margin: lambda.
    """
    losses = [_triplets(anchor, regions, row, margin) for anchor, row in zip(anchors, ious, strict=True)]
    return torch.stack(losses).sum() if losses else anchors.new_zeros(())


def _triplets(anchor: torch.Tensor, regions: torch.Tensor, ious: torch.Tensor, margin: float) -> torch.Tensor:
    is_positive = ious > POSITIVE_IOU
    if not is_positive.any():
        return anchor.new_zeros(())
    distances = 1 - torch.nn.functional.cosine_similarity(anchor[None], regions, dim=1)
    negatives = ~is_positive
    hinge = distances[ious.argmax()] - distances[negatives] + margin * (1 - ious[negatives])
    return hinge.clamp_min(0).sum()


def best_ious(regions: Sequence[Sequence[float]], boxes: Sequence[Sequence[float]] | None) -> list[float]:
    """Return, for each region, its largest IoU with an entity's boxes; 0 where the entity has none."""
    from mcr.boxes import iou

    return [max((iou(region, box) for box in boxes or ()), default=0.0) for region in regions]
