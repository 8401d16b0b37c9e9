"""UnCo's tables show the paper's figures on Twitter-GMNER beside ours; written down here a second time from the paper."""

import pytest

from mcr.systems.unco.tables import TABLES

PAPER = {
    "unco-1": [(56.88, 79.27, 61.75), (55.91, 78.52, 60.95), (62.14, 81.33, 66.72)],
    "unco-2": [(40.74, 62.18, 46.01), (56.88, 79.27, 61.75), (50.69, 75.26, 57.53), (62.14, 81.33, 66.72), ()],
    "unco-3": [
        *[(56.94, 79.45, 61.67), (57.54, 79.81, 61.91), (58.91, 79.52, 62.95)],
        *[(60.25, 80.76, 65.03), (53.08, 75.92, 59.17), (62.14, 81.33, 66.72)],
    ],
    "unco-5": [(62.14, 81.33, 66.72), (61.62, 81.04, 66.41), (61.75, 80.98, 66.56)],
    "unco-6": [(12.32, 28.03, 15.74)],
    "unco-7": [(56.85,), (57.21,), (56.67,), (56.89,), (56.76,), (56.58,)],
}


@pytest.mark.parametrize("name", PAPER)
def test_the_figures_beside_ours_are_the_papers(name):
    headers = [column.header for column in TABLES[name].columns]
    found = [tuple(row.paper[one] for one in headers if one in row.paper) for row in TABLES[name].rows["sandbox"]]
    assert found == PAPER[name]
