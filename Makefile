# The book and its package: `make help` lists the targets. Needs Python 3.11 or newer, make and pip.

PYTHON ?= python3
# For a CPU-only torch: make book TORCH_INDEX=<index address that pytorch.org shows for CPU>
TORCH_INDEX ?=

# d2l pins versions that no longer install; Syne Tune asks for hundreds of megabytes that we never use.
WITHOUT_DEPS := d2l==1.0.3 syne-tune==0.16.0
BENCH_WITHOUT_DEPS := huggingface_hub==0.36.0

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
NOTEBOOKS := _build/notebooks
PDF := _build/pdf/d2l_hpo.pdf
SPHINX := $(PY) -m sphinx -q -W --keep-going -c book
PDF_PACKAGES := latexmk texlive-xetex texlive-latex-recommended texlive-latex-extra \
    texlive-fonts-recommended texlive-plain-generic tex-gyre fonts-freefont-otf \
    fonts-dejavu-core libcairo2

.DEFAULT_GOAL := book
MAKEFLAGS += --no-print-directory
.PHONY: book test lab lib notebooks drawings executed html pages pdf paper check elsewhere bench clean help install moved
.NOTPARALLEL:

# Whatever environment is active outside must not reach into .venv.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME CONDA_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONHASHSEED := 0

# The PDF first, since pages link to it where it is there; pages are made in any case.
book: executed  ## Execute the sections, write _build/html and, with latexmk, _build/pdf (default)
	@status=0; $(MAKE) paper || status=$$?; $(MAKE) pages && exit $$status
	@$(PY) book/notebooks.py statements

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /    make \1@/p' Makefile | column -t -s @ 2>/dev/null \
	    || sed -n 's/^\([a-z]*\):.*## /    make \1: /p' Makefile

install: $(INSTALLED)  ## Make .venv with everything in requirements.txt and this project

# An environment made in another folder still points there: install again.
ifneq ($(shell cat $(INSTALLED) 2>/dev/null),$(shell pwd))
$(INSTALLED): moved
endif

$(INSTALLED): requirements.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null \
	    || { echo "$(PYTHON) not found: install Python 3.11 or newer, or make PYTHON=..."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$$("$(PYTHON)" --version) is too old: Python 3.11 or newer is needed;"; \
	    echo "name it, for example: make PYTHON=python3.12"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@if [ -n "$(TORCH_INDEX)" ]; then $(PY) -m pip install --no-deps --index-url "$(TORCH_INDEX)" \
	    $$(grep -E '^(torch|torchvision)==' requirements.txt); fi
	$(PY) -m pip install --quiet -r requirements.txt
	$(PY) -m pip install --quiet --no-deps $(WITHOUT_DEPS)
	$(PY) -m pip install -qq --no-deps --no-build-isolation --editable .
	@pwd > $@

lib: $(INSTALLED)  ## Write d2l_hpo/*.py from the cells that sections save
	$(PY) book/extract.py

notebooks: $(INSTALLED)  ## Write notebooks/*.ipynb (without outputs) from the sections
	$(PY) book/notebooks.py sync

drawings: $(INSTALLED)  ## Write img/*.svg from img/src, and with node img/lab from the laboratory
	$(PY) -m img.src
	$(PY) book/laboratory.py

executed: lib notebooks drawings
	$(PY) book/notebooks.py execute

html: executed pages  ## Write the web pages to _build/html

pages:
	$(SPHINX) -b html -d _build/doctrees/html $(NOTEBOOKS) _build/html
	@echo "web pages: _build/html/index.html"

pdf: executed paper  ## Write _build/pdf/d2l_hpo.pdf, if latexmk and xelatex are there

paper:
	@if command -v latexmk >/dev/null && command -v xelatex >/dev/null; then $(MAKE) $(PDF); \
	 else echo "no PDF: latexmk or xelatex is missing; on Debian: apt install $(PDF_PACKAGES)"; fi

.PHONY: $(PDF)
$(PDF):
	$(SPHINX) -b latex -d _build/doctrees/latex $(NOTEBOOKS) _build/latex
	@cd _build/latex && latexmk -pdfxe -silent -interaction=nonstopmode -halt-on-error \
	    d2l_hpo.tex >latexmk.out 2>&1 || { tail -n 40 latexmk.out d2l_hpo.log; exit 1; }
	@mkdir -p $(@D) && cp _build/latex/d2l_hpo.pdf $@
	@$(PY) book/excerpt.py $@ "Cheat Sheet" $(@D)/cheatsheet.pdf
	@echo "PDF: $@"

test: book  ## Set up, build, then run all tests, the notebooks' second run included
	$(PY) -m pytest -n 2 tests
	env -u MPLBACKEND TQDM_DISABLE=1 OMP_NUM_THREADS=1 IPYTHONDIR="$$PWD/_build/ipython" \
	    $(PY) -m pytest -n 2 --dist loadfile \
	    --nbval --nbval-sanitize-with tests/nbval.cfg --nbval-cell-timeout 7200 \
	    --nbval-kernel-startup-timeout 600 $(NOTEBOOKS)

check: $(INSTALLED)  ## Lint, check types, and compare the generated files with the sections
	$(PY) book/extract.py --check
	$(PY) book/notebooks.py sync --check
	$(PY) -m img.src --check
	$(PY) book/laboratory.py --check
	$(PY) book/limits.py
	$(PY) -m ruff check
	$(PY) book/check_types.py

# Some kinds: make elsewhere KINDS=avx2,plain; one of them, another each day: KINDS=today
elsewhere: $(INSTALLED)  ## Run the sections as other processors would; list what fails (an hour)
	$(PY) book/elsewhere.py $(if $(KINDS),--kinds $(KINDS))

lab: $(INSTALLED) notebooks  ## Open the sections in JupyterLab
	$(PY) -m jupyterlab --notebook-dir notebooks

bench: $(INSTALLED)  ## Compare speed and search quality with other libraries (about an hour)
	$(PY) -m pip install --quiet -r benchmarks/requirements.txt
	$(PY) -m pip install --quiet --no-deps $(BENCH_WITHOUT_DEPS)
	$(PY) -m benchmarks.training
	$(PY) -m benchmarks.simulator
	$(PY) -m benchmarks.search_quality
	$(PY) -m benchmarks.suggest_time
	$(PY) -m benchmarks.parallel
	$(PY) -m benchmarks.schedulers
	$(PY) -m benchmarks.search_cv

clean:  ## Remove everything that was built, but not .venv
	rm -rf _build build d2l_hpo.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
