# One place to run everything; CI and the README use these targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := .venv-bench

.PHONY: install run test chaos bench screenshots reference docs lint lock clean

install: $(VENV)/.dev

# The interpreter, then uv (fast), with plain pip as the fallback: both read the same hashed lock.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Dueline needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Try: make PYTHON=python3.12 run"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "Python's venv is not complete here. Try: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || echo "uv could not be had; pip will do."

# Of a lock, into an environment.
define fill
	@if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --compile-bytecode --python $(2)/bin/python --require-hashes -r $(1); \
	  else $(2)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1); fi
endef

define install_locked
	$(call fill,$(1),$(VENV))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q config connector sla webhooks
	@touch $@
endef

$(VENV)/.run: $(BIN)/python requirements.lock pyproject.toml
	$(call install_locked,requirements.lock)

$(VENV)/.dev: $(BIN)/python requirements-dev.lock pyproject.toml
	$(call install_locked,requirements-dev.lock)
	@touch $(VENV)/.run

run: $(VENV)/.run
	@$(BIN)/dueline run

test: $(VENV)/.dev
	@$(BIN)/pytest -q -n auto --dist worksteal $(ARGS)

# Processes killed and a Jira that misbehaves, for so many seconds: make chaos SECONDS=600 SEED=7
SECONDS ?= 60
SEED    ?= 1
chaos: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED) $(ARGS)

# Pictures of every page of the console, for a person to look at: make screenshots ARGS="/board"
screenshots: $(VENV)/.dev
	@$(BIN)/python -m tests.browser screenshots $(ARGS)

# The pages of the documentation that are made of the code.
reference: $(VENV)/.dev
	@$(BIN)/python -m config.settings_reference
	@$(BIN)/python -m webhooks.reference

# The documentation as a site, into docs-site/; a link that leads nowhere fails it.
docs: reference
	@NO_COLOR=1 $(BIN)/zensical build --strict --clean

# What is promised about speed and size, measured beside the peers, which have an environment of their
# own: make bench ARGS="deadline_8h --quick"
bench: $(VENV)/.dev $(PEERS)/.filled
	@$(BIN)/python -m bench $(ARGS)

$(PEERS)/.filled: $(BIN)/python bench/requirements.lock
	$(BIN)/python -m venv $(PEERS)
	$(call fill,bench/requirements.lock,$(PEERS))
	@touch $@

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Pin every dependency with its hashes; the file names no registry.
lock: $(BIN)/python
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml requirements.build.in -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --extra otel -c requirements.lock pyproject.toml requirements.build.in -o requirements-otel.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --extra dev --extra docs --extra otel -c requirements.lock pyproject.toml requirements.build.in -o requirements-dev.lock
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' | \
	  $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  - -o bench/requirements.lock

clean:
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache docs-site
