"""Candidate images in the sandbox: what shares a name, one that does not have to, the same for the same seed."""

import json

from data_prep import make_sandbox
from mcr.io.samples import load_samples
from mcr.systems.vkel.candidates import NUM_FITTING, candidates, main


def test_candidates_share_a_name_but_for_one(tmp_path):
    make_sandbox.main(["--output_dir", str(tmp_path / "pool"), "--train", "60", "--dev", "1", "--test", "1"])
    make_sandbox.main(["--output_dir", str(tmp_path / "texts"), "--train", "20", "--dev", "1", "--test", "1", "--seed", "9"])
    pool, texts = (load_samples(tmp_path / name / "train.jsonl") for name in ("pool", "texts"))
    named = {sample.images[0].path: {entity.text for entity in sample.entities} for sample in pool}
    rows = dict(candidates(texts, pool, seed=0))
    assert list(rows) == [text.id for text in texts]
    for text in texts:
        found = rows[text.id]
        strange = [path for path in found if not named[path] & {entity.text for entity in text.entities}]
        assert 1 <= len(found) <= NUM_FITTING + 1
        assert len(strange) <= 1
        assert len(set(found)) == len(found)
    assert rows == dict(candidates(texts, pool, seed=0)) != dict(candidates(texts, pool, seed=1))
    files = ("--texts", tmp_path / "texts/train.jsonl", "--pool", tmp_path / "pool/train.jsonl", "--output", tmp_path / "c.jsonl")
    main([str(one) for one in files])
    assert {row["id"]: row["images"] for row in map(json.loads, (tmp_path / "c.jsonl").read_text().splitlines())} == rows
