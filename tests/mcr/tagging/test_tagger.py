"""The tagger against enumeration: likelihood and Viterbi of its CRF, and what padding and knowledge do to its tags."""

import itertools

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchcrf")

from tiny_text_encoder import make_text_encoder
from transformers import AutoConfig, AutoModel, AutoTokenizer

from mcr.errors import ConfigError, DataError
from mcr.tagging.tagger import load_tagger, make_tagger
from mcr.tagging.texts import TaggedText

TEXTS = (
    TaggedText("1", ("Ann", "Lee", "met", "Bo"), ("Ann", "is", "a", "singer"), ("B-PER", "I-PER", "O", "B-PER")),
    TaggedText("2", ("Rain",), (), ("O",)),
    TaggedText("3", ("see", "Oslo"), ("a", "city", "in", "the", "north", "of", "it"), ("O", "B-PER")),
)


@pytest.fixture(params=["bilstm", "transformer"])
def tagger(request, tiny_text_encoder):
    torch.manual_seed(0)
    made = make_tagger(request.param, str(tiny_text_encoder), TEXTS, ("PER",), max_tokens=24).eval()
    torch.nn.init.normal_(made.crf.transitions)
    return made


def score(tagger, emissions, path):
    """Return the score of one path, as the definition of a linear chain has it."""
    crf = tagger.crf
    total = crf.start_transitions[path[0]] + emissions[0, path[0]]
    for before, (position, tag) in zip(path, list(enumerate(path))[1:], strict=False):
        total = total + crf.transitions[before, tag] + emissions[position, tag]
    return total + crf.end_transitions[path[-1]]


def test_likelihood_and_best_path_are_those_of_enumeration(tagger):
    batch = tagger.read(TEXTS)
    with torch.no_grad():
        out = tagger(**batch)
    losses, best = [], []
    for row, text in enumerate(TEXTS):
        emissions, length = out["emissions"][row], len(text.words)
        paths = list(itertools.product(range(3), repeat=length))
        scores = torch.stack([score(tagger, emissions, path) for path in paths])
        gold = tuple(tagger.tag_ids[tag] for tag in text.tags)
        losses.append(torch.logsumexp(scores, 0) - score(tagger, emissions, gold))
        best.append(tuple(tagger.tags[tag] for tag in paths[int(scores.argmax())]))
    assert out["loss"].item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)
    assert tagger.tag(TEXTS) == best


def test_a_text_is_tagged_alone_as_among_others(tagger):
    with torch.no_grad():
        together = tagger(**tagger.read(TEXTS))["emissions"]
        for row, text in enumerate(TEXTS):
            alone = tagger(**tagger.read([text]))["emissions"][0]
            assert torch.allclose(together[row, : len(text.words)], alone, atol=1e-5)


def test_knowledge_changes_what_is_said_of_words_and_carries_no_tag(tagger):
    with_knowledge, without = TEXTS[0], TaggedText("1", TEXTS[0].words)
    with torch.no_grad():
        one, other = (tagger(**tagger.read([text]))["emissions"] for text in (with_knowledge, without))
    assert one.shape == other.shape == (1, 4, 3)
    assert not torch.allclose(one, other, atol=1e-4)


def test_long_knowledge_is_cut_and_the_sentence_is_not(tagger):
    words = tuple(f"w{number}" for number in range(15))
    text = TaggedText("1", words, ("a",) * 500)
    assert len(tagger.tag([text])[0]) == 15
    longer = TaggedText("1", words, ("a",) * 900)
    with torch.no_grad():
        one, other = (tagger(**tagger.read([each]))["emissions"] for each in (text, longer))
    assert torch.equal(one, other)


def test_a_saved_tagger_is_the_same(tagger, tmp_path):
    tagger.save(tmp_path)
    again = load_tagger(tmp_path)
    assert again.tag(TEXTS) == tagger.tag(TEXTS)
    with torch.no_grad():
        assert torch.equal(again(**again.read(TEXTS))["emissions"], tagger(**tagger.read(TEXTS))["emissions"])


def test_words_that_a_tokenizer_drops_and_control_tokens_are_words(tagger):
    text = TaggedText("1", ("[SEP]", "\u200d", "\ufe0f", "<s>", "[CLS]"))
    assert len(tagger.tag([text])[0]) == 5


def test_control_tokens_of_a_tweet_are_text(tiny_text_encoder):
    made = make_tagger("transformer", str(tiny_text_encoder), TEXTS, ("PER",), max_tokens=24)
    ids = made.encoder.read([TaggedText("1", ("Ann", "[SEP]"))])["input_ids"][0].tolist()
    assert ids.count(made.encoder.tokenizer.sep_token_id) == 1


def test_a_sentence_that_no_model_can_read_is_refused_with_its_sample(tiny_text_encoder):
    made = make_tagger("transformer", str(tiny_text_encoder), TEXTS, ("PER",), max_tokens=24)
    with pytest.raises(DataError, match=r"longer than the \d+ tokens.*\n.*sample 9"):
        made.tag([TaggedText("9", ("word",) * 600)])


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [("bilsm", "", r"did you mean bilstm\?"), ("transformer", "", "needs a folder or a name of the hub")],
)
def test_an_encoder_that_cannot_be_made_is_refused(kind, name, told):
    with pytest.raises(ConfigError, match=told):
        make_tagger(kind, name, TEXTS, ("PER",), max_tokens=24)


def test_a_folder_without_a_tagger_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no tagger\.json"):
        load_tagger(tmp_path)


def test_a_word_is_known_from_two_samples_on_however_often_knowledge_repeats_it():
    texts = [
        TaggedText("1", ("Ann", "sings"), ("Ann", "is", "Ann"), ("B-PER", "O")),
        TaggedText("1", ("Ann", "sings"), ("a", "singer"), ("B-PER", "O")),  # of a second source
        TaggedText("2", ("Bo", "sings"), (), ("B-PER", "O")),
        TaggedText("3", ("a", "tune"), (), ("O", "O")),
    ]
    made = make_tagger("bilstm", "", texts, ("PER",), max_tokens=24)
    assert made.encoder.vocabulary.words == ("a", "sings")


def test_in_training_some_known_words_are_read_by_their_letters_alone():
    torch.manual_seed(0)
    encoder = make_tagger("bilstm", "", [TEXTS[0], TaggedText("4", TEXTS[0].words)], ("PER",), max_tokens=24).encoder
    inputs = encoder.read([TEXTS[0]] * 200)
    seen = []
    encoder.words.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    encoder.train()(**inputs)
    encoder.eval()(**inputs)
    trained, tagged = seen
    assert (tagged == inputs["words"]).all()
    changed = trained != inputs["words"]
    assert 0.05 < changed.float().mean() < 0.15
    assert (trained[changed] == 1).all()


@pytest.mark.parametrize("kind", ["distilbert", "electra", "deberta-v2", "xlm-roberta"])
def test_encoders_of_other_kinds_tag_and_come_back(kind, tmp_path):
    """Some classes have a layer over their first token and some do not; it is left out."""
    folder = make_text_encoder(tmp_path / "bert")
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    size = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32} if kind == "distilbert" else size
    vocabulary = AutoTokenizer.from_pretrained(folder).vocab_size
    config = AutoConfig.for_model(kind, vocab_size=vocabulary, max_position_embeddings=64, pad_token_id=0, **size)
    AutoModel.from_config(config).save_pretrained(folder)
    made = make_tagger("transformer", str(folder), TEXTS, ["PER"], max_tokens=32).eval()
    made.save(tmp_path / "saved")
    assert load_tagger(tmp_path / "saved").tag(TEXTS) == made.tag(TEXTS)
