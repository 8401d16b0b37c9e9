"""Predictions of any predictor, written row by row, so that a run that was stopped resumes with what is missing."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mcr.errors import ConfigError, McrError
from mcr.io.atomic_write import whole_file
from mcr.io.predictions import Prediction, prediction_from_dict, write_prediction
from mcr.io.samples import iter_json_lines
from mcr.prompts.baselines import Prompter
from mcr.records import Sample
from mcr.runs.fingerprint import check_fingerprint
from mcr.runs.run_folder import open_for_append
from mcr.systems.base import Predictor

WHOLE = "predictions.jsonl"


def predict_missing(
    samples: Sequence[Sample], make_predictor: Callable[[], Predictor], *, out: Path, fingerprint: Mapping[str, Any]
) -> list[Prediction]:
    """Predict what is missing, each process its share, and return all predictions in the order of the samples.

    Args:
        samples: to predict.
        make_predictor: called only where something is missing.
        out: holds predictions-NNN.jsonl, one a process, and at the end predictions.jsonl with all of them.
        fingerprint: what the predictions depend on.

    Raises:
        ConfigError: `out` holds predictions made with another fingerprint, or a predictions.jsonl of something else.
        McrError: the predictor left samples out.
    """
    from accelerate import PartialState

    state = PartialState()
    if state.is_main_process:
        if (out / WHOLE).exists() and not _read_parts(out):
            raise ConfigError(f"{out / WHOLE}: this run would overwrite it. Name another folder, or move the file.")
        check_fingerprint(out / "generation.json", fingerprint, "predictions")
    state.wait_for_everyone()
    if (done := _read_parts(out)) and state.is_main_process:
        print(f"resuming from {len(done)} of {len(samples)} predictions that were made before", flush=True)
    share = samples[state.process_index :: state.num_processes]
    append_missing(share, make_predictor, out=out, part=state.process_index, title="evaluate: predicting")
    state.wait_for_everyone()
    done = _read_parts(out)
    left_out = [sample.id for sample in samples if sample.id not in done]
    if left_out:
        raise McrError(
            f"predictor: got no prediction for {len(left_out)} samples ({', '.join(left_out[:3])}), expected one for each of "
            f"{len(samples)}. Yield an empty prediction where there is no answer."
        )
    predictions = [done[sample.id] for sample in samples]
    if state.is_main_process:
        write_whole(out / WHOLE, predictions)
    return predictions


def write_whole(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write the predictions of all processes into one file, complete or not at all."""
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        for prediction in predictions:
            write_prediction(file, prediction)


def append_missing(
    samples: Sequence[Sample], make_predictor: Callable[[], Predictor], *, out: Path, part: int, title: str
) -> dict[str, Prediction]:
    """Predict the samples that a folder has no prediction of, and return all that it has then, by their ids.

    Args:
        samples: to predict.
        make_predictor: called only where something is missing.
        out: the folder; it holds predictions-NNN.jsonl, one a process.
        part: the number of this process.
        title: of the progress bar.
    """
    done = _read_parts(out)
    missing = [sample for sample in samples if sample.id not in done]
    if not missing:
        return done
    predictor = make_predictor()
    with (
        open_for_append(out / f"predictions-{part:03d}.jsonl") as file,
        tqdm(total=len(missing), desc=title, unit="sample") as bar,
    ):
        for prediction in predictor.predict(missing):
            write_prediction(file, prediction)
            bar.update()
    return _read_parts(out)


def prompts_hash(samples: Sequence[Sample], prompts: Prompter) -> str:
    """Return a hash of everything that is asked: ids, conversations, image paths."""
    digest = hashlib.sha256()
    for sample in samples:
        asked = [sample.id, prompts.prompt_for(sample), [image.path for image in prompts.images_of(sample)]]
        digest.update(json.dumps(asked, ensure_ascii=True).encode("ascii"))
    return digest.hexdigest()


def _read_parts(out: Path) -> dict[str, Prediction]:
    """Return the predictions of all processes by id; torn lines are left out and generated again."""
    done: dict[str, Prediction] = {}
    for path in sorted(out.glob("predictions-*.jsonl")):
        for _, row in iter_json_lines(path):
            if isinstance(row, dict):
                prediction = prediction_from_dict(row)
                done[prediction.id] = prediction
    return done
