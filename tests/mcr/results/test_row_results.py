"""Results of rows: what a file holds, what is done, and the table made of it."""

import json
from dataclasses import replace

import pytest

from mcr.errors import ConfigError, DataError
from mcr.io.sample_counts import SampleCounts, gold_hash
from mcr.metrics.intervals import SeedsEstimate
from mcr.metrics.scores import N_COUNT, f1_of
from mcr.results.row_results import RowResult, read_finished, result_path, thin_curves
from mcr.results.table_text import estimate_row, write_orders, write_table
from mcr.systems import systems
from mcr.systems.tables import Column, Order, Row, RowPlan, Table

RIGHT = {("gmner", "correct"): 1, ("gmner", "predicted"): 1, ("gmner", "gold"): 1}
WRONG = {("gmner", "predicted"): 1, ("gmner", "gold"): 1, ("names", "invented"): 12}
COLUMNS = (Column("GMNER F1", "gmner", f1_of("gmner")), Column("N-Count", "gmner", N_COUNT), Column("F1", "vg", f1_of("vg")))


def result(*rows, seed=0):
    counts = SampleCounts(gold_hash([str(index) for index in range(len(rows))]), list(rows))
    return RowResult("row", "sandbox", seed, {"test": 2}, "abc", {"torch": "2"}, None, {"gmner": {}}, {"gmner": counts}, [])


def test_a_result_is_read_as_it_was_written(tmp_path):
    path = result_path(tmp_path, "sandbox", "row", 0)
    result(RIGHT, WRONG).write(path)
    assert RowResult.read(path) == result(RIGHT, WRONG)
    assert path == tmp_path / "sandbox/row/seed0.json"
    assert json.loads(path.read_text())["counts"]["gmner"]["counts"]["names/invented"] == [0, 12]


def test_a_result_of_other_settings_is_an_error_that_says_what_to_do(tmp_path):
    path = result_path(tmp_path, "sandbox", "row", 0)
    assert read_finished(path, "abc") is None
    result(RIGHT).write(path)
    assert read_finished(path, "abc") == result(RIGHT)
    with pytest.raises(ConfigError, match=r"sizes test=2.*Give --again row, or remove the file"):
        read_finished(path, "abd")


def test_a_file_that_is_no_result_is_refused(tmp_path):
    path = tmp_path / "seed0.json"
    path.write_text("{}")
    with pytest.raises(DataError, match="not the result of a row"):
        RowResult.read(path)
    result(RIGHT).write(path)
    row = json.loads(path.read_text())
    row["counts"]["gmner"]["counts"]["gmner/gold"] = "11"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match="columns of different lengths"):
        RowResult.read(path)


def test_curves_are_thinned_but_keep_every_held_out_score(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [
        {"step": step, "reward": 0.5, "other": 1} | ({"held_out/gmner_f1": 0.1} if step % 50 == 7 else {}) for step in range(1000)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 10')
    kept = thin_curves(path)
    assert len(kept) == 220
    assert sum("held_out/gmner_f1" in row for row in kept) == 20
    assert kept[0] == {"step": 0, "reward": 0.5}
    assert thin_curves(tmp_path / "none.jsonl") == []


def test_a_table_has_mean_spread_interval_and_the_papers_figure():
    results = [result(RIGHT, RIGHT), result(RIGHT, WRONG, seed=1)]
    estimates = estimate_row(COLUMNS, results, num_resamples=500)
    assert set(estimates) == {"GMNER F1", "N-Count"}, "the row has no evaluation of phrases"
    assert estimates["GMNER F1"].mean == 0.75
    assert estimates["N-Count"].mean == 6
    row = Row("row", "ours | theirs", lambda run: RowPlan((), {}), {"GMNER F1": 57.0, "F1": 81.23})
    table = Table("A table", COLUMNS, {"sandbox": (row,)}, {}, quoted={"another": {"GMNER F1": 62.4, "N-Count": 363}})
    estimates = {"row": {"GMNER F1": SeedsEstimate(0.75, 0.1, 0.5, 1.0, 2), "N-Count": SeedsEstimate(6, 0.5, 0, 12, 2)}}
    text = write_table(table, (row,), estimates, note="Made here.")
    assert text.startswith("# A table\n\nMade here. Per cent")
    assert "| another | paper 62.4 | paper 363 | \u2013 |" in text
    assert "| 75.00 \u00b1 10.00 [50.00, 100.00]; paper 57.0 | 6.0 \u00b1 0.5 [0.0, 12.0] | \u2013; paper 81.23 |" in text
    assert "ours \\| theirs" in text


def test_rows_of_one_seed_have_no_spread():
    estimates = estimate_row(COLUMNS, [result(RIGHT, WRONG)], num_resamples=200)
    assert estimates["GMNER F1"].deviation is None
    assert replace(estimates["GMNER F1"], low=0, high=0) == SeedsEstimate(0.5, None, 0, 0, 1)


def test_orders_hold_where_the_interval_of_the_difference_lies_above_them():
    rows = tuple(Row(key, key.upper(), lambda run: RowPlan((), {})) for key in ("a", "b", "c"))
    orders = (Order("A", "B", "GMNER F1"), Order("B", "A", "GMNER F1"), Order("A", "B", "GMNER F1", margin=1.0))
    wanted = Table("T", COLUMNS, {"sandbox": rows}, {"sandbox": {}}, orders=(*orders, Order("A", "C", "GMNER F1")))
    worse, better = ([result(*kinds, seed=seed) for seed in (0, 1)] for kinds in ([WRONG] * 9, [RIGHT] * 9))
    text = write_orders(wanted, rows, {"a": worse, "b": better, "c": []}, num_resamples=200)
    assert text.splitlines()[-3:] == [
        "| A &lt; B | GMNER F1 | +100.00 [+100.00, +100.00] | yes |",
        "| B &lt; A | GMNER F1 | -100.00 [-100.00, -100.00] | no |",
        "| A &lt; B by 100 | GMNER F1 | +100.00 [+100.00, +100.00] | no |",
    ]
    assert write_orders(wanted, rows, {"a": [], "b": [], "c": []}) == ""


def test_an_order_on_an_unknown_column_is_refused():
    with pytest.raises(ConfigError, match="an order on an unknown column"):
        Table("T", COLUMNS, {}, {}, orders=(Order("A", "B", "Recall"),))


def test_every_order_of_a_table_names_rows_that_are_made():
    for table in (table for system in systems().values() for table in system.tables.values()):
        titles = {row.title for rows in table.rows.values() for row in rows}
        assert {title for order in table.orders for title in (order.lower, order.higher)} <= titles
