"""One-to-one assignment with the highest summed weight, exact on integers; without numpy or scipy for the cases that occur."""

from collections.abc import Mapping

Edge = tuple[int, int]

# Above this many steps (rows^2 * columns of one component) scipy's solver is loaded; it works on floats, so ties far below
# the largest weight are then no longer told apart.
MAX_EXACT_STEPS = 100_000


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
        table = [[weights.get((row, col), 0) for col in cols] for row in rows]
        small, large = sorted((len(rows), len(cols)))
        solve = _solve_exactly if small * small * large <= MAX_EXACT_STEPS else _solve_by_scipy
        pairs += [(rows[i], cols[j]) for i, j in solve(table) if table[i][j]]
    return sorted(pairs)


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
        slack: list[int | None] = [None] * num_cols
        came_from, is_seen = [num_cols] * num_cols, [False] * (num_cols + 1)
        while holder[col] != -1:
            is_seen[col] = True
            here, step, next_col = holder[col], None, -1
            for other in range(num_cols):
                if is_seen[other]:
                    continue
                reduced = row_price[here] - table[here][other] - col_price[other]
                if slack[other] is None or reduced < slack[other]:
                    slack[other], came_from[other] = reduced, col
                if step is None or slack[other] < step:
                    step, next_col = slack[other], other
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


def _solve_by_scipy(table: list[list[int]]) -> list[Edge]:
    from scipy.optimize import linear_sum_assignment

    largest = max(map(max, table))
    rows, cols = linear_sum_assignment([[weight / largest for weight in row] for row in table], maximize=True)
    return list(zip(map(int, rows), map(int, cols), strict=True))
