# One command each. `make` lists them; all are safe to repeat and quick the second time.
#
#   PYTHON   the Python to build .venv with (3.11 or newer; found by itself if it can be)
#   SPEC     what `make demo` builds
#   ARGS     handed on: make demo ARGS="--seed 7", make test ARGS="-k broker -x"
#   WORKERS  how many processes share the tests, each a file at a time; 0 for none: most tests wait for processes

SPEC ?= specs/numkit.yaml
ARGS ?=
WORKERS ?= 2
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell \
	command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	>/dev/null 2>&1 && echo $(name))) python3)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" .venv/tools/bin/uv pip compile pyproject.toml --universal --quiet \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11

# $(call phase,what,command): run quietly; say what and how long it took; show everything if it fails.
define phase
@start=$$(date +%s); log=$$(mktemp); printf '%-32s' '$(1)'; \
if { $(2); } >"$$log" 2>&1 </dev/null; \
then printf '%4d s\n' $$(( $$(date +%s) - start )); rm -f "$$log"; \
else printf 'failed after %d s\n' $$(( $$(date +%s) - start )); cat "$$log"; rm -f "$$log"; exit 1; fi
endef

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-dev model demo test fast fault mlx browser pictures reference check bench lock clean moved

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: .venv/.setup  ## make .venv with the guildbus command in it
	@:

setup-dev: .venv/.setup-dev  ## setup, and the tools for tests and checks
	@:

model: setup  ## fetch the default model (1.06 GB, once), its hash checked
	@$(BIN)/guildbus models pull

demo: model  ## everything from nothing: build SPEC with the real model
	@$(BIN)/guildbus build $(SPEC) $(ARGS)

test: setup-dev  ## the whole suite; tests of the real model run when it is there
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

fast: setup-dev  ## the unit tests: no sockets, no processes
	@$(BIN)/pytest tests/unit $(ARGS)

fault: setup-dev  ## the fault tests, and a short run of the fault suite: kills, stops, garbage
	@$(BIN)/pytest tests/fault -m 'long or not long' $(ARGS)
	@$(BIN)/pytest tests/integration/test_model_servers.py tests/e2e -m long $(ARGS)
	@$(BIN)/guildbus bench faults --scale 0.02

mlx: setup-dev  ## try the real mlx_lm.server; elsewhere than on Apple Silicon mlx[cpu] is installed first
	@$(BIN)/pytest tests/integration/test_mlx_server.py -m long $(ARGS)

browser:  ## Chromium for the tests of the web view, from the system's packages (needs root)
	@command -v chromium >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
			echo "install Chromium: as root, apt-get install chromium"; exit 1; }; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }

pictures: setup-dev browser  ## the README's pictures of the web view, of the newest run or ARGS="--run RUN"
	@$(BIN)/python bench/pictures.py $(ARGS)

reference: setup-dev  ## the pages of docs/reference, made anew from the code
	@$(BIN)/python -P -m guildbus.launch.reference docs/reference

check: setup-dev  ## lint, formatting, types, layers
	$(call phase,ruff check,$(BIN)/ruff check .)
	$(call phase,ruff format,$(BIN)/ruff format --check --diff .)
	$(call phase,mypy --strict,$(BIN)/mypy)
	$(call phase,import-linter,$(BIN)/lint-imports)

bench: model  ## all specs, five seeds each, judged by hidden tests; such as ARGS="--specs numkit"
	@$(BIN)/guildbus bench eval $(ARGS)

lock: .venv/.python .venv/tools/bin/uv  ## pin all dependencies anew, with hashes
	$(call phase,requirements.lock,$(LOCK) --group build --upgrade -o requirements.lock $(ARGS))
	$(call phase,requirements-dev.lock,$(LOCK) --group build --group dev -c requirements.lock --upgrade \
		-o requirements-dev.lock $(ARGS))

clean:  ## remove .venv and all caches; models and runs stay
	@rm -rf .venv build dist src/*.egg-info
	@rm -rf examples/*/build examples/*/dist examples/*/src/*.egg-info
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find agents bus launch protocols tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Scripts in .venv/bin know their folder by its full name: a repository that was moved needs a new one.
ifneq ($(shell cat .venv/.python 2>/dev/null),$(CURDIR))
.venv/.python: moved
endif
.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "guildbus needs Python 3.11 or newer, and $(PYTHON) is not:" \
			"$$($(PYTHON) --version 2>&1)"; \
		echo "install one and say where it is: make setup PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv with pip in it. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(call phase,.venv with $(notdir $(PYTHON)),$(PYTHON) -m venv --clear .venv && echo '$(CURDIR)' >$@)

.venv/.setup: .venv/.python requirements.lock pyproject.toml
	$(call phase,dependencies,$(PIP) install --require-hashes -r requirements.lock)
	$(call phase,guildbus itself,$(PIP) install --no-deps --no-build-isolation --check-build-dependencies -e .)
	@touch $@

.venv/.setup-dev: .venv/.setup requirements-dev.lock
	$(call phase,development tools,$(PIP) install --require-hashes -r requirements-dev.lock)
	@touch $@

.venv/tools/bin/uv: .venv/.python
	$(call phase,uv,$(BIN)/python -m venv .venv/tools && .venv/tools/bin/pip install --quiet uv)
