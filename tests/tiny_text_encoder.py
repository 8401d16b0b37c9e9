"""A tiny BERT with random weights and a tokenizer of its own, as a stand-in for a pretrained text encoder."""

from pathlib import Path

TEXTS = ["Ann Lee met Bo in Oslo", "Ann is a singer", "a city in the north of it", "rain see word"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789#@:/.'"


def make_text_encoder(folder: Path) -> Path:
    """Write the model and its tokenizer into a folder and return it."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = sorted({word.lower() for text in TEXTS for word in text.split()})
    pieces = [*special, *words, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    backend = Tokenizer(
        models.WordPiece({piece: number for number, piece in enumerate(dict.fromkeys(pieces))}, unk_token="[UNK]")
    )
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", backend.token_to_id("[CLS]")), ("[SEP]", backend.token_to_id("[SEP]"))]
    backend.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ends)
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=64, **{f"{name}_token": token for name, token in names.items()}
    )
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **size)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
