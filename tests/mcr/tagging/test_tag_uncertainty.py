"""Uncertainties of tagged entities: the CRF's marginals against enumeration, dropout that leaves no trace, values by hand."""

import itertools
import math
from random import Random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchcrf")

from mcr.records import Sample
from mcr.tagging.predictor import TaggerPredictor
from mcr.tagging.tag_uncertainty import (
    CONFIDENCE,
    MC_DROPOUT,
    dropping,
    marginals,
    marginals_of,
    mean_marginals,
    uncertainties_of,
)
from mcr.tagging.tagger import make_tagger
from mcr.tagging.texts import TaggedText

TEXTS = (
    TaggedText("1", ("Ann", "Lee", "met", "Bo"), (), ("B-PER", "I-PER", "O", "B-PER")),
    TaggedText("2", ("in", "Rome"), (), ("O", "B-LOC")),
)


@pytest.fixture(params=["bilstm", "transformer"])
def tagger(request, tiny_text_encoder):
    torch.manual_seed(0)
    made = make_tagger(request.param, str(tiny_text_encoder), TEXTS, ("LOC", "PER"), max_tokens=24).eval()
    torch.nn.init.normal_(made.crf.transitions)
    return made


def test_marginals_are_those_of_enumeration(tagger):
    batch = tagger.read(TEXTS)
    with torch.no_grad():
        emissions = tagger(batch["inputs"], batch["mask"])["emissions"]
    found = marginals(tagger, emissions, batch["mask"])
    crf = tagger.crf
    for row, text in enumerate(TEXTS):
        length, expected, total = len(text.words), torch.zeros(len(text.words), 5), 0.0
        for path in itertools.product(range(5), repeat=length):
            score = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
            score = score + sum(emissions[row, at, tag] for at, tag in enumerate(path))
            score = score + sum(crf.transitions[a, b] for a, b in itertools.pairwise(path))
            weight = score.exp().item()
            total += weight
            for at, tag in enumerate(path):
                expected[at, tag] += weight
        assert torch.allclose(found[row, :length], expected / total, atol=1e-4)
        assert found[row, length:].abs().max() < 1e-6 if length < found.shape[1] else True


def test_passes_differ_and_leave_the_tagger_as_it_was(tagger):
    text, state = TEXTS[0], torch.random.get_rng_state()
    sure = marginals_of(tagger, TEXTS)
    one, other = (mean_marginals(tagger, text, 2, seed) for seed in (0, 1))
    assert not torch.equal(one, other)
    assert torch.equal(one, mean_marginals(tagger, text, 2, 0))
    assert torch.equal(sure, marginals_of(tagger, TEXTS))
    assert torch.equal(state, torch.random.get_rng_state())
    with dropping(tagger):
        assert not tagger.training
    assert not any(layer.training for layer in tagger.modules())


def test_without_dropout_all_passes_equal_one(tagger):
    for layer in tagger.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    for text in TEXTS:
        assert torch.allclose(mean_marginals(tagger, text, 3, 0), marginals_of(tagger, [text])[0], atol=1e-6)


def test_the_passes_of_a_text_differ_from_each_other_and_do_not_depend_on_what_is_beside_it(tagger):
    with dropping(tagger):
        first, second = marginals_of(tagger, [TEXTS[0]] * 2)
    assert not torch.equal(first, second)
    with torch.random.fork_rng(), dropping(tagger):
        torch.manual_seed(Random(f"dropout/0/{TEXTS[0].id}").getrandbits(63))
        passes = marginals_of(tagger, [TEXTS[0]] * 3)
    assert torch.equal(mean_marginals(tagger, TEXTS[0], 3, 0), passes.mean(dim=0))
    paths = [text.tags for text in TEXTS]
    together = uncertainties_of(tagger, TEXTS, paths, estimate=MC_DROPOUT, num_passes=3)
    alone = [
        uncertainties_of(tagger, [text], [path], estimate=MC_DROPOUT, num_passes=3)[0]
        for text, path in zip(TEXTS, paths, strict=True)
    ]
    assert together == alone


def test_a_tagger_that_knows_nothing_has_the_largest_uncertainty(tagger):
    for weights in (*tagger.emit.parameters(), *tagger.crf.parameters()):
        torch.nn.init.zeros_(weights)
    ((ann, bo), (rome,)) = uncertainties_of(tagger, TEXTS, [text.tags for text in TEXTS], estimate=MC_DROPOUT, num_passes=2)
    chances = (0.2, 0.4, 0.4)  # of O, of B-LOC or B-PER, of I-LOC or I-PER
    for one in (ann, bo, rome):
        assert one.values["span"] == pytest.approx(-sum(p * math.log(p) for p in chances), abs=1e-5)
        assert one.normalized("type") == pytest.approx(1.0)
    ((first, _), _) = uncertainties_of(tagger, TEXTS, [text.tags for text in TEXTS], estimate=CONFIDENCE)
    assert first.values == {"span": pytest.approx(0.6), "type": pytest.approx(0.5)}
    assert not first.num_choices


def test_the_predictor_gives_each_entity_its_own(tagger):
    samples = [Sample(text.id, "mine", "mner", " ".join(text.words), (), ()) for text in TEXTS]
    plain = list(TaggerPredictor(tagger, {}).predict(samples))
    unsure = list(TaggerPredictor(tagger, {}, estimate=MC_DROPOUT).predict(samples))
    assert [one.entities for one in plain] == [one.entities for one in unsure]
    assert all(len(one.uncertainties) == len(one.entities) for one in unsure)
    assert not any(one.uncertainties for one in plain)
