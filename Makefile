# SPDX-License-Identifier: LGPL-2.1-or-later
# The entry points; Meson does the work. `make help` lists them.
# Variables: prefix, sysconfdir, DESTDIR (install), BUILD (build folder), CC (first configuration only).
BUILD ?= build
MESON ?= meson
sysconfdir ?= /etc
# Link-time optimisation saves a sixth of the instructions a record; clang would need a plugin for it.
LTO = $(if $(findstring clang,$(CC)),,-Db_lto=true)
WHERE = --sysconfdir=$(sysconfdir) $(if $(prefix),--prefix=$(prefix))

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet program

$(BUILD)/build.ninja:
	@command -v $(MESON) >/dev/null || { echo 'meson is missing: run tools/install-deps.sh build' >&2; exit 1; }
	@mkdir -p test-results
	@$(MESON) setup $(LTO) $(WHERE) $(BUILD) >test-results/configure.log 2>&1 || \
	        { cat test-results/configure.log; rm -rf $(BUILD); exit 1; }

demo:
	@tools/install-deps.sh build
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@[ -x $(BUILD)/aulert ] || echo 'building into $(BUILD)/'
	@ninja -C $(BUILD) --quiet aulert
	@tools/demo $(BUILD)/aulert

test:
	@tools/install-deps.sh build test
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@tools/run-tests --build $(BUILD)

bench:
	@tools/install-deps.sh build bench
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@bench/run --build $(BUILD)

# A prefix given here moves an existing build; nothing is compiled as root unless it has to be. A configuration that
# was changed stays.
install: all
	@$(if $(prefix),$(MESON) configure -Dprefix=$(prefix) -Dsysconfdir=$(sysconfdir) $(BUILD) && ninja -C $(BUILD) --quiet program)
	@tools/keep-config $(if $(DESTDIR),$(abspath $(DESTDIR)))$(sysconfdir) \
	        $(MESON) install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir=$(abspath $(DESTDIR)))

# HTML, from the comments of the public headers.
reference: $(BUILD)/build.ninja
	@test/library/reference.py . $(BUILD)/test/library/Doxyfile $(BUILD)/reference >test-results/reference.log 2>&1 || \
	        { cat test-results/reference.log; exit 1; }
	@echo 'wrote $(BUILD)/reference/index.html'

# Removes what the last `make install` from this folder put in place.
uninstall:
	@ninja -C $(BUILD) --quiet uninstall

clean:
	rm -rf build build-asan build-clang build-gcc build-e2e build-bench test-results

format:
	@tools/check-format --fix

check-format:
	@tools/check-format

help:
	@echo 'make            build into $(BUILD)/'
	@echo 'make demo       install what the build needs, build, show alerts from captures of real events'
	@echo 'make test       install what the tests need, run all of them (some need root)'
	@echo 'make bench      measure'
	@echo 'make reference  write the reference of libaulert (HTML)'
	@echo 'make install    DESTDIR=, prefix= (default /usr/local), sysconfdir= (default /etc)'
	@echo 'make uninstall  remove what the last make install put in place'
	@echo 'make format, make check-format, make clean'

.PHONY: all reference demo test bench install uninstall clean format check-format help
