# Two commands: `make book` builds the book, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHAPTER ?= carbon_intensity
P ?=
PAGES ?= _build/html/index.html
export PYTHONUTF8 = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: tex tex-packages print help book pages strict pdf latex thesis test real real-programs real-pages packages chapters chapter run lab bench campaign programs data lock lint clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python %d.%d found; 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ..." % v)'
	@echo "[setup] virtual environment in $(VENV), locked and hashed packages: 1 to 3 minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

BUILD = $(BIN)/jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . --quiet

book: $(READY)  ## execute the chapters that changed, build the book, print its path
	@echo "[chapters] executing what changed: up to two minutes a chapter"
	@$(BIN)/python book/pipeline.py execute
	@$(MAKE) --no-print-directory pages BOOK_FLAGS="$(BOOK_FLAGS)"

pages: $(READY)  ## build the book from the stored notebooks, executing none: about a minute
	@echo "[book] building the pages"
	@$(BUILD) $(BOOK_FLAGS)
	@test -s $(PAGES) && echo "[book] open $(abspath $(PAGES))"

strict: BOOK_FLAGS := -n -W --keep-going --all
strict: book  ## the same from scratch; any warning, broken link or foreign request is an error
	@$(BIN)/python book/check_pages.py $(dir $(PAGES))

# What sets a PDF: TeX Live, by the names of its Debian and Ubuntu packages.
# Each is named, since not everybody installs what packages recommend.
TEX_PACKAGES := texlive-latex-extra texlive-science texlive-xetex texlive-fonts-recommended latexmk \
	tex-gyre fonts-texgyre fonts-texgyre-math fonts-dejavu-core
FONTS := texgyrepagella-regular.otf texgyreheros-regular.otf texgyrepagella-math.otf DejaVuSansMono.ttf
LATEXMK := latexmk -interaction=nonstopmode -halt-on-error
NEED_TEX = @for program in latexmk pdflatex xelatex; do command -v $$program >/dev/null || { echo "[tex] no $$program here: apt-get install $(TEX_PACKAGES)"; exit 1; }; done
NEED_FONTS = @for font in $(FONTS); do test -n "$$(kpsewhich $$font)$$(fc-list 2>/dev/null | grep -F $$font)" || { echo "[tex] no font $$font here: apt-get install $(TEX_PACKAGES)"; exit 1; }; done
tex:  # asked first: the chapters need not be executed to know that TeX is missing
	$(NEED_TEX)
	$(NEED_FONTS)

# The PDF carries the time of the last change, so that the same book gives the same bytes.
pdf thesis: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
pdf thesis: export FORCE_SOURCE_DATE = 1

latex: $(READY)  ## numbers (book/results/numbers.tex) and figures (PDF) for a text in LaTeX
	@echo "[latex] executing what changed, drawing each figure as PDF"
	@$(BIN)/python book/pipeline.py latex

thesis: tex latex  ## compile the sample thesis that takes its numbers and figures from there
	@mkdir -p _build/thesis
	@cd thesis && $(LATEXMK) -pdf -outdir=../_build/thesis thesis.tex >../_build/thesis/make.log 2>&1 \
		|| { grep -A12 '^!' ../_build/thesis/make.log || tail -n 20 ../_build/thesis/make.log; exit 1; }
	@echo "[thesis] open $(abspath _build/thesis/thesis.pdf)"

pdf: tex latex  ## the whole book as one PDF, figures as vectors
	@echo "[pdf] building the pages"
	@$(BUILD) --builder latex $(BOOK_FLAGS)
	@echo "[pdf] setting them"
	@cd _build/latex && LATEXOPTS= $(LATEXMK) -xelatex clean-hours.tex >make.log 2>&1 \
		|| { grep -A12 '^!' clean-hours.log || tail -n 20 make.log; exit 1; }
	@test -s _build/latex/clean-hours.log && ! grep -E 'Overfull .(v|h)box .[0-9]{3,}' _build/latex/clean-hours.log \
		|| { echo "[pdf] the lines named above run off their page: part of the book is lost"; exit 1; }
	@echo "[pdf] open $(abspath _build/latex/clean-hours.pdf)"

print: pdf thesis  # all that TeX sets, the figures drawn once

