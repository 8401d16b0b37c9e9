"""One-to-one assignment with the highest summed weight, exact on integers of any size.

A float solver such as scipy's cannot tell ties apart that lie far below the largest weight, and ties decide rewards here; in
the tests it is the oracle where floats suffice.
"""

import heapq
from collections.abc import Mapping

Edge = tuple[int, int]


def best_assignment(weights: Mapping[Edge, int]) -> list[Edge]:
    """Return the pairs (row, column), sorted, of a one-to-one assignment with the highest summed weight.

    Args:
        weights: positive integers by (row, column); a pair that is left out weighs nothing and is never returned.

    The graph is solved component by component: entities that share no word never meet.
    """
    pairs: list[Edge] = []
    for edges in _components(weights):
        rows, cols = sorted({row for row, _ in edges}), sorted({col for _, col in edges})
        if len(rows) == 1 or len(cols) == 1:
            pairs.append(max(edges, key=lambda edge: (weights[edge], (-edge[0], -edge[1]))))
            continue
        kept = set(_heaviest(edges, weights, by_row=len(rows) <= len(cols), num=min(len(rows), len(cols))))
        rows, cols = sorted({row for row, _ in kept}), sorted({col for _, col in kept})
        table = [[weights[row, col] if (row, col) in kept else 0 for col in cols] for row in rows]
        pairs += [(rows[i], cols[j]) for i, j in _solve_exactly(table) if table[i][j]]
    return sorted(pairs)


def _heaviest(edges: list[Edge], weights: Mapping[Edge, int], *, by_row: bool, num: int) -> list[Edge]:
    """Return the `num` heaviest edges of each node of the smaller side, of which there are `num`.

    No more are needed: the other nodes of that side can take at most num - 1 partners away.
    """
    side = 0 if by_row else 1
    by_node: dict[int, list[Edge]] = {}
    for edge in edges:
        by_node.setdefault(edge[side], []).append(edge)
    return [edge for own in by_node.values() for edge in heapq.nsmallest(num, own, key=lambda e: (-weights[e], e))]


def _components(weights: Mapping[Edge, int]) -> list[list[Edge]]:
    """Return the edges of each connected component."""
    by_row: dict[int, list[Edge]] = {}
    by_col: dict[int, list[Edge]] = {}
    for edge in weights:
        by_row.setdefault(edge[0], []).append(edge)
        by_col.setdefault(edge[1], []).append(edge)
    components = []
    while by_row:
        rows, edges, open_rows = {next(iter(by_row))}, [], [next(iter(by_row))]
        while open_rows:
            for edge in by_row.pop(open_rows.pop()):
                edges.append(edge)
                for row, _ in by_col.pop(edge[1], ()):
                    if row not in rows:
                        rows.add(row)
                        open_rows.append(row)
        components.append(edges)
    return components


def _solve_exactly(table: list[list[int]]) -> list[Edge]:
    """Solve by shortest augmenting paths (Kuhn-Munkres with potentials), O(small^2 * large), on integers of any size."""
    if len(table) > len(table[0]):
        return [(row, col) for col, row in _solve_exactly([list(column) for column in zip(*table, strict=True)])]
    num_cols = len(table[0])
    row_price, col_price = [0] * len(table), [0] * (num_cols + 1)
    holder = [-1] * (num_cols + 1)  # the row that holds each column; the last column is the path's start
    for row in range(len(table)):
        holder[num_cols], col = row, num_cols
        slack: dict[int, int] = {}
        came_from, is_seen = [num_cols] * num_cols, [False] * (num_cols + 1)
        while holder[col] != -1:
            is_seen[col] = True
            here = holder[col]
            unseen = [other for other in range(num_cols) if not is_seen[other]]
            for other in unseen:
                reduced = row_price[here] - table[here][other] - col_price[other]
                if other not in slack or reduced < slack[other]:
                    slack[other], came_from[other] = reduced, col
            next_col = min(unseen, key=slack.__getitem__)
            step = slack[next_col]
            for other in range(num_cols + 1):
                if is_seen[other]:
                    row_price[holder[other]] -= step
                    col_price[other] -= step
                elif other < num_cols:
                    slack[other] -= step
            col = next_col
        while col != num_cols:
            holder[col] = holder[came_from[col]]
            col = came_from[col]
    return [(holder[col], col) for col in range(num_cols) if holder[col] != -1]
