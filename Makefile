# Every target does its own set-up from a bare clone: a virtual environment in .venv, the exact versions of
# constraints.txt. pip's own configuration decides where packages come from (a local CPU wheel of torch is
# used where PIP_FIND_LINKS or pip.conf offers one).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CISTRON_DATA ?= $(abspath ../shared/data)
export CISTRON_DATA
PYTEST_ARGS ?= -n auto --dist loadfile

.PHONY: help demo test lint docs page bench clean
help:
	@echo "make demo   score the bundled PRNP variants and write cistron-demo/report.html"
	@echo "make test   format check, lint, types, import contracts, generated docs, tests"
	@echo "make lint   the first four of these"
	@echo "make docs   write the generated parts of the documentation again"
	@echo "make page   build the web page again (needs Node 20.19 or newer)"
	@echo "make bench  time the main job beside transformers and write bench/results/*.json"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Cistron needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "could not make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/cistron demo cistron-demo

lint: $(INSTALLED)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint
	$(BIN)/python scripts/generate_docs.py --check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

docs: $(INSTALLED)
	$(BIN)/python scripts/generate_docs.py

page:
	cd web && npm ci --no-audit --no-fund && npm run api && npm run build

bench: $(INSTALLED)
	$(BIN)/python bench/vcf.py
	$(BIN)/python bench/score.py
	$(BIN)/python bench/exactness.py

clean:
	rm -rf $(VENV) build dist cistron-demo .mypy_cache .pytest_cache .ruff_cache
