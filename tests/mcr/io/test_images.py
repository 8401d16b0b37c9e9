"""Images are opened inside their folder alone, links included, and look as a viewer shows them."""

import pytest

pytest.importorskip("PIL")
np = pytest.importorskip("numpy")
from PIL import Image

from data_prep.readers.own_samples import OWN_SAMPLES_READER
from data_prep.readers.reading import TURNED, count_turned, find_image
from mcr.errors import DataError
from mcr.io.images import check_images, given_sizes, is_turned_in_place, open_image, shown_size
from mcr.io.samples import write_samples
from mcr.records import Entity, ImageRef, Sample
from mcr.tasks import GMNER

CORNER = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0]] * 3], dtype=np.uint8)  # 3 wide, 2 high
# What a viewer shows of the red, green and blue row on top, by orientation: the EXIF standard's own wording of row and column 0.
SHOWN = {
    1: [["r", "g", "b"], ["k", "k", "k"]],
    2: [["b", "g", "r"], ["k", "k", "k"]],
    3: [["k", "k", "k"], ["b", "g", "r"]],
    4: [["k", "k", "k"], ["r", "g", "b"]],
    5: [["r", "k"], ["g", "k"], ["b", "k"]],
    6: [["k", "r"], ["k", "g"], ["k", "b"]],
    7: [["k", "b"], ["k", "g"], ["k", "r"]],
    8: [["b", "k"], ["g", "k"], ["r", "k"]],
}
COLORS = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "k": (0, 0, 0)}