# Chapters and modules side by side, chapters first: what takes a minute must not begin last. Three
# processes keep two cores at work while tests of kills and brokers wait by the clock.
SIDE_BY_SIDE := -n 3 --dist loadscope --no-loadscope-reorder
test: $(READY)  ## ruff, mypy, pytest, and every chapter run again and compared (nbval)
	@echo "[test] ruff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@echo "[test] types, side by side with pytest and nbval"
	@$(BIN)/mypy --no-error-summary & types=$$!; \
		$(BIN)/python -m pytest book tests --ignore=tests/benchmarks --nbval --nbval-current-env \
		--nbval-sanitize-with tests/nbval.cfg $(SIDE_BY_SIDE) $(PYTEST_FLAGS); tests=$$?; \
		wait $$types && exit $$tests

# What the real parts need that no Python package brings, by Debian's names.
REAL_PACKAGES := chromium python3-simgrid slurm-wlm slurm-wlm-basic-plugins slurmdbd mariadb-server munge iproute2

REAL = $(BIN)/python -m pytest tests --ignore=tests/benchmarks -m real --real $(PYTEST_FLAGS)
real: real-programs real-pages  ## what make test skips: the pages in a browser, and the programs of make packages

real-programs: $(READY)  # Slurm and SimGrid, which need no pages and mostly wait
	@echo "[real] programs"
	@$(REAL) -k "not chromium"

real-pages: $(READY)
	@test -s $(PAGES) || $(MAKE) --no-print-directory pages
	@echo "[real] browser"
	@$(REAL) -k chromium

packages:  ## the Debian packages that make real needs: apt-get install $(make packages)
	@echo $(REAL_PACKAGES)

tex-packages:  # the same for make pdf and make thesis
	@echo $(TEX_PACKAGES)

chapters: $(READY)  ## execute all chapters, changed or not
	@$(BIN)/python book/pipeline.py execute --force

chapter: $(READY)  ## execute one chapter and store it: make chapter CHAPTER=carbon_intensity
	@$(BIN)/python book/pipeline.py execute $(CHAPTER)

run: $(READY)  ## one chapter with other parameters: make run CHAPTER=carbon_intensity P="zone=FR year=2019"
	@$(BIN)/python book/pipeline.py run $(CHAPTER) $(P)

lab: $(READY)  ## open a chapter as a notebook in JupyterLab: make lab CHAPTER=carbon_intensity
	@mkdir -p $(VENV)/etc/lab/labconfig
	@cp .jupyterlab.json $(VENV)/etc/lab/labconfig/default_setting_overrides.json
	@JUPYTER_CONFIG_DIR=$(CURDIR)/$(VENV)/etc/lab $(BIN)/jupyter-lab --ServerApp.root_dir=$(CURDIR) \
		--LabApp.default_url=/lab/tree/chapters/$(CHAPTER).py $(LAB_FLAGS)

bench: $(READY)  ## measure speed, side by side with the alternatives; store the ratios that the book shows
	@$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-columns=min,median,rounds --benchmark-sort=name -p no:xdist
	@$(BIN)/python tests/benchmarks/ratios.py

OUT ?= runs/campaign
ARGS ?=
campaign: $(READY)  ## measure power of stop and resume on a machine with an NVIDIA GPU and PyTorch: OUT=folder
	@$(PYTHON) -m measurements.campaign --out $(OUT) $(ARGS)

WORK ?= runs/programs
PIN ?= $(shell command -v taskset >/dev/null && echo taskset -c 1)
COUNT ?= 1400
programs: $(READY)  ## draw, measure and learn small programs again: two hours on a quiet machine, with JAX in PYTHON
	@for part in generate again check resident; do $(PIN) $(PYTHON) data/programs.py $$part --count $(COUNT) --work $(WORK) || exit 1; done
	@for part in tables registry trials intervals models; do $(BIN)/python data/programs.py $$part --work $(WORK) || exit 1; done
	@$(PYTHON) data/programs.py network --work $(WORK)  # with PyTorch; without, it says what stays
	@$(BIN)/python data/programs.py registry --work $(WORK)

data: $(READY)  ## derive data/ again from its pinned archives and compare, byte for byte
	@$(BIN)/python data/derive.py --check

# Every extra but learn and programs: a resolver for all machines takes torch's CUDA build, 3 GB.
LOCKED := chapters operate events mcp book test lab
lock: $(READY)  ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml $(LOCKED:%=--extra %) --universal --fork-strategy fewest --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

lint: $(READY)  ## format and lint in place
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix .

clean:  ## remove what was built, the virtual environment too
	rm -rf _build runs $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks *.egg-info
