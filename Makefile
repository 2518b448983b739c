# The commands of the course. GNU make 3.81 and a POSIX shell suffice.

HOST = 127.0.0.1
PORT = 8888
SERVER =
CLAUSE =
ALL =
PART =
M =
LEVEL =
FORCE =
FULL ?=
PYTHON ?= python3

# Empty unless the reader named an interpreter: make PYTHON=python3.13 ...
NAMED := $(if $(filter file default undefined,$(origin PYTHON)),,$(PYTHON))
VENV := sh tests/venv.sh
# No test prints; to capture by file descriptor would take a third of the time.
PYTEST := .venv/bin/python -m pytest --quiet --board --tb=no -rN --capture=sys -p no:logging \
	-o console_output_style=classic
export SERVER
OPTIONS = $(if $(SERVER),--server "$$SERVER") $(if $(CLAUSE),--clause '$(CLAUSE)') \
	$(if $(ALL),--all-red)
# The reader's own server, once there is one; else the finished one.
part1 := $(firstword $(wildcard part1_single/mine.py) part1_single/server.py)
part2 := $(firstword $(wildcard part2_wsgi/mine.py) part2_wsgi/server.py)
part3 := $(firstword $(wildcard part3_forking/mine.py) part3_forking/server.py)
# What is served: MODULE:CALLABLE, looked for here and beside the server.
APP =

# Said where it is not the finished server that is served.
MINE = @case '$(1)' in */mine.py) echo 'Serving $(1), your own; delete it to come back to server.py.' >&2;; esac

.PHONY: help doctor progress serve-part1 test-part1 watch-part1 start-part1 serve-part2 test-part2 \
	watch-part2 start-part2 diff-part2 serve-part3 test-part3 watch-part3 start-part3 diff-part3 \
	notebooks test-notebooks diff-mine hint mistakes broken quiz quiz-answer test-mistakes \
	test-frameworks test test-all fuzz cost load setup clean

help: ## this list
	@echo 'make TARGET [NAME=value ...]'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done

doctor: ## can this machine run the course? A line for each thing (PORT=)
	@$(PYTHON) tests/doctor.py '$(PORT)'

progress: ## how many clauses your own servers keep, and the next step
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@.venv/bin/python -m tests.progress

serve-part1: ## part 1 on http://127.0.0.1:8888; needs nothing (HOST=, PORT=)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'This course needs Python 3.11 or later: make PYTHON=python3.12 $@' >&2; exit 1; }
	$(call MINE,$(part1))
	@exec $(PYTHON) $(part1) --host '$(HOST)' --port '$(PORT)'

test-part1: ## check part 1, clause by clause (SERVER=, CLAUSE=H07, ALL=1)
	@$(VENV) check '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --part 1 $(OPTIONS) tests/contract tests/part1

watch-part1: ## check part 1 again whenever you save it (SERVER=, CLAUSE=)

start-part1: ## begin your own part 1, in mine.py (FORCE=1 begins again)

serve-part2: ## part 2 on http://127.0.0.1:8888 (APP=MODULE:NAME, HOST=, PORT=)
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	$(call MINE,$(part2))
	@exec .venv/bin/python $(part2) '$(or $(APP),flask_app:app)' --host '$(HOST)' --port '$(PORT)'

test-part2: ## check part 2, clause by clause (SERVER=, CLAUSE=W07, ALL=1)
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --part 2 $(OPTIONS) tests/contract tests/part2

watch-part2: ## check part 2 again whenever you save it (SERVER=, CLAUSE=)

start-part2: ## begin your own part 2, in mine.py (FORCE=1 begins again)

diff-part2: ## what part 2 changes in part 1, and why
	@$(PYTHON) tests/changes.py 2

serve-part3: ## part 3 on http://127.0.0.1:8888 (APP=MODULE:NAME, HOST=, PORT=)
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	$(call MINE,$(part3))
	@exec .venv/bin/python $(part3) '$(or $(APP),waterfall:app)' --host '$(HOST)' --port '$(PORT)'

test-part3: ## check part 3, clause by clause (SERVER=, CLAUSE=P03, ALL=1)
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --part 3 $(OPTIONS) tests/contract tests/part3

