# Forwards only: the tasks themselves are in noxfile.py, tools/ and pytest's configuration.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

.PHONY: demo test lint types layers docs environment clean

demo: $(VENV)/installed
	@$(VENV)/bin/python tools/demo.py $(ARGS)

test: $(VENV)/installed
	@$(VENV)/bin/python -m pytest -n auto $(ARGS)

lint types layers docs: $(VENV)/installed
	@PATH="$(abspath $(VENV)/bin):$$PATH" $(VENV)/bin/python -m nox --no-venv -s $@

environment: $(VENV)/installed

# Older than what it was made from: the environment is made anew.
$(VENV)/installed: requirements/dev.txt requirements/openai2.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@echo "Making $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PYTHON) -m venv $(VENV)/openai2
	@$(VENV)/openai2/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/openai2.txt
	@touch $@

clean:
	rm -rf $(VENV) .nox build dist site
