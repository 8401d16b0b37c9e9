"""Merge a LoRA adapter into its base, so that vLLM and the next stage read one plain model.

mcr merge --model runs/gmner_qwen2_5_vl_7b/mrsi/model --output_dir runs/gmner_qwen2_5_vl_7b/mrsi/merged
"""

from pathlib import Path

from mcr.errors import run_command
from mcr.models.load import load_model, load_processor
from mcr.prompts.settings import PromptSettings
from mcr.runs.command_line import CommandParser


def main(argv: list[str] | None = None) -> None:
    """Load base and adapter, merge, save with processor and prompt settings."""
    parser = CommandParser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with adapter_config.json")
    parser.add_argument("--output_dir", type=Path, required=True, help="folder of the merged model")
    args = parser.parse_args(argv)
    settings = PromptSettings.load(args.model)
    load_model(args.model).save_pretrained(args.output_dir)
    load_processor(args.model).save_pretrained(args.output_dir)
    settings.save(args.output_dir)
    print(f"merged model saved to {args.output_dir}")


if __name__ == "__main__":
    run_command(main)
