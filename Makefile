# Two commands from a fresh clone: `make evals` runs the main job, `make test` checks everything.
PYTHON ?= python3
BIN := .venv/bin
# Written when the environment is whole; older than what it was made from, it is made again.
INSTALLED := .venv/.installed

.PHONY: evals evals-all strategies gate test lint docs faults verdicts intervals campaign studies bench clean

# The main job: trains, measures and gates the dating case.
evals: $(INSTALLED)
	$(BIN)/pytest evals/ -m full --case fixtures/dating/case.toml

# Every case with its learning-rate trainings, and the gate on adapters that are trained well or badly on purpose.
evals-all: $(INSTALLED)
	$(BIN)/pytest evals/ -m "full or learning_rate"
	$(BIN)/pytest tests/faults -m quality

# Trains and compares the strategies of the shop case, and its adapter at each rank.
strategies: $(INSTALLED)
	$(BIN)/pytest evals/ -m strategies

# make gate ADAPTER=DIR [CASE=PATH] [BASE=DIR] [STRICT=yes]: read by the shell, not by make, since a name may hold anything.
gate: $(INSTALLED)
	$(BIN)/pytest evals/ -m gate --adapter "$$ADAPTER" $${CASE:+--case "$$CASE"} $${BASE:+--base-model "$$BASE"} \
		$${STRICT:+--strict-verdicts}

test: lint
	$(BIN)/mkdocs build --strict --quiet
	$(BIN)/pytest -n 2 --dist worksteal

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Writes the pages and the schema that come from the code, then builds the site.
docs: $(INSTALLED)
	$(BIN)/python -m harness.results.schema
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

# Makes each fault of the collection and gates it; writes the table of what catches it.
faults: $(INSTALLED)
	FAULTS_TABLE=docs/faults.md $(BIN)/pytest tests/faults -m "quality or not quality"

# False alarms and planted drops on models that are trained again, which takes an hour; writes the tables.
verdicts: $(INSTALLED)
	VERDICTS_TABLE=docs/verdicts.md $(BIN)/pytest tests/verdicts -m retraining

# How often the 95 % intervals hold the true value; writes the table.
intervals: $(INSTALLED)
	INTERVALS_TABLE=docs/intervals.md $(BIN)/pytest tests/statistics/test_coverage.py -m coverage

# Kills, interrupts, starves and crowds runs of a small case, for half an hour, and damages files; writes the table.
campaign: $(INSTALLED)
	CAMPAIGN_TABLE=docs/campaign.md CAMPAIGN_FUZZ=10000 $(BIN)/pytest tests/campaign -m "campaign or not campaign"

# Rank against learning rate, and what each recipe forgets: many trainings, an hour; writes the tables.
studies: $(INSTALLED)
	RANK_AND_RATE=docs/rank-and-rate.md FORGETTING=docs/forgetting.md $(BIN)/pytest tests/studies -m study

bench: $(INSTALLED)
	$(BIN)/pytest evals/ -m bench
	$(BIN)/pytest evals/ -m speed --case fixtures/dating/case.toml
	cp reports/performance-dating.md docs/performance.md

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all,dev]"
	touch $@

clean:
	rm -rf .harness reports site
