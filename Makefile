# The commands of the course. GNU make 3.81 and a POSIX shell suffice.

# A line for each part: its folder, what its check needs of tests/requirements, what it serves.
PART_1 := part1_single check
PART_2 := part2_wsgi flask flask_app:app
PART_3 := part3_forking flask waterfall:app
PART_4 := part4_workers flask rollout:app
PARTS := $(foreach n,1 2 3 4 5 6 7 8 9,$(if $(PART_$n),$n))
LATER := $(filter-out 1,$(PARTS))

folder = $(word 1,$(PART_$*))
needs = $(word 2,$(PART_$*))
# The reader's own server, once there is one; else the finished one.
mine = $(firstword $(wildcard $(folder)/mine.py) $(folder)/server.py)
# What the check needs of each part that the reader has begun.
begun = $(foreach n,$(PARTS),$(if $(wildcard $(word 1,$(PART_$n))/mine.py),$(word 2,$(PART_$n))))
own = Serving $(mine), your own; delete it to go back to server.py.
# Part 1 is served by the Python that is there; the others need what they host.
python = $(if $(word 3,$(PART_$*)),.venv/bin/python,"$$PYTHON")
application = $(if $(word 3,$(PART_$*)),"$${APP:-$(word 3,$(PART_$*))}")

# What the reader types after a target, and nothing else, reaches the shell through the
# environment, so that no sign in it has a meaning there.
NAMES := ALL APP CLAUSE COUNT FORCE FULL LEVEL M MINUTES PART SEED SERVER STAGE TELL UPGRADE
$(foreach name,$(NAMES),$(eval $(name) =))
HOST = 127.0.0.1
PORT = 8888
PYTHON ?= python3
export $(NAMES) HOST PORT PYTHON

# $(call venv,SET) makes .venv ready for one set of tests/requirements.
venv = @sh tests/tools/venv.sh $(1) "$$PYTHON" '$(origin PYTHON)'
CHECK := .venv/bin/python -m tests.checker
COURSE := .venv/bin/python -m tests.course
OPTIONS = $(if $(SERVER),--server="$$SERVER") $(if $(CLAUSE),--clause="$$CLAUSE") \
	$(if $(STAGE),--stage="$$STAGE") $(if $(ALL),--all)

.PHONY: help doctor progress diff-mine hint mistakes broken quiz quiz-answer test-mistakes notebooks \
	test-notebooks test-frameworks test test-all lint fuzz cost load soak setup requirements clean
.PHONY: $(foreach n,$(PARTS),serve-part$n test-part$n watch-part$n start-part$n) $(LATER:%=diff-part%)

help: ## this list
	@echo 'make TARGET [NAME=value ...]'
	@awk -v parts='$(PARTS)' -f tests/tools/help.awk Makefile

doctor: ## can this machine run the course? A line for each thing (PORT=)
	@"$$PYTHON" -m tests.tools.doctor "$$PORT"

progress: ## how many clauses your own servers keep, and the next step
	$(call venv,$(lastword check $(begun)))
	@.venv/bin/python -m tests.tools.progress

$(PARTS:%=serve-part%): serve-part%: ## part % on http://127.0.0.1:8888 (HOST=, PORT=, APP=MODULE:APP)
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'This course needs Python 3.11 or later: make PYTHON=python3.12 $@' >&2; exit 1; }
	$(if $(word 3,$(PART_$*)),$(call venv,$(needs)))
	@$(if $(findstring mine.py,$(mine)),echo '$(own)' >&2;) \
		exec $(python) $(mine) $(application) --host "$$HOST" --port "$$PORT"

$(PARTS:%=test-part%): test-part%: ## check part %, by clause (SERVER=, STAGE=, CLAUSE=H07, ALL=1)
	$(call venv,$(needs))
	@$(CHECK) $* $(OPTIONS)

$(PARTS:%=watch-part%): watch-part%: ## check part % again whenever you save it (SERVER=, STAGE=)
	$(call venv,watch)
	@.venv/bin/python -m tests.tools.watch $* $(OPTIONS)

