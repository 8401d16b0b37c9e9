"""BART by its folder: sub-words of a real tokenizer, weights that come back; other models are refused."""

import pytest

torch = pytest.importorskip("torch")

from mcr.errors import ConfigError
from mcr.pointer.backbones import pretrained_backbone
from mcr.pointer.pointer_predictor import PointerPredictor
from mcr.pointer.seq2seq import PointerModel, SeenSample, load_pointer
from mcr.pointer.sequences import place_entities
from mcr.records import Entity, Sample

SAMPLE = Sample("1", "mine", "gmner", "Quarrow met Ann Lee", (), (Entity("Ann Lee", "PER"), Entity("Quarrow", "LOC")))
BARTS = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
BARTS |= {"encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 40}


@pytest.fixture(scope="module")
def bart(tmp_path_factory):
    """A tiny BART with a byte-level tokenizer that splits words."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import BartConfig, BartForConditionalGeneration, BartTokenizerFast

    folder = tmp_path_factory.mktemp("bart")
    made = ByteLevelBPETokenizer()
    made.train_from_iterator(
        ["ann lee met quarrow"] * 3, vocab_size=280, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    )
    made.save_model(str(folder))
    tokenizer = BartTokenizerFast.from_pretrained(folder, add_prefix_space=True)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    BartForConditionalGeneration(BartConfig(vocab_size=len(tokenizer), **BARTS)).save_pretrained(folder)
    return folder


def test_a_word_of_several_sub_words_counts_as_its_first(bart):
    model = PointerModel(pretrained_backbone(str(bart)), ("LOC", "PER"), 4).eval()
    one = SeenSample(place_entities(SAMPLE), (), torch.zeros(1, 4))
    batch = model.read([one])
    assert batch["input_ids"].shape[1] > 4 + 2, "words are split"
    ids = model.backbone.tokenizer(list(one.placed.words), is_split_into_words=True)
    firsts = [ids.word_ids().index(number) for number in range(4)]
    assert batch["word_starts"].tolist() == [firsts]
    assert torch.isfinite(model(**batch)["loss"])


def test_what_is_saved_comes_back(bart, tmp_path):
    model = PointerModel(pretrained_backbone(str(bart)), ("LOC", "PER"), 4).eval()
    model.save(tmp_path)
    before, after = (
        list(PointerPredictor(one, {}, {"1": torch.zeros(1, 4)}).predict([SAMPLE])) for one in (model, load_pointer(tmp_path))
    )
    assert before == after


def test_other_models_are_refused(tiny_text_encoder):
    with pytest.raises(ConfigError, match="is a bert, expected a bart"):
        pretrained_backbone(str(tiny_text_encoder))
