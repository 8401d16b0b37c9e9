"""Tiny models for phrases with random weights, as transformers saves them: BLIP-ITM, GroundingDINO, Florence-2."""

from pathlib import Path

from tiny_text_encoder import make_text_encoder

SIDE = 64


def make_blip(folder: Path, encoder: Path) -> Path:
    """Write a BLIP for image-text retrieval and its processor."""
    import torch
    from transformers import AutoTokenizer, BlipConfig, BlipForImageTextRetrieval, BlipImageProcessor, BlipProcessor

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BlipConfig(
        text_config={**size, "vocab_size": len(tokenizer), "encoder_hidden_size": 16, "max_position_embeddings": 64},
        vision_config={**size, "image_size": SIDE, "patch_size": 32},
        projection_dim=8,
        image_text_hidden_size=8,
    )
    torch.manual_seed(0)
    BlipForImageTextRetrieval(config).save_pretrained(folder)
    images = BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    BlipProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def make_grounding_dino(folder: Path, encoder: Path) -> Path:
    """Write a GroundingDINO and its processor."""
    import torch
    from transformers import (
        AutoTokenizer,
        BertConfig,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessor,
        GroundingDinoProcessor,
        SwinConfig,
    )

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    swin = SwinConfig(
        image_size=SIDE, window_size=2, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], out_indices=[2, 3, 4]
    )
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = GroundingDinoConfig(
        backbone_config=swin,
        text_config=BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **size),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=5,
        max_text_len=32,
        num_feature_levels=4,
        disable_custom_kernels=True,
    )
    torch.manual_seed(0)
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = GroundingDinoImageProcessor(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE})
    GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def make_florence(folder: Path) -> Path:
    """Write a Florence-2 and its processor; its vocabulary is letters and the thousand locations."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        BartConfig,
        CLIPImageProcessor,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
        PreTrainedTokenizerFast,
    )

    special = ["<s>", "<pad>", "</s>", "<unk>", "<image>", *(f"<loc_{number}>" for number in range(1000))]
    letters = [chr(code) for code in range(32, 127)]
    backend = Tokenizer(models.WordLevel({piece: n for n, piece in enumerate([*special, *letters])}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens={"image_token": "<image>"},
    )
    tokenizer.add_tokens(special[5:], special_tokens=True)
    images = CLIPImageProcessor(size={"height": SIDE, "width": SIDE}, do_center_crop=False)
    images.image_seq_length = 5  # of 2 x 2 patches, and their mean
    config = Florence2Config(
        text_config=BartConfig(
            vocab_size=len(tokenizer),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
            forced_eos_token_id=2,
        ).to_dict(),
        vision_config={
            "depths": [1, 1, 1, 1],
            "embed_dim": [8, 8, 16, 16],
            "num_heads": [1, 1, 2, 2],
            "num_groups": [1, 1, 2, 2],
            "window_size": 2,
            "projection_dim": 16,
        },
        image_token_id=tokenizer.image_token_id,
    )
    torch.manual_seed(0)
    Florence2ForConditionalGeneration(config).save_pretrained(folder)
    Florence2Processor(images, tokenizer).save_pretrained(folder)
    return folder


def make_phrase_models(folder: Path) -> dict[str, Path]:
    """Write all of them and return their folders by the names that flags spell."""
    encoder = make_text_encoder(folder / "encoder")
    return {
        "blip_itm": make_blip(folder / "blip", encoder),
        "grounding_dino": make_grounding_dino(folder / "dino", encoder),
        "florence_2": make_florence(folder / "florence"),
    }
