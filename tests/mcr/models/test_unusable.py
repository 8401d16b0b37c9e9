"""A sample that cannot be encoded is named, whoever finds it; no StopIteration leaves a collator."""

import pytest

torch = pytest.importorskip("torch")
from mcr.errors import DataError
from mcr.models.unusable import naming_samples
from mcr.training.data import NamingCollator

ROWS = [{"sample_id": name, "prompt": name} for name in ("a", "b", "c")]


def raise_for(bad, error):
    def collate(rows):
        if any(row["sample_id"] in bad for row in rows):
            raise error
        return len(rows)

    return collate


def raise_for_several(error):
    def collate(rows):
        if len(rows) > 1:
            raise error
        return rows

    return collate


@pytest.mark.parametrize(
    ("error", "reason"),
    [(StopIteration(), "its text has more places for images than it has images"), (ValueError("too wide."), "too wide")],
)
def test_the_first_sample_at_fault_is_named(error, reason):
    with pytest.raises(DataError, match=rf"^sample b: {reason}\. Correct the sample, or leave it out\.$"):
        NamingCollator(raise_for({"b", "c"}, error))(ROWS)


def test_a_stop_of_the_batch_as_a_whole_names_all_its_samples():
    with pytest.raises(DataError, match=r"^samples a, b, c: "):
        NamingCollator(raise_for_several(StopIteration()))(ROWS)


def test_an_error_of_the_batch_as_a_whole_passes():
    with pytest.raises(ValueError, match=r"^of another cause$") as caught:
        NamingCollator(raise_for_several(ValueError("of another cause")))(ROWS)
    assert not isinstance(caught.value, DataError)
    with pytest.raises(ZeroDivisionError), naming_samples(["a"], lambda index: None):
        raise ZeroDivisionError


def test_a_collator_that_changes_its_rows_changes_none_of_the_data_set():
    def collate(rows):
        for row in rows:
            row["prompt"] = None
        return rows

    NamingCollator(collate)(ROWS)
    assert [row["prompt"] for row in ROWS] == ["a", "b", "c"]


def test_a_stop_in_a_collator_ends_an_epoch_early_without_a_word():
    """The trap that NamingCollator avoids: if this ever fails, PyTorch has mended it."""
    assert list(torch.utils.data.DataLoader(ROWS, collate_fn=raise_for({"b"}, StopIteration()))) == [1]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_stop_in_a_naming_collator_is_an_error_of_the_loader(num_workers):
    collate = NamingCollator(raise_for({"b"}, StopIteration()))
    with pytest.raises(DataError, match="sample b: its text"):
        list(torch.utils.data.DataLoader(ROWS, collate_fn=collate, num_workers=num_workers))
