# The book and its package: `make help` lists the targets. Needs Python 3.11 or newer, make and pip.
# What a target does is in book/make.py, which also works without make: python book/make.py TARGET

PYTHON ?= python3
# For a CPU-only torch: make book TORCH_INDEX=<index address that pytorch.org shows for CPU>
TORCH_INDEX ?=
# Of `make elsewhere`: KINDS=avx2,plain for some; one of them, another each day: KINDS=today
KINDS ?=

TARGETS := book test outside lab check lib notebooks drawings executed html pages pdf paper \
    elsewhere bench install clean

.DEFAULT_GOAL := book
MAKEFLAGS += --no-print-directory
.PHONY: $(TARGETS) help
.NOTPARALLEL:

# Whatever environment is active outside must not reach the Python that runs book/make.py.
unexport PYTHONPATH PYTHONHOME

RUN = @command -v "$(PYTHON)" >/dev/null || { \
    echo "$(PYTHON) not found: install Python 3.11 or newer, or make PYTHON=..."; exit 1; }; \
    "$(PYTHON)" book/make.py

$(TARGETS):
	$(RUN) $@ $(if $(TORCH_INDEX),--torch-index "$(TORCH_INDEX)") $(if $(KINDS),--kinds "$(KINDS)")

help:
	$(RUN) --help
