# make run: process the example analysis · make test: the whole suite · make check: format, lint, types
# make schema: the published shape of reports anew, from the typed records in the code
# make screenshots: pictures of the HTML report of the example, into docs/images (needs Chromium)
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What `make run` installs beside the mandatory libraries; `make test` installs everything.
EXTRAS ?= network,static,fuzzy,yara
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run test check format schema screenshots clean

$(BIN)/fledge: setup.cfg pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -e '.[$(EXTRAS)]'
	touch $@

$(VENV)/development: $(BIN)/fledge
	$(PIP) install -e '.[all,test,check]'
	touch $@

run: $(BIN)/fledge
	$(BIN)/fledge process 1

test: $(VENV)/development
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/development
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/development
	$(BIN)/python -m tools.schema

screenshots: $(VENV)/development
	$(BIN)/fledge process 1
	$(BIN)/python -m tools.screenshots storage/analyses/1/reports/report.html docs/images

clean:
	rm -rf $(VENV) build *.egg-info lib/cuckoo/*/*.so lib/cuckoo/*/*.c