def save_turned(path, orientation, pixels=CORNER):
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    Image.new("RGB", (4, 4)).save(root / "own.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "fine.png").symlink_to(root / "own.png")
    assert open_image(root, "fine.png").size == (4, 4)
    with pytest.raises(DataError, match=r"link\.png"):
        open_image(root, "link.png")


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_an_image_is_turned_as_its_orientation_says_and_nothing_turns_it_again(tmp_path, orientation, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "webp":
        picture = Image.fromarray(CORNER)
        exif = picture.getexif()
        exif[0x0112] = orientation
        picture.save(path, exif=exif, lossless=True, exact=True)
    else:
        save_turned(path, orientation)
    image = open_image(tmp_path, path.name)
    assert np.asarray(image).tolist() == [[list(COLORS[color]) for color in row] for row in SHOWN[orientation]]
    assert image.size == shown_size(tmp_path, path.name)
    assert not image.getexif()
    assert is_turned_in_place(tmp_path, path.name) == (orientation in (2, 3, 4))


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_means_nothing_turns_nothing(tmp_path, orientation):
    save_turned(tmp_path / "a.png", orientation)
    assert np.asarray(open_image(tmp_path, "a.png")).tolist() == CORNER.tolist()
    assert not is_turned_in_place(tmp_path, "a.png")


def test_broken_exif_is_passed_over(tmp_path):
    Image.fromarray(CORNER).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffrubbish")
    assert np.asarray(open_image(tmp_path, "a.png")).tolist() == CORNER.tolist()


def test_a_square_that_is_turned_sideways_is_turned_in_place(tmp_path):
    save_turned(tmp_path / "a.png", 6, np.zeros((2, 2, 3), dtype=np.uint8))
    assert is_turned_in_place(tmp_path, "a.png")


def saved(folder, values, mode=None, name="a.tiff", **info):
    picture = values if isinstance(values, Image.Image) else Image.fromarray(values)
    (picture.convert(mode) if mode else picture).save(folder / name, **info)
    return np.asarray(open_image(folder, name)).tolist()


def test_sixteen_bits_are_scaled_by_257(tmp_path):
    values = np.array([[0, 128, 257, 32896, 65535]], dtype=np.uint16)  # 128 / 257 rounds to 0, 32896 = 128 x 257
    wanted = [[[value] * 3 for value in (0, 0, 1, 128, 255)]]
    assert saved(tmp_path, values) == wanted
    assert saved(tmp_path, values, name="a.png") == wanted


def test_whole_numbers_of_32_bits_are_of_the_smallest_range_that_holds_them(tmp_path):
    assert saved(tmp_path, np.array([[0, 7, 255]], dtype=np.int32)) == [[[0] * 3, [7] * 3, [255] * 3]]
    assert saved(tmp_path, np.array([[0, 257, 65535]], dtype=np.int32)) == [[[0] * 3, [1] * 3, [255] * 3]]
    for wrong in (-1, 70000):
        with pytest.raises(DataError, match=r"image a\.tiff: mode I with values from .* Save it with 8 bits"):
            saved(tmp_path, np.array([[5, wrong]], dtype=np.int32))


def test_floats_run_to_one_or_to_255(tmp_path):
    assert saved(tmp_path, np.array([[0.0, 0.5, 1.0]], dtype=np.float32)) == [[[0] * 3, [128] * 3, [255] * 3]]
    assert saved(tmp_path, np.array([[0.0, 1.6, 255.0]], dtype=np.float32)) == [[[0] * 3, [2] * 3, [255] * 3]]
    for wrong in (float("nan"), -0.1, 256.0):
        with pytest.raises(DataError, match=r"image a\.tiff: mode F with values"):
            saved(tmp_path, np.array([[0.5, wrong]], dtype=np.float32))


def test_what_is_transparent_lies_over_white(tmp_path):
    values = np.array([[[0, 0, 0, 0], [255, 0, 0, 128], [10, 20, 30, 255]]], dtype=np.uint8)
    assert saved(tmp_path, values, name="a.png") == [[[255] * 3, [255, 127, 127], [10, 20, 30]]]
    gray = Image.fromarray(np.array([[0, 100]], dtype=np.uint8))
    gray.putalpha(Image.fromarray(np.array([[0, 255]], dtype=np.uint8)))
    assert saved(tmp_path, gray, name="a.png") == [[[255] * 3, [100] * 3]]


def test_a_transparent_color_of_a_palette_or_of_rgb_lies_over_white(tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
    picture.putpalette([0, 0, 0, 10, 20, 30] + [0] * 762)
    assert saved(tmp_path, picture, name="a.png", transparency=0) == [[[255] * 3, [10, 20, 30]]]
    rgb = np.array([[[1, 2, 3], [10, 20, 30]]], dtype=np.uint8)
    assert saved(tmp_path, rgb, name="a.png", transparency=(1, 2, 3)) == [[[255] * 3, [10, 20, 30]]]


def test_plain_modes_stay_what_they_were(tmp_path):
    rgb = np.array([[[1, 2, 3], [255, 255, 255]]], dtype=np.uint8)
    assert saved(tmp_path, rgb, name="a.png") == rgb.tolist()
    assert saved(tmp_path, np.array([[7, 200]], dtype=np.uint8), name="a.png") == [[[7] * 3, [200] * 3]]
    assert saved(tmp_path, np.array([[0, 255]], dtype=np.uint8), "1", name="a.png") == [[[0] * 3, [255] * 3]]


def test_sizes_are_those_of_the_picture_as_shown(tmp_path):
    save_turned(tmp_path / "a.png", 6)
    check_images(tmp_path, ["a.png"], [given_sizes([ImageRef("a.png", 2, 3)])])
    with pytest.raises(DataError, match=r"a\.png: got 2x3 pixels as shown, expected 3x2.* An EXIF orientation turns it"):
        check_images(tmp_path, ["a.png"], [given_sizes([ImageRef("a.png", 3, 2)])])
    with pytest.raises(DataError, match=r"got 2x3 .* expected 30x20.* not resized"):
        find_image(tmp_path, "a.png", (30, 20))
    assert find_image(tmp_path, "a.png") == ImageRef("a.png", 2, 3)


def test_readers_refuse_stored_sizes_and_count_what_sizes_cannot_show(tmp_path):
    save_turned(tmp_path / "turned.png", 6)
    save_turned(tmp_path / "upside.png", 3)
    rows = [
        Sample(name, "mine", GMNER, "Ann", (ImageRef(f"{path}.png", *size),), (Entity("Ann", "PER", ((0, 0, 1, 1),)),))
        for name, path, size in (("a", "turned", (3, 2)), ("b", "turned", (2, 3)), ("c", "upside", (3, 2)))
    ]
    (tmp_path / "own").mkdir()
    write_samples(tmp_path / "own/train.jsonl", rows)
    from collections import Counter

    found = list(OWN_SAMPLES_READER.read(tmp_path / "own", "train", tmp_path, Counter()))
    assert [type(item).__name__ for item in found] == ["Reject", "Placed", "Placed"]
    counts: Counter = Counter()
    for sample in rows[1:]:
        count_turned(counts, sample, tmp_path)
    assert counts == {TURNED: 1}
