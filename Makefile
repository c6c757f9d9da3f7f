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

# Older than what it was made from: the environment is made anew. `make -j2` fills its two parts at once.
# The locked uv installs what the locks say, hashes checked, in a tenth of pip's time; pip does where uv finds no
# index, which only pip's own settings may name. Copies: what a test does to a file stays out of uv's cache.
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
UV_INSTALL = $(VENV)/bin/uv pip install --quiet --link-mode copy --require-hashes

$(VENV)/made: requirements/dev.txt requirements/openai2.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@echo "Making $(VENV) (once; about half a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt >$(VENV)/uv.txt
	@$(VENV)/bin/python $(PIP_INSTALL) --require-hashes -r $(VENV)/uv.txt
	@touch $@

$(VENV)/dev: $(VENV)/made
	@$(UV_INSTALL) --python $(VENV)/bin/python -r requirements/dev.txt \
		|| $(VENV)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/openai2/made: $(VENV)/made
	@$(PYTHON) -m venv $(VENV)/openai2
	@$(UV_INSTALL) --python $(VENV)/openai2/bin/python -r requirements/openai2.txt \
		|| $(VENV)/openai2/bin/python $(PIP_INSTALL) --no-compile --require-hashes -r requirements/openai2.txt
	@touch $@

$(VENV)/installed: $(VENV)/dev $(VENV)/openai2/made
	@touch $@

clean:
	rm -rf $(VENV) .nox build dist site
