# What a contributor types. `make help` lists it. Every target sets up what it needs and is quick when all is there.
SHELL := /bin/sh
PYTHON := .venv/bin/python
ARGS ?=
STANDIN ?=
standin = $(if $(STANDIN),--standin,)

# The brand file, where it is typed behind the target; a variable of the environment is somebody else's.
quoted = '$(subst ','\'',$(1))'
brand = $(if $(filter command,$(origin BRAND)),--brand $(call quoted,$(BRAND)) )

# A name that means nothing here would be passed over without a word.
typed := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
known = BRAND PYTHON SHELL MAKE% $(shell sed -n 's/^\([A-Z_]*\) ?=.*/\1/p' $(firstword $(MAKEFILE_LIST)))
unknown := $(if $(typed),$(filter-out $(known) -*,$(typed)))
ifneq ($(strip $(unknown)),)
$(error make knows no $(firstword $(unknown)) here. It takes BRAND=FILE, STANDIN=1 and ARGS="…", \
	such as make package BRAND=FILE ARGS="--format deb")
endif

# A window test waits for half of its time, so there are two processes a core, and no more than the memory of a small
# machine holds; each has a screen and a keyring of its own. They read the files that have a test for them, and no others:
# each reads them all by itself.
windows_at_once = $$(cores=$$(getconf _NPROCESSORS_ONLN); echo $$(( cores > 4 ? 8 : 2 * cores )))
window_files = $$(grep -rlE 'mark\.(window|secret_service)\b' tests --include='test_*.py')

.DEFAULT_GOAL := help
.PHONY: help install run demo dev doctor live test test-quick test-packaging test-systems check lint format bench package lock clean
.PHONY: test-peers

