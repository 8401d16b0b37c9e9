"""Tiny detectors with random weights, as transformers saves them: RT-DETR and OWLv2."""

from pathlib import Path

SIDE = 64


def make_rt_detr(folder: Path) -> Path:
    """Write an RT-DETR and its image processor."""
    import torch
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrImageProcessorPil, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], out_features=["stage2", "stage3", "stage4"]
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_queries=6,
        num_denoising=0,
        id2label={0: "person", 1: "logo"},
        label2id={"person": 0, "logo": 1},
    )
    torch.manual_seed(0)
    RTDetrForObjectDetection(config).save_pretrained(folder)
    RTDetrImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def make_owlv2(folder: Path) -> Path:
    """Write an OWLv2 and its processor."""
    import torch
    from transformers import CLIPTokenizerFast, Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessorPil, Owlv2Processor

    words = [
        "!",  # the model leaves out queries whose first token has number 0
        "<|startoftext|>",
        "<|endoftext|>",
        *(chr(code) for code in range(97, 123)),
        *(f"{chr(code)}</w>" for code in range(97, 123)),
    ]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = CLIPTokenizerFast(vocab=vocabulary, merges=[], unk_token="<|endoftext|>", model_max_length=32)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    text = {
        **size,
        "vocab_size": len(words),
        "max_position_embeddings": 32,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }
    config = Owlv2Config(text_config=text, vision_config={**size, "image_size": SIDE, "patch_size": 16}, projection_dim=16)
    torch.manual_seed(0)
    model = Owlv2ForObjectDetection(config)
    for weights in model.box_head.dense2.parameters():  # boxes on the grid of patches, where random weights give empty ones
        torch.nn.init.zeros_(weights)
    model.save_pretrained(folder)
    Owlv2Processor(Owlv2ImageProcessorPil(size={"height": SIDE, "width": SIDE}), tokenizer).save_pretrained(folder)
    return folder
