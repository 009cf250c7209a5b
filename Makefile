# Everything sets itself up: a virtual environment in .venv, then what the target needs.
#   make report    the acceptance table of the shipped trace, into report/
#   make test      the default tests
#   make papers    every reproduction, one after the other; QUICK=1 for small ones
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TRACE  := traces/smollm2-135m
# tests run in one process a core, each of them with one thread
SPREAD := -n auto --dist worksteal
export OMP_NUM_THREADS ?= 1

.PHONY: report test slow lint notebooks papers benchmarks clean

report: $(VENV)/.base
	$(BIN)/specsim report $(TRACE) --out report

test: $(VENV)/.all
	$(BIN)/python -m pytest $(SPREAD)

slow: $(VENV)/.all
	$(BIN)/python -m pytest $(SPREAD) -m slow

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy theory specsim

notebooks: $(VENV)/.all
	$(BIN)/python -m pytest --nbmake --override-ini addopts= notebooks

# a stamp a paper: what is done is not done again; `make -k papers` goes on after one that fails
PAPERS := $(patsubst papers/%/reproduce.py,%,$(wildcard papers/*/reproduce.py))
STAMPS := build/papers$(if $(QUICK),-quick)
papers: $(PAPERS:%=$(STAMPS)/%.done)

$(STAMPS)/%.done: papers/%/reproduce.py papers/%/expected.csv | $(VENV)/.all
	mkdir -p $(@D)
	$(BIN)/python $< $(if $(QUICK),--quick)
	touch $@

benchmarks: $(VENV)/.all
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(VENV)/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.all: $(VENV)/.base
	$(PIP) --editable '.[all]'
	touch $@

clean:
	rm -rf $(VENV) report build
