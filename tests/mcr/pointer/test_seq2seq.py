"""The pointer model: batches do not change it, dropout is the decoder's alone, what is saved comes back."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from mcr.errors import DataError
from mcr.pointer.backbones import tiny_backbone
from mcr.pointer.decoding import Estimate, dropping, estimate_passes, write_entities, write_greedily
from mcr.pointer.entropies import CONFIDENCE
from mcr.pointer.pointer_predictor import PointerPredictor
from mcr.pointer.seq2seq import PointerModel, SeenSample, load_pointer
from mcr.pointer.sequences import place_entities
from mcr.records import Entity, ImageRef, Sample
from mcr.regions.proposed import Proposal

WIDTH = 8
IMAGE = ImageRef("a.png", 100, 100)
ANN, ROME = Entity("Ann Lee", "PER", ((0, 0, 50, 50),)), Entity("Rome", "LOC")
REGIONS = (Proposal((0, 0, 50, 48), 0.9), Proposal((60, 60, 90, 90), 0.8), Proposal((0, 0, 30, 50), 0.7))
SAMPLES = (
    Sample("1", "mine", "gmner", "Ann Lee in Rome", (IMAGE,), (ANN, ROME)),
    Sample("2", "mine", "gmner", "nothing new", (IMAGE,), ()),
    Sample("3", "mine", "gmner", "Rome and Ann Lee , again and again", (), (ROME, Entity("Ann Lee", "PER"))),
)
IDS = [one.id for one in SAMPLES]
PARTS = ("written", "ious", "spans")


def seen(sample, number):
    regions = REGIONS[: 3 - number] if sample.images else ()
    features = torch.randn(len(regions) + 1, WIDTH, generator=torch.Generator().manual_seed(number))
    return SeenSample(place_entities(sample), regions, features)


SEEN = [seen(sample, number) for number, sample in enumerate(SAMPLES)]


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = PointerModel(tiny_backbone([one.placed.words for one in SEEN] * 2), ("LOC", "PER"), WIDTH)
    return made.eval()


def inputs_of(model, samples):
    return {name: value for name, value in model.read(samples).items() if name not in PARTS}


def log_probs(model, samples):
    batch = model.read(samples)
    memory = model.encode(**{name: value for name, value in batch.items() if name not in PARTS})
    return model.decode(memory, batch["written"].clamp_min(0)), batch


def test_a_batch_gives_each_sample_what_it_gets_alone(model):
    (tokens, regions), batch = log_probs(model, SEEN)
    for number, one in enumerate(SEEN):
        (alone, places), own = log_probs(model, [one])
        length, num = own["written"].shape[1], alone.shape[2]
        assert torch.allclose(tokens[number, :length, :num], alone[0], atol=1e-5)
        assert torch.isneginf(tokens[number, :, num:]).all()
        assert torch.allclose(regions[number, :length, : places.shape[2]], places[0], atol=1e-5)
        assert torch.isneginf(regions[number, :, places.shape[2] :]).all()
    assert batch["features"].shape == (3, 4, WIDTH)


def test_the_loss_is_the_sum_of_its_parts_and_gamma_weighs_the_third(model):
    batch = model.read(SEEN)
    out = model(**batch)
    whole = out["token_loss"] + out["region_loss"] + 0.6 * out["debiasing_loss"]
    assert out["loss"].item() == pytest.approx(whole.item(), rel=1e-5)
    assert out["debiasing_loss"] > 0
    model.losses = replace(model.losses, gamma=0.0)
    assert model(**batch)["loss"].item() == pytest.approx((out["token_loss"] + out["region_loss"]).item(), rel=1e-5)


def test_the_token_loss_is_the_mean_over_the_steps_of_all_samples(model):
    (tokens, _), batch = log_probs(model, SEEN)
    steps = [
        -tokens[row, at, after].item()
        for row, written in enumerate(batch["written"].tolist())
        for at, after in enumerate(written[1:])
        if after >= 0
    ]
    assert model(**batch)["token_loss"].item() == pytest.approx(sum(steps) / len(steps), rel=1e-5)


def test_a_model_without_images_learns_that_nothing_is_in_one(model):
    out = model(**model.read([SEEN[2]]))
    assert out["region_loss"].item() == pytest.approx(0.0, abs=1e-6)  # the only region is the whole image


def test_in_training_and_nowhere_else_words_are_hidden_at_their_chance_and_padding_is_not(model):
    ids = torch.tensor([[5] * 900 + [0] * 100])
    assert (model._with_unknown(ids) == ids).all()
    model.losses = replace(model.losses, word_dropout=0.25)
    assert (model._with_unknown(ids) == ids).all()
    model.train()
    hidden = model._with_unknown(ids)
    assert set(hidden[0, :900].tolist()) == {5, model.backbone.tokenizer.unk_token_id}
    assert 150 < (hidden[0, :900] != 5).sum() < 300
    assert (hidden[0, 900:] == 0).all()


def test_without_dropout_all_passes_equal_one_exactly(model):
    for one in model.modules():
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            if isinstance(getattr(one, name, None), float):
                setattr(one, name, 0.0)
    memory = model.encode(**inputs_of(model, SEEN))
    written = torch.tensor([[0, 2, 6]] * 3)
    tokens, regions = estimate_passes(model, memory, written, Estimate(num_passes=4), 0)
    single, places = model.decode(memory, written)
    assert all(torch.equal(one, single.exp()) for one in tokens)
    assert all(torch.equal(one, places.exp()) for one in regions)


def test_passes_differ_by_dropout_and_follow_from_their_seed(model):
    memory, written = model.encode(**inputs_of(model, SEEN)), torch.tensor([[0, 2, 6]] * 3)
    tokens, _ = estimate_passes(model, memory, written, Estimate(num_passes=3), 1)
    assert not torch.equal(tokens[0], tokens[1])
    state = torch.random.get_rng_state()
    again, _ = estimate_passes(model, memory, written, Estimate(num_passes=3), 1)
    assert torch.equal(tokens, again)
    assert torch.equal(state, torch.random.get_rng_state())


def test_dropping_restores_the_flags_of_each_part(model):
    part = model.bart.decoder.layers[0]
    part.train()
    before = [one.training for one in model.modules()]
    with dropping(model.bart.decoder):
        assert all(one.training for one in model.bart.decoder.modules())
        assert not model.bart.encoder.training
    assert [one.training for one in model.modules()] == before


def test_the_encoder_runs_once(model):
    calls = []
    model.bart.encoder.register_forward_hook(lambda *_: calls.append(1))
    write_entities(model, inputs_of(model, SEEN), Estimate(num_passes=5), IDS)
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["mc_dropout", CONFIDENCE])
def test_entities_come_with_uncertainties_of_their_parts(model, kind):
    with torch.no_grad():
        model.special.weight[2] += 5 * model.special.weight[2].sign()  # so that the untrained model names something
    found = write_entities(model, inputs_of(model, SEEN), Estimate(kind, num_passes=2), IDS)
    assert any(found)
    for one in (entity for row in found for entity in row):
        assert {*one.uncertainties.values} == {"span", "type", "region"}
        assert all(0 <= (one.uncertainties.normalized(part) or 0) <= 1 for part in one.uncertainties.values)
        assert bool(one.uncertainties.num_choices) == (kind != CONFIDENCE)


def test_uncertainties_do_not_depend_on_the_batch_so_a_run_that_resumes_has_the_same(model):
    with torch.no_grad():
        model.special.weight[2] += 5 * model.special.weight[2].sign()
    together = write_entities(model, inputs_of(model, SEEN), Estimate(num_passes=3), IDS)
    for one, sample_id, found in zip(SEEN, IDS, together, strict=True):
        (alone,) = write_entities(model, inputs_of(model, [one]), Estimate(num_passes=3), [sample_id])
        assert [(e.start, e.end, e.type, e.region) for e in alone] == [(e.start, e.end, e.type, e.region) for e in found]
        for single, batched in zip(alone, found, strict=True):
            assert single.uncertainties.values == pytest.approx(batched.uncertainties.values, abs=1e-5)
            assert single.uncertainties.num_choices == batched.uncertainties.num_choices
    assert any(together)
    other_ids = write_entities(model, inputs_of(model, SEEN), Estimate(num_passes=3), [f"other {one}" for one in IDS])
    assert other_ids != together, "each sample has masks of its own"


def test_a_sequence_ends_where_the_decoder_has_no_position(model):
    sentence = Sample("long", "mine", "gmner", " ".join(["x"] * 90), (), ())
    one = SeenSample(place_entities(sentence), (), torch.zeros(1, WIDTH))
    with torch.no_grad():
        model.special.weight[2] += 50 * model.special.weight[2].sign()
        model.special.weight[3] += 50 * model.special.weight[3].sign()
    memory = model.encode(**inputs_of(model, [one]))
    assert len(write_greedily(model, memory)[0]) <= model.bart.config.max_position_embeddings
    model.bart.config.max_position_embeddings = 5
    assert len(write_greedily(model, memory)[0]) <= 5


def test_gold_that_the_decoder_cannot_write_is_refused(model):
    model.bart.config.max_position_embeddings = 8  # "Ann Lee in Rome" has four words, its two entities eleven tokens
    with pytest.raises(DataError, match="an answer of 11 tokens, expected at most 9"):
        model.read([SEEN[0]])


def test_greedy_decoding_takes_the_likeliest_token_that_may_follow(model):
    memory = model.encode(**inputs_of(model, [SEEN[0]]))
    (written,) = write_greedily(model, memory)
    for at in range(1, len(written)):
        tokens, _ = model.decode(memory, torch.tensor([written[:at]]))
        allowed = model.grammar.follow(written[:at], 4)
        assert written[at] == max(allowed, key=lambda number: tokens[0, -1, number].item())


def test_what_is_saved_predicts_the_same(model, tmp_path):
    model.save(tmp_path)
    regions = {one.placed.sample.id: one.proposals for one in SEEN}
    features = {one.placed.sample.id: one.features for one in SEEN}
    before, after = (
        list(PointerPredictor(one, regions, features, batch_size=2).predict(SAMPLES)) for one in (model, load_pointer(tmp_path))
    )
    assert before == after
    assert [one.id for one in after] == ["1", "2", "3"]


def test_gold_is_not_looked_at(model):
    regions = {one.placed.sample.id: one.proposals for one in SEEN}
    features = {one.placed.sample.id: one.features for one in SEEN}
    bare = [replace(sample, entities=()) for sample in SAMPLES]
    predictor = PointerPredictor(model, regions, features)
    assert list(predictor.predict(SAMPLES)) == list(predictor.predict(bare))
