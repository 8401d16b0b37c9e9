from data_prep.make_sandbox import main
from data_prep.sandbox.world import COLOURS, IMAGE_PX, LOOKS, draw_scene, make_scene
from mcr.io.samples import load_samples

SCENES = [make_scene(0, "train", index) for index in range(400)]


def test_the_world_follows_from_its_seed():
    assert make_scene(1, "dev", 5) == make_scene(1, "dev", 5)
    assert make_scene(1, "dev", 5) != make_scene(2, "dev", 5)
    assert draw_scene(SCENES[3]).tobytes() == draw_scene(SCENES[3]).tobytes()


def test_every_name_has_its_own_look():
    assert len({look.label for look in LOOKS}) == len(LOOKS)


def test_both_biases_are_there():
    named = [entity for scene in SCENES for entity in scene.sample.entities]
    absent = sum(entity.boxes is None for entity in named)
    unnamed = sum(len(s.drawn) - sum(e.boxes is not None for e in s.sample.entities) for s in SCENES)
    assert 0.3 < absent / len(named) < 0.5
    assert unnamed > 200
    colours = {look.name: look.colour for look in LOOKS}
    alike = sum(
        any(look.colour == colours[e.text] for look, _ in s.drawn) for s in SCENES for e in s.sample.entities if e.boxes is None
    )
    assert alike / absent > 0.15, "absent names should often have a look-alike in the image"


def test_shapes_fill_their_boxes_and_do_not_touch_others():
    for scene in SCENES[:100]:
        picture = draw_scene(scene)
        for look, (x1, y1, x2, y2) in scene.drawn:
            mask = [(x, y) for x in range(IMAGE_PX) for y in range(IMAGE_PX) if picture.getpixel((x, y)) == COLOURS[look.colour]]
            inside = [(x, y) for x, y in mask if x1 <= x < x2 and y1 <= y < y2]
            assert (min(x for x, _ in inside), max(x for x, _ in inside)) == (x1, x2 - 1)
            assert (min(y for _, y in inside), max(y for _, y in inside)) == (y1, y2 - 1)


def test_a_sandbox_on_disk_is_checked_samples_with_images(tmp_path):
    main(["--output_dir", str(tmp_path), "--train", "5", "--dev", "2", "--test", "3"])
    for split, size in (("train", 5), ("dev", 2), ("test", 3)):
        samples = load_samples(tmp_path / f"{split}.jsonl")
        assert len(samples) == size
        assert all((tmp_path / sample.images[0].path).is_file() for sample in samples)
