# Two commands on a fresh machine: `make quickstart`, `make test`. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build of PyTorch; set TORCH=torch for the newest build with CUDA.
TORCH ?= torch==2.13.0

# The scripts of benchmarks/ that need nothing but what is installed.
CLAIMS := bulk_encoding dump_to_text finetune_speed inference load morphology pretrain_step serving serving_cold stages vocabulary

.PHONY: install install-dev quickstart test check bench docs clean

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'malmoi needs Python 3.11 or later')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[train]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[train,export,serve,dev]"
	touch $@

quickstart: install
	$(BIN)/malmoi quickstart --force

# Files of tests side by side, each process with one thread: more would wait for each other.
test: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py

bench: install-dev
	set -e; for claim in $(CLAIMS); do $(BIN)/python benchmarks/$$claim.py --quick; done

# The page of commands and the notebooks, then the site of all of them in site/; a broken link is an error.
docs: install-dev
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/tutorials/make_notebooks.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs site
	@echo "open site/index.html"

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
