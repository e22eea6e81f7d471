# One command each, no arguments needed. `make demo` and `make test` work on a machine
# with nothing but git and make.
CATALOG ?=
IMAGES ?=
FIGURES ?=
TARGETS ?=
JOBS ?= $(shell nproc)

.PHONY: all deps demo test asan tsan fuzz chaos bench lint format clean

all: build/build.ninja
	@cmake --build build -j $(JOBS)

deps:
	@docker/deps.sh

build/build.ninja: CMakeLists.txt cmake/*.cmake docker/deps.sh CMakePresets.json
	@docker/deps.sh
	@cmake --preset release --log-level=WARNING

demo: all
	@build/bin/mannequin demo $(if $(CATALOG),--catalog '$(CATALOG)') $(if $(IMAGES),--images '$(IMAGES)')

test: all
	@ctest --preset release

asan tsan: deps
	@cmake --preset $(subst asan,debug,$@) --log-level=WARNING
	@cmake --build build-$(subst asan,debug,$@) -j $(JOBS)
	@ctest --preset $(subst asan,debug,$@)

fuzz: deps
	@tests/fuzz/run.sh $(TARGETS)

chaos: all
	@build/tests/faults_test
	@build/tests/rolling_restart_test

bench: all
	@tests/bench/run.sh $(FIGURES)

lint:
	@tests/lint.sh

format:
	@git ls-files '*.cc' '*.h' | xargs clang-format-14 -i

clean:
	@rm -rf build build-debug build-tsan build-fuzz
