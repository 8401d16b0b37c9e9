"""What vLLM's CPU build needs to run inside our processes and to take up new weights."""

import os
from typing import Any

SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process, where its weights can be reached
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # cores are shared with the trainer
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
}


def prepare_cpu_engine() -> dict[str, Any]:
    """Set vLLM up for the CPU where torch has no CUDA; what the user has set stays. Call before vLLM is imported.

    Returns:
        Settings for vllm.LLM. A prompt that is prefilled in pieces would take back a draw from the generator of its seed, which
        ends the engine: a CPU's generator has no offset.
    """
    import torch

    if torch.version.cuda is not None:
        return {}
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # With oneDNN vLLM repacks linear weights and drops the originals, so that the next policy could not be loaded
    # ("'Parameter' object has no attribute 'weight_loader'").
    from vllm import _custom_ops  # pyright: ignore[reportAttributeAccessIssue] vLLM is optional; the name is this folder's, too

    _custom_ops._supports_onednn = False
    return {"enable_chunked_prefill": False}
