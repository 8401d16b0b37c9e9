"""Files are there whole or not at all."""

from contextlib import suppress

from mcr.io.atomic_write import whole_file, whole_files, write_whole


def test_an_error_leaves_what_was_there(tmp_path):
    write_whole(tmp_path / "a" / "f.txt", "before")
    with suppress(ZeroDivisionError), whole_file(tmp_path / "a/f.txt") as partial:
        partial.write_text("half")
        _ = 1 / 0
    assert (tmp_path / "a/f.txt").read_text() == "before"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["f.txt"]


def test_several_files_take_their_places_together(tmp_path):
    with suppress(ZeroDivisionError), whole_files(tmp_path / "out") as staging:
        (staging / "a").write_text("1")
        _ = 1 / 0
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "out/.partial").mkdir()
    (tmp_path / "out/.partial/left_by_a_killed_run").touch()
    with whole_files(tmp_path / "out") as staging:
        (staging / "a").write_text("1")
        (staging / "b").write_text("2")
        assert not (tmp_path / "out/a").exists()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]
