# Everything a developer types.  `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help dev test check fmt e2e bench lighthouse doctor shell seed clean
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
# The first interpreter that is new enough; PYTHON3=… chooses another.
PYTHON3 ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
TEMPLATES := templates
# Half of the slow tests wait for processes: three workers keep two cores busy.
WORKERS ?= 3
# Trust what this machine trusts, as pip does: behind a company's proxy uv's own list is not enough.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/*),true,false)

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# An unchanged lock costs nothing: the stamp is younger than both files.
$(READY): pyproject.toml uv.lock
	@if [ -z "$(PYTHON3)" ]; then \
		echo "Python 3.11 or newer is needed; python3 is $$(python3 --version 2>/dev/null || echo missing).  Install it, or name one: PYTHON3=/path/to/python3.12 make …" >&2; exit 1; fi
	@echo "Setting up $(VENV) with $$($(PYTHON3) --version); the first time takes a minute or two …"
	@[ -x $(PYTHON) ] || $(PYTHON3) -m venv $(VENV)
	@uv=uv; $$uv --version >/dev/null 2>&1 || uv=$(VENV)/bin/uv; \
	if ! $$uv --version >/dev/null 2>&1; then \
		echo "Installing uv into $(VENV) …"; \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check uv || exit 1; fi; \
	UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never $$uv sync --locked --python $(PYTHON)
	@touch $(READY)

dev: $(READY) ## Run everything: pages, live updates, workers, mail inbox, database
	@exec $(PYTHON) -m saas.embedded dev

test: $(READY) ## Run the tests (ARGS="-k name" for some)
	@exec $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal --ignore=tests/e2e $(ARGS)

check: $(READY) ## Run every check that needs no running server: style, types, imports, templates, Django
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(PYTHON) -m mypy .
	$(VENV)/bin/djlint --quiet --check $(TEMPLATES)
	$(VENV)/bin/djlint --quiet --lint $(TEMPLATES)
	$(VENV)/bin/compose-lint compose.yaml
	$(PYTHON) manage.py check --fail-level WARNING
	$(PYTHON) manage.py docs --check
	$(PYTHON) -m saas.embedded exec -- $(PYTHON) manage.py makemigrations --check --dry-run

fmt: $(READY) ## Format the code and the templates
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .
	-$(VENV)/bin/djlint --quiet --reformat $(TEMPLATES)

docs: $(READY) ## Write docs/events.md and the events of docs/webhooks.md from config/events.yaml
	$(PYTHON) manage.py docs

e2e: $(READY) ## Run the tests that drive a browser
	@exec $(PYTHON) -m pytest -n 2 tests/e2e $(ARGS)

bench: $(READY) ## Measure the speed of pages, as a table
	@exec $(PYTHON) -m tests.bench $(ARGS)

lighthouse: $(READY) ## Let Lighthouse judge the main pages as production serves them (needs Node and Chromium)
	@exec $(PYTHON) -m tests.bench.lighthouse

doctor: $(READY) ## Say what works, what is simulated, what is broken, and the fix
	@exec $(PYTHON) -m saas.embedded exec -- $(PYTHON) manage.py doctor

shell: $(READY) ## Open a Python shell with the application loaded
	@exec $(PYTHON) -m saas.embedded exec -- $(PYTHON) manage.py shell

seed: $(READY) ## Fill the development database with demo data
	@exec $(PYTHON) -m saas.embedded exec -- $(PYTHON) manage.py prepare

clean: ## Remove the environment, the development data and all caches
	@echo "Removing $(VENV), .data (the development database and mail) and caches."
	@rm -rf $(VENV) .data .staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