watch-part3: ## check part 3 again whenever you save it (SERVER=, CLAUSE=)

start-part3: ## begin your own part 3, in mine.py (FORCE=1 begins again)

diff-part3: ## what part 3 changes in part 2, and why
	@$(PYTHON) tests/changes.py 3

watch-part1 watch-part2 watch-part3: watch-part%:
	@$(VENV) watch '$(PYTHON)' '$(NAMED)'
	@.venv/bin/python -m tests.watch $* $(if $(SERVER),--server "$$SERVER") \
		$(if $(CLAUSE),--clause '$(CLAUSE)')

start-part1 start-part2 start-part3: start-part%:
	@$(PYTHON) tests/starters.py start $* $(if $(FORCE),force)

diff-mine: ## your own server beside the finished one (PART=1)
	@$(PYTHON) tests/starters.py diff '$(or $(PART),1)'

hint: ## a hint for a clause (CLAUSE=P03, LEVEL=1, 2 or 3)
	@$(PYTHON) tests/hint.py '$(CLAUSE)' '$(or $(LEVEL),1)'

mistakes: ## the gallery of wrong ideas, by part
	@$(PYTHON) -m tests.mistakes list

broken: ## a server with one of them, what to try (M=part3/reap_once)
	@case '$(M)' in part2*|part3*) $(VENV) flask '$(PYTHON)' '$(NAMED)';; esac
	@$(PYTHON) -m tests.mistakes broken '$(M)'

quiz: ## a server with a mistake: which one? (PART=3, PORT=)
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@.venv/bin/python -m tests.mistakes quiz '$(PART)' '$(PORT)'

quiz-answer: ## which mistake it was
	@$(PYTHON) -m tests.mistakes answer

test-mistakes: ## each is caught by the clause it names (FULL=1: by no other)
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@FULL='$(FULL)' $(PYTEST) --finished --slow tests/gallery

notebooks: ## JupyterLab on the three notebooks
	@$(VENV) notebooks '$(PYTHON)' '$(NAMED)'
	@cd notebooks && exec ../.venv/bin/jupyter lab README.md

test-notebooks: ## run each notebook in a fresh kernel, check what is committed
	@$(VENV) notebooks '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --finished --slow tests/notebooks

test-frameworks: ## Django, Pyramid, Bottle and Falcon on part 2
	@$(VENV) frameworks '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --finished tests/frameworks

test: ## every part and the course's own tests, on the finished servers
	@$(VENV) test '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --part 1 --finished tests/contract tests/part1
	@$(PYTEST) --part 2 --finished tests/contract tests/part2
	@$(PYTEST) --part 3 --finished tests/contract tests/part3
	@$(PYTEST) --finished tests/course

test-all: ## also what is slow or needs more: browser, mistakes, notebooks
	@$(VENV) browser '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --part 1 --finished --slow tests/contract tests/part1
	@$(PYTEST) --part 2 --finished --slow tests/contract tests/part2
	@$(PYTEST) --part 3 --finished --slow tests/contract tests/part3
	@$(VENV) frameworks '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --finished --slow tests/gallery
	@$(PYTEST) --finished --slow tests/course tests/browser tests/frameworks
	@$(VENV) notebooks '$(PYTHON)' '$(NAMED)'
	@$(PYTEST) --finished --slow tests/notebooks

fuzz: ## 100,000 mutated requests (PART=1, COUNT=, SEED=, SERVER=)
	@$(VENV) check '$(PYTHON)' '$(NAMED)'
	@.venv/bin/python -m tests.fuzz --count '$(or $(COUNT),100000)' --seed '$(or $(SEED),1)' \
		--part '$(or $(PART),1)' \
		$(if $(SERVER),--server "$$SERVER")

cost: ## CPU time of a request: part 3, and two other forking servers
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@.venv/bin/python -m tests.cost

load: ## 10,000 requests, 300 silent clients, 20 s of SIGKILL, on part 3
	@$(VENV) flask '$(PYTHON)' '$(NAMED)'
	@.venv/bin/python -m tests.load

setup: ## install all that any target needs, once
	@$(VENV) browser '$(PYTHON)' '$(NAMED)'

clean: ## remove .venv, build and what Python compiled
	rm -rf .venv build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
