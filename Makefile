# Needs Python 3.11 or later, make and git; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Processes that train together: two on two cores; 1 where there is one GPU.
PROCESSES ?= 2
# The index that `make serve` serves.
INDEX ?= instructcir-demo/index

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs serve train-tiny

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## install the package and the developers' tools into .venv

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev,lora,serve]' --constraint constraints.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "instructcir needs Python 3.11 or later; name one: make PYTHON=python3.12 setup" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

demo: setup ## show what it does, on pictures made on the spot
	$(BIN)/instructcir demo

test: setup ## run all tests
	$(BIN)/python -m pytest

check: setup ## lint, types, house rules and documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house_rules.py tests/test_cli_start.py tests/test_docs.py

bench: setup ## run every benchmark in bench/, one after the other
	@set -e; for bench in $(sort $(wildcard bench/*.py)); do echo "== $$bench"; $(BIN)/python $$bench; done

docs: setup ## write docs/cli.md anew from the commands' help texts
	$(BIN)/python -m typer instructcir.cli.main utils docs --name instructcir --output docs/cli.md

train-tiny: setup ## train the small model from nothing; goes on where it was interrupted
	for part in tower tower2 stage0 stage1 stage2 finish; do \
	  $(BIN)/torchrun --nproc-per-node $(PROCESSES) -m instructcir train tiny-$$part --into runs/tiny-$$part --resume || exit 1; \
	done
	rm -rf runs/tiny && $(BIN)/instructcir save runs/tiny-finish/model runs/tiny --dtype bfloat16
	$(BIN)/instructcir world score runs/tiny --out runs/tiny/scores.json
	$(BIN)/python bench/common/tiny_card.py runs runs/tiny
	@echo "runs/tiny is the model with its card; src/instructcir/bundled/tiny is where the package looks for it"

serve: setup ## the web page over an index: make serve INDEX=NAME
	$(BIN)/instructcir serve $(INDEX)
