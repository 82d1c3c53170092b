# Vigia: two commands are all that it takes, `make dashboard` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
PYTHON3 ?= python3
PYTHON := .venv/bin/python
STORE ?= $(or $(VIGIA_STORE),.vigia)
PORT ?= 8501
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export VIGIA_STORE := $(STORE)

.DEFAULT_GOAL := help
.PHONY: help dashboard test lint types architecture benchmark browser
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo; echo "  make dashboard STORE=dir PORT=n keeps its data in dir (default .vigia) and listens on port n (default 8501)."

dashboard: .venv/run ## install what is missing, load the bundled sample on the first start, open the dashboard
	@! $(PYTHON) -S -c 'import socket, sys; sys.exit(socket.socket().connect_ex(("127.0.0.1", $(PORT))))' || { \
		echo "Port $(PORT) is taken, perhaps by a Vigia that runs already: try make dashboard PORT=$$(( $(PORT) + 1 ))." >&2; exit 2; }
	@if [ ! -e "$(STORE)/.ready" ]; then \
		$(PYTHON) -c 'import sys; from data.store import models, open_store; sys.exit(not models(open_store()))' 2>/dev/null || { \
			echo "Loading the bundled sample into $(STORE): a year of real flights, once, a minute or two."; \
			$(PYTHON) -m monitors sample || exit $$?; }; \
		[ ! -d "$(STORE)" ] || touch "$(STORE)/.ready"; \
	fi
	@echo "Vigia is at http://127.0.0.1:$(PORT) (Ctrl+C ends it)."
	@screen=true; if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then screen=false; fi; \
	exec $(PYTHON) -m streamlit run pages/parts/server.py --server.port $(PORT) --server.headless $$screen --server.showEmailPrompt false

test: .venv/test browser ## install what the tests need, the browser too, and run all of them
	@echo "Running all tests, the browser's last."
	@$(PYTHON) -m pytest -n $$($(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)') --dist loadscope --no-loadscope-reorder  # a browser's test waits half its time

lint: .venv/test ## ruff
	@$(PYTHON) -m ruff check .

types: .venv/test ## mypy --strict on monitors/ and data/
	@$(PYTHON) -m mypy

architecture: .venv/test ## nothing imports upwards: import-linter
	@.venv/bin/lint-imports

benchmark: .venv/test ## print what things cost here, as ratios; takes minutes
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; PYTHONPATH=. $(PYTHON) "$$file" || exit 1; done

# The stamps: made again only when the pinned requirements change.
.venv/python:
	@command -v $(PYTHON3) >/dev/null || { echo "Vigia needs Python 3.11 or newer: install it, then run make again." >&2; exit 2; }
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Vigia needs Python 3.11 or newer, and $(PYTHON3) is older: run make PYTHON3=/path/to/python3.11 …" >&2; exit 2; }
	@[ -x $(PYTHON) ] || { echo "Making .venv."; $(PYTHON3) -m venv .venv; } \
	|| { echo "Python cannot make a virtual environment: install its venv module (Debian: sudo apt-get install python3-venv)." >&2; exit 2; }
	@touch $@

.venv/run: requirements.txt .venv/python
	@echo "Installing what the dashboard needs (about half a minute)."
	@$(PYTHON) -m pip install --quiet -r requirements.txt \
	|| { echo "The packages of requirements.txt could not be installed: see pip's message above." >&2; exit 2; }
	@touch $@

.venv/test: requirements-dev.txt requirements.txt .venv/python
	@echo "Installing what the tests need (about half a minute)."
	@$(PYTHON) -m pip install --quiet -r requirements-dev.txt \
	|| { echo "The packages of requirements-dev.txt could not be installed: see pip's message above." >&2; exit 2; }
	@touch .venv/run $@

browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests."; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; fi; \
	echo "The browser tests need Chromium or Chrome: install it (Debian: sudo apt-get install chromium), then run make test again." >&2; exit 2
