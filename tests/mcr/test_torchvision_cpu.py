"""Whatever imports mcr first can import transformers and torchvision afterwards; importing mcr brings no torch."""

import subprocess
import sys

import pytest


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_mcr_brings_no_torch():
    assert run("import mcr, sys; print({'torch', 'torchvision'} & set(sys.modules))") == "set()"


def test_image_processors_can_be_imported_after_mcr():
    pytest.importorskip("torchvision")
    assert run("import mcr; from transformers import Qwen2VLImageProcessor as P; print(P.__name__)") == "Qwen2VLImageProcessor"


def test_a_library_that_loads_defines_its_operators_itself():
    pytest.importorskip("torchvision")
    code = (
        "import mcr.torchvision_cpu as hook, torch\n"
        "torch.version.cuda = None\n"
        "hook._load_own_library = lambda: True\n"
        "hook._declare_operators()\n"
        "print(hasattr(torch.ops.torchvision, 'nms'))"
    )
    assert run(code) == "False"
