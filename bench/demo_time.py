"""How long the demo takes on an idle and on a busy machine, and how much memory: minutes, and the ratio to a loop of fixed work.

    python bench/demo_time.py --output_dir runs/demo_time [--demo "--small"]

The busy run shares the cores with two processes that never rest. The loop is timed right before each run on one thread, without
the busy processes: its seconds tell a fast machine from a slow one.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import psutil
import torch

from mcr.report.markdown import table

DEMO = Path(__file__).resolve().parent.parent / "recipes" / "demo.py"
SIDE, ROUNDS, NUM_BUSY = 512, 400, 2
GIB = 2**30


def calibrate() -> float:
    """Return the seconds of a fixed number of matrix products on one thread."""
    torch.set_num_threads(1)
    matrix = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) / SIDE**0.5
    started, product = time.perf_counter(), matrix
    for _ in range(ROUNDS):
        product = product @ matrix
    return time.perf_counter() - started


def be_busy() -> None:
    """Keep one core busy."""
    while True:
        pass


def memory_of(process: psutil.Process) -> int:
    """Return the bytes that a process and its children hold; what several share counts once (proportional set size)."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def run_demo(out: Path, flags: list[str]) -> tuple[float, int]:
    """Return the seconds of one demo and the most memory that it held."""
    out.mkdir(parents=True)
    started, most = time.monotonic(), 0
    with (out / "log.txt").open("w", encoding="utf-8") as log:
        command = [sys.executable, str(DEMO), "--output_dir", str(out / "run"), *flags]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, memory_of(watched))
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"the demo ended with code {process.returncode}; see {out / 'log.txt'}")
    return time.monotonic() - started, most


def main() -> None:
    """Time both runs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, required=True, help="a new folder")
    parser.add_argument("--demo", default="", help="flags of the demo")
    args = parser.parse_args()
    rows = []
    for name, num_busy in (("idle", 0), ("busy", NUM_BUSY)):
        unit = calibrate()
        others = [multiprocessing.Process(target=be_busy, daemon=True) for _ in range(num_busy)]
        for other in others:
            other.start()
        seconds, most = run_demo(args.output_dir / name, args.demo.split())
        for other in others:
            other.terminate()
        rows.append((name, f"{seconds / 60:.1f}", f"{unit:.2f}", f"{seconds / unit:.0f}", f"{most / GIB:.2f}"))
    print(table(("machine", "minutes", "loop, s", "ratio", "memory, GiB"), rows))


if __name__ == "__main__":
    main()