# $(call prepare,KIND): tests/rig/prepare.py, with python3 itself fetched first on a Debian that has none.
define prepare
@python=$$(command -v /usr/bin/python3 || command -v python3 || true); \
if [ -z "$$python" ] && command -v apt-get >/dev/null; then \
	echo "This system package is missing and is now installed with apt-get:"; echo "  python3"; \
	if [ "$$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get -q update && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends python3 || \
	{ printf 'That failed. As root:\n  apt-get install --no-install-recommends python3\n' >&2; exit 1; }; \
	python=/usr/bin/python3; \
fi; \
if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed and was not found." >&2; exit 1; fi; \
"$$python" tests/rig/prepare.py $(1)
endef

help:
	@echo "make run           open the app; without a display: on a virtual one, with a screenshot"
	@echo "make run STANDIN=1 the same against stand-ins: no OpenAI, no key of yours"
	@echo "make demo          the app with a scripted agent: no key, no network, nothing kept"
	@echo "make dev           run, reload pages and restart on changes (STANDIN=1 too)"
	@echo "make doctor        check everything the app needs"
	@echo "make test          set up everything, check, run every test"
	@echo "make test-quick    the tests that need no display and no system package"
	@echo "make check         lint, format, types, code that stands twice, workflows, what a desktop is told of the app"
	@echo "make lint          ruff"
	@echo "make format        write the code as ruff formats it"
	@echo "make bench         measure; prints JSON"
	@echo "make live          open the chat against OpenAI itself, with a key saved in the app"
	@echo "make test-packaging  packages in clean systems (as root, with debootstrap; half an hour or more)"
	@echo "make test-systems  the README's commands in clean Debians, on each Python there is (the same; an hour)"
	@echo "make test-windows  on CPython for Windows under wine, in build/windows (as root, with debootstrap; hours)"
	@echo "make test-exhaustive  every case of what the quick tests try a share of"
	@echo "make test-dotnet   the Windows adapter on Mono and the WebView2 assembly, in build/dotnet (downloads)"
	@echo "make test-peers    against other people's servers, installed into build/peers (downloads)"
	@echo "make package       the packages of this system, into dist/ (BRAND=FILE)"
	@echo "make lock          work out the locked dependencies anew"
	@echo "make install       only set up what 'make run' needs"
	@echo "make clean         remove what was built (not .venv)"

install:
	$(call prepare,run)

run:
	$(call prepare,$(if $(STANDIN),standin,run))
	@$(PYTHON) -m tests.rig.run $(standin) -- $(brand)$(ARGS)

demo:
	$(call prepare,run)
	@$(PYTHON) -m tests.rig.run --demo --screenshot out/demo.png -- $(ARGS)

dev:
	$(call prepare,$(if $(STANDIN),standin,run))
	@$(PYTHON) -m tests.rig.run --dev $(standin) -- $(brand)$(ARGS)

doctor:
	$(call prepare,run)
	@$(PYTHON) -m desktop doctor $(ARGS)

live:
	$(call prepare,run)
	@mkdir -p out
	@$(PYTHON) -m tests.rig.display --if-needed -- $(PYTHON) -m desktop smoke --screenshot out/live.png --json $(ARGS)

# Thousands of programs start in a run: each would compile every module anew where a shell forbids to keep that.
test test-quick: export PYTHONDONTWRITEBYTECODE :=

test:
	$(call prepare,test)
	@$(MAKE) --no-print-directory check-prepared
ifeq ($(ARGS),)
# Two processes: what some thousand quick tests leave in one must not weigh on the windows.
	@$(PYTHON) -m pytest -n auto --dist worksteal -m "not window and not secret_service and not packaging and not peers and not dotnet and not exhaustive"
	@$(PYTHON) -m tests.rig.display -- $(PYTHON) -m pytest -n $(windows_at_once) --dist loadgroup -m "(window or secret_service) and not packaging and not peers and not dotnet and not exhaustive" $(window_files)
else
	@$(PYTHON) -m tests.rig.display -- $(PYTHON) -m pytest $(ARGS)
endif

test-quick:
	$(call prepare,quick)
	@$(PYTHON) -m pytest -q -n auto --dist worksteal -m "not window and not secret_service and not packaging and not peers and not dotnet and not exhaustive and not slow" $(ARGS)

check:
	$(call prepare,test)
	@$(MAKE) --no-print-directory check-prepared

.PHONY: check-prepared
check-prepared:
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	cd tests/js && node_modules/.bin/tsc --project tsconfig.json
	$(PYTHON) -m tests.rig.clones
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/zizmor --offline --quiet --no-progress .github
	$(PYTHON) -m pytest -q tests/packaging/test_desktop_files.py

lint:
	$(call prepare,quick)
	$(PYTHON) -m ruff check

format:
	$(call prepare,quick)
	$(PYTHON) -m ruff check --fix --quiet || true
	$(PYTHON) -m ruff format

bench:
	$(call prepare,test)
	@$(PYTHON) -m tests.bench $(ARGS)

package:
	$(call prepare,package $(brand)$(ARGS))
	@$(PYTHON) -m desktop.packaging $(brand)$(ARGS)

test-packaging:
	$(call prepare,test-packaging)
	@$(PYTHON) -m pytest -m "packaging and not systems" --timeout 3600 -o faulthandler_timeout=4500 $(ARGS)

# The README's commands as an ordinary user of Debian 13 and testing, and the quick tests on each Python there is.
test-systems:
	$(call prepare,test-packaging)
	@$(PYTHON) -m pytest tests/systems --timeout 7200 -o faulthandler_timeout=8100 $(ARGS)

.PHONY: test-windows
test-windows:
	$(call prepare,test-windows)
	@$(PYTHON) -m tests.rig.windows $(ARGS)

# The Windows adapter on Mono's WinForms and the WebView2 assembly that pywebview ships, through pythonnet.
.PHONY: test-dotnet
test-dotnet:
	$(call prepare,test-dotnet)
	@$(PYTHON) -m tests.rig.dotnet
	@$(PYTHON) -m tests.rig.display -- $(PYTHON) -m pytest -m dotnet $(ARGS)

# Every case of what the quick tests try a share of: many minutes.
.PHONY: test-exhaustive
test-exhaustive:
	$(call prepare,quick)
	@$(PYTHON) -m pytest -n auto --dist worksteal -m exhaustive --timeout 1800 $(ARGS)

# What others publish, on its newest versions: a failure here may be news of theirs, so it is no part of `make test`.
test-peers:
	$(call prepare,test-peers)
	@$(PYTHON) -m tests.rig.peers
	@$(PYTHON) -m pytest -m peers --timeout 900 $(ARGS)

# uv resolves for every platform at once. It lives in build/, not in .venv.
lock:
	$(call prepare,quick)
	@test -x build/uv/bin/uv || { $(PYTHON) -m venv build/uv && build/uv/bin/python -m pip install --quiet uv; }
	@export UV_CUSTOM_COMPILE_COMMAND="make lock"; \
	compile="build/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-config --no-emit-index-url --no-emit-find-links"; \
	$$compile pyproject.toml --output-file requirements.txt && \
	$$compile pyproject.toml --all-extras --constraint requirements.txt --output-file requirements-dev.txt
	cd tests/js && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean:
	rm -rf build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/js/node_modules
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