$(PARTS:%=start-part%): start-part%: ## begin your own part %, in mine.py (FORCE=1 begins again)
	@"$$PYTHON" -m tests.tools.start $* $(if $(FORCE),force)

$(LATER:%=diff-part%): diff-part%: ## what part % changes in the part before, and why
	@"$$PYTHON" -m tests.tools.changes $*

diff-mine: ## your own server compared with the finished one (PART=1)
	@"$$PYTHON" -m tests.tools.compare "$${PART:-1}"

hint: ## a hint for a clause (CLAUSE=P03, LEVEL=1, 2 or 3)
	@"$$PYTHON" -m tests.tools.hint "$$CLAUSE" "$${LEVEL:-1}"

mistakes: ## the gallery of wrong ideas, by part
	@"$$PYTHON" -m tests.tools.mistakes list

broken: ## run one of them (M=part3/P03_reap_once, PORT=, TELL=1)
	$(if $(filter part1%,$(M)),,$(call venv,flask))
	@"$$PYTHON" -m tests.tools.mistakes show "$$M" "$$PORT" "$$TELL"

quiz: ## a server with an unnamed mistake: find it (PART=3, PORT=)
	$(call venv,flask)
	@.venv/bin/python -m tests.tools.quiz "$$PART" "$$PORT"

quiz-answer: ## which mistake it was
	@"$$PYTHON" -m tests.tools.quiz answer

test-mistakes: ## each mistake is caught by its clause (FULL=1: by no other)
	$(call venv,test)
	@$(COURSE) gallery

notebooks: PORT = 8890
notebooks: ## JupyterLab on http://127.0.0.1:8890 (PORT=, FINISHED=1)
	$(call venv,notebooks)
	@cd notebooks && exec ../.venv/bin/python -m jupyter lab --port="$$PORT" README.md

test-notebooks: ## run each notebook in a fresh kernel, check what is committed
	$(call venv,notebooks)
	@$(COURSE) notebooks

test-frameworks: ## Django, Pyramid, Bottle and Falcon on part 2
	$(call venv,frameworks)
	@$(COURSE) frameworks

test: ## every part and the course's own tests, on the finished servers
	$(call venv,test)
	@set -e; for part in $(PARTS); do $(CHECK) $$part --finished; done
	@$(COURSE) quick

test-all: ## also the slow tests: browser, mistakes, notebooks
	$(call venv,all)
	@set -e; for part in $(PARTS); do $(CHECK) $$part --finished --slow; done
	@$(COURSE) everything

lint: ## style, types and spelling
	$(call venv,lint)
	@.venv/bin/python -m tests.tools.lint

fuzz: ## 100,000 mutated requests (PART=1, COUNT=, SEED=, SERVER=)
	$(call venv,check)
	@.venv/bin/python -m tests.measure.fuzz --count="$${COUNT:-100000}" --seed="$${SEED:-1}" \
		--part="$${PART:-1}" $(if $(SERVER),--server="$$SERVER")

cost: ## CPU time of a request: part 3, and two other forking servers
	$(call venv,flask)
	@.venv/bin/python -m tests.measure.cost

load: ## what is lost under load: part 3, or PART=4 (SERVER=)
	$(call venv,flask)
	@case "$${PART:-3}" in 3) drill=load ;; 4) drill=lifecycle ;; \
		*) echo 'Load is for the parts with several processes: PART=3 or PART=4.' >&2; exit 2 ;; esac; \
		.venv/bin/python -m tests.measure.$$drill $(if $(SERVER),--server="$$SERVER")

soak: ## parts 3 and 4 under mixed load (MINUTES=3, PART=, SERVER=)
	$(call venv,flask)
	@.venv/bin/python -m tests.measure.soak --minutes="$${MINUTES:-3}" \
		$(if $(PART),--part="$$PART") $(if $(SERVER),--server="$$SERVER")

setup: ## install everything that any target needs, once
	$(call venv,all)
	$(call venv,lint)

requirements: ## write tests/requirements/*.txt again, with hashes (UPGRADE=1)
	$(call venv,lock)
	@.venv/bin/python -m tests.tools.requirements $(if $(UPGRADE),--upgrade)

clean: ## remove .venv, build and what Python compiled
	rm -rf .venv build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
