"""How uncertain a system is of the parts that it has right, and of those that it has wrong (UnCo Fig. 3)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mcr.io.atomic_write import whole_file
from mcr.report.figures import GOLD_COLOR, PREDICTED_COLOR, new_axes

NUM_BINS = 20
JudgedParts = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def draw_densities(path: Path, judged: JudgedParts) -> None:
    """Draw a panel a part: the density of the uncertainties of right ones and of wrong ones.

    Args:
        path: of the picture.
        judged: (right, wrong) of each part that has some of both; at least one part.
    """
    figure, axes = new_axes(len(judged), 3.2 * len(judged))
    for axis, (part, (right, wrong)) in zip(axes, judged.items(), strict=True):
        top = max(*right, *wrong) or 1.0
        shares = [[value / top for value in values] for values in (right, wrong)]
        for values, color, name in zip(shares, (GOLD_COLOR, PREDICTED_COLOR), ("right", "wrong"), strict=True):
            label = f"{name} ({len(values)})"
            axis.hist(values, bins=NUM_BINS, range=(0, 1), density=True, alpha=0.6, color=color, label=label)
        axis.set_title(part, fontsize=10)
        axis.set_xlabel("uncertainty over its largest value")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel("density")
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=200)
