# Threadvault. `make run` and `make test` need Python 3.11 to 3.13 with pip, or uv, and nothing else.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name) 2>/dev/null)))
VENV := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test check bench soak test-e2e environment environment-dev environment-providers

help: ## Show this list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 16

environment:
	@test -n "$(PYTHON)" || { echo "threadvault: Python is missing; install the package python3 (3.11 to 3.13)."; exit 1; }
	@$(PYTHON) governance/runtime/bootstrap.py run

environment-dev:
	@test -n "$(PYTHON)" || { echo "threadvault: Python is missing; install the package python3 (3.11 to 3.13)."; exit 1; }
	@$(PYTHON) governance/runtime/bootstrap.py dev

environment-providers: environment ## Add the clients of AWS KMS and PKCS#11
	@$(PYTHON) governance/runtime/bootstrap.py providers

run: environment ## Start everything and show how to use it
	@exec $(VENV) -m governance.runtime run

test: environment-dev ## Run the whole test suite, by two processes, then what measures time
	@$(VENV) -m governance.runtime.debian
	@$(VENV) -m pytest -n 2 --dist worksteal -m "not alone"
	@$(VENV) -m pytest -m alone

test-e2e: environment-dev ## Run the browser tests only
	@$(VENV) -m governance.runtime.debian
	@$(VENV) -m pytest -m e2e

check: environment-dev ## Run every static check
	@$(VENV) -m governance.runtime.checking

bench: bench-store bench-access bench-audit bench-workers bench-detection bench-rotation bench-console ## Run every benchmark

bench-%: environment-dev ## Run one benchmark, for instance bench-store
	@$(VENV) -m governance.runtime exec -- $(VENV) -m benchmarks.$*

soak: environment-dev ## Run the attacks at full size
	@THREADVAULT_SOAK=1 $(VENV) -m pytest tests/security tests/concurrency
