# Every target makes its own environment: Python and make are all that is needed.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
CTP := $(BIN)/python -m stroke_ctp

# Sizes of `make ensemble` and `make study`; any can be given on the command line.
OUTPUTS = outputs
NAME = embedded
N_TRAIN = 80
N_EXTERNAL = 23
DRAWS = 2
FOLDS = 0..9
ABLATIONS = full
SETTINGS =

COMMA := ,

# Bytecode is not made at installation but by the first command that needs it, which some shells forbid: every
# command would then compile PyTorch anew.
unexport PYTHONDONTWRITEBYTECODE

SIMULATED = $(OUTPUTS)/$(NAME)-scans
COHORTS = $(OUTPUTS)/$(NAME)-cohorts
TRAIN = $(CTP).train cohort=$(COHORTS)/train fold=$(FOLDS) name=$(NAME) outputs=$(OUTPUTS) bank.draws=$(DRAWS) $(SETTINGS)
# What of SETTINGS decides how long a study takes, by the names that the estimate has for it.
ESTIMATED = $(patsubst folds.n=%,folds=%,$(patsubst trainer.%,%,$(filter folds.n=% trainer.max_epochs=%,$(SETTINGS))))
# The feature cache of a study is followed outside OUTPUTS only where the command line names it.
BANK = $(patsubst bank.folder=%,bank=%,$(filter bank.folder=%,$(SETTINGS)))
ENSEMBLE = $(CTP).ensemble name=$(NAME) external=$(COHORTS)/external outputs=$(OUTPUTS) $(BANK)

.DEFAULT_GOAL := help
.PHONY: help env ensemble study estimate cohort cohorts networks test coverage chromium test-slurm faults lint clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

env: $(INSTALLED)  ## install the pinned environment into .venv

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
		"make: Python ≥ 3.11 is needed, $(PYTHON) is " + sys.version.split()[0] + "; add PYTHON=python3.12 or such")'
	@echo "environment: installing PyTorch and what else is needed into .venv: 5 GB, two to ten minutes"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

ensemble: networks  ## the study on a small embedded cohort: ten folds, ensemble, report
	@$(CTP).report name=$(NAME) outputs=$(OUTPUTS) $(BANK)

study: NAME = study
study: N_TRAIN = 217
study: DRAWS = 4
study: ABLATIONS = full,local,global
study: estimate ensemble  ## the article at full size: 217 + 23 patients; full, local and global

estimate: $(INSTALLED)
	@$(CTP).estimate n_train=$(N_TRAIN) n_external=$(N_EXTERNAL) draws=$(DRAWS) \
		ablations=$(words $(subst $(COMMA), ,$(ABLATIONS))) $(ESTIMATED)

cohorts: $(INSTALLED) $(if $(filter study,$(MAKECMDGOALS)),estimate)
	@$(CTP).simulate out=$(SIMULATED) n_train=$(N_TRAIN) n_external=$(N_EXTERNAL)
	@$(CTP).preprocess manifest=$(SIMULATED)/train/manifest.csv out=$(COHORTS)/train
	@$(CTP).preprocess manifest=$(SIMULATED)/external/manifest.csv out=$(COHORTS)/external

cohort: $(INSTALLED)  ## a simulated cohort where commands expect one: outputs/cohort, outputs/external
	@$(CTP).simulate out=$(OUTPUTS)/scans
	@$(CTP).preprocess manifest=$(OUTPUTS)/scans/train/manifest.csv out=$(OUTPUTS)/cohort
	@$(CTP).preprocess manifest=$(OUTPUTS)/scans/external/manifest.csv out=$(OUTPUTS)/external

networks: cohorts
	@$(TRAIN) ablation=$(ABLATIONS)
	@$(TRAIN) model=perfusion,cbv,rcbf
	@$(ENSEMBLE)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

PYTEST = pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The tests' processes take all cores: threads of each would wait for those of the others.
test: lint chromium  ## lint, types, import contracts, tests
	OMP_NUM_THREADS=1 $(BIN)/python -m $(PYTEST)

coverage: $(INSTALLED) chromium  ## lines and branches that the tests run, in all processes; ≥ 95 % of each
	@rm -rf .coverage
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@$(BIN)/coverage json --quiet -o .coverage/figures.json
	@$(BIN)/python tests/covered.py .coverage/figures.json

# The tests of the report's page need a browser. Where none can be installed they are skipped, with the reason.
chromium:
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null \
		|| ! command -v apt-get > /dev/null || test "$$(id -u)" -ne 0 || { \
		echo "test: installing Debian's chromium, for the tests of the report's page"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium; } \
			> /dev/null 2>&1 || echo "test: chromium could not be installed; its tests are skipped"; }

test-slurm: $(INSTALLED)  ## a sweep through SLURM, on a cluster of one node made for it (root, Debian)
	@command -v slurmctld munged > /dev/null || { \
		echo "test-slurm: installing Debian's slurm-wlm and munge; no service is started, nothing in /etc/slurm is used"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends slurm-wlm munge; }
	$(BIN)/python -m pytest -m slurm tests/test_slurm.py

# Sizes other than 100 kills, 50 races and 10,000 mutants: FAULTS="kills=20 races=10 mutants=900".
faults: $(INSTALLED)  ## kill, race and starve the commands of a tiny study, damage files; figures in outputs/faults.json
	$(BIN)/python tests/faults out=$(OUTPUTS)/faults.json $(FAULTS)

clean:  ## remove the environment
	rm -rf .venv
