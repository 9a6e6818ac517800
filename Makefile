# Two commands from a fresh clone: `make evals` runs the main job and the gate on good and bad adapters, `make test` checks everything.
PYTHON ?= python3
BIN := .venv/bin
# Written when the environment is whole; older than what it was made from, it is made again.
INSTALLED := .venv/.installed

.PHONY: evals gate test faults verdicts lint bench clean

evals: $(INSTALLED)
	$(BIN)/pytest evals/ -m full
	$(BIN)/pytest tests/faults -m quality

# make gate ADAPTER=DIR [CASE=PATH] [BASE=DIR] [STRICT=yes]: read by the shell, not by make, since a name may hold anything.
gate: $(INSTALLED)
	$(BIN)/pytest evals/ -m gate --adapter "$$ADAPTER" $${CASE:+--case "$$CASE"} $${BASE:+--base-model "$$BASE"} \
		$${STRICT:+--strict-verdicts}

test: lint
	$(BIN)/pytest

# What the merge gate catches, by making each fault; writes the table.
faults: $(INSTALLED)
	FAULTS_TABLE=docs/faults.md $(BIN)/pytest tests/faults -m "quality or not quality"

# What the verdicts are worth: false alarms and planted drops on models trained again, which takes an hour; writes the tables.
verdicts: $(INSTALLED)
	VERDICTS_TABLE=docs/verdicts.md $(BIN)/pytest tests/verdicts -m retraining

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/pytest evals/ -m "bench or speed"

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf .harness reports
