# Everything runs in .venv, which `make venv` makes from requirements/ with nothing but Python 3.11.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: venv demo test lint format generated clean

venv: $(STAMP)

$(STAMP): $(wildcard requirements/*.txt)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 is needed; say PYTHON=/path/to/python3.11" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	@touch $(STAMP)

demo: venv ## a small site with tokens in it, on http://127.0.0.1:8000/
	$(BIN)/python scripts/demo

test: venv ## everything that CI runs; `scripts/test --list` names the steps
	$(BIN)/python scripts/test

lint: venv
	$(BIN)/python scripts/test ruff format mypy imports

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generated: venv ## rewrite the committed papers that are made from code
	$(BIN)/python scripts/generated

clean:
	-scripts/services down
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* htmlcov build dist var
