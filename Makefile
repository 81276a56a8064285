# Two commands are all the set-up there is: `make demo` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
BIN := .venv/bin
export UV_LINK_MODE := copy
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where the environment forbids it, each of a demo's many processes would compile its libraries anew.
unexport PYTHONDONTWRITEBYTECODE
LIBRARIES := _pytest botocore cfnlint ministack networkx numpy pandas polars pydantic sagemaker scipy sklearn sympy

.PHONY: demo test lint static install lock clean

demo: .venv/installed
	@$(BIN)/isthmus demo $(ARGS)

# A process for each core, each with clouds of its own; a file's tests stay together and share them.
test: static
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# What finds faults without running a test, and the tests that do nothing else: YAML and templates.
lint: static
	$(BIN)/python -m pytest -q tests/contract tests/cdk

static: install
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

install: .venv/installed .venv/checkov/installed node_modules/installed

# uv installs the hash-locked tree in seconds; pip installs only uv itself.
.venv/installed: requirements/all.lock requirements/bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Isthmus needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	@echo "installing into .venv (once, about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || (rm -rf .venv; echo "no venv module: on Debian, apt install python3-venv"; exit 1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/all.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@cd "$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')" && python -m compileall -qq -j 0 -x '/tests?/' $(CURDIR)/isthmus $(LIBRARIES)
	@$(BIN)/python -c 'import isthmus.deploy.app, cdk.accounts'
	@touch $@

# checkov's requirements contradict ours, so it has an environment of its own.
.venv/checkov/installed: requirements/checkov.lock .venv/installed
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/checkov
	@$(BIN)/uv pip install --quiet --python .venv/checkov/bin/python --require-hashes -r $<
	@touch $@

# Node's tools are for checks only (Microsoft's language service, the real cdk); the demo does without them.
node_modules/installed: package-lock.json .venv/installed
	@$(BIN)/npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# One lock for this checkout; for each extra that pipeline jobs install one that agrees with it; and for each
# environment beside it, a group of pyproject.toml, one of its own.
COMPILE := $(BIN)/uv pip compile --generate-hashes --universal --no-header --no-annotate --quiet
lock:
	$(COMPILE) pyproject.toml --all-extras --output-file requirements/all.lock
	for extra in audit build check container deploy follow; do \
		$(COMPILE) pyproject.toml --extra $$extra --constraints requirements/all.lock --output-file requirements/$$extra.lock; \
	done
	for group in benchmark checkov evidently; do \
		$(COMPILE) --group $$group --output-file requirements/$$group.lock; \
	done
	$(BIN)/npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

clean:
	rm -rf .venv node_modules .isthmus cdk.out
