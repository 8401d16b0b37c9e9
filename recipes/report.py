"""The page of a run: rewards, length, entropy, scores and biases over steps, the filter's histograms, pictures, settings.

    mcr report RUN_DIR

RUN_DIR is the output folder of sft, filter, grpo or evaluate, or a folder that holds several. Writes RUN_DIR/run.html.
"""

from pathlib import Path

from mcr.errors import run_command
from mcr.report.run_page import write_run_page
from mcr.runs.command_line import CommandParser


def main(argv: list[str] | None = None) -> None:
    """Write the page and say where it is."""
    parser = CommandParser(__doc__)
    parser.add_argument("run_dir", type=Path, help="output folder of a recipe, or one above several")
    args = parser.parse_args(argv)
    print(f"-> {write_run_page(args.run_dir)}")


if __name__ == "__main__":
    run_command(main)
