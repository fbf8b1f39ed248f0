# The only Makefile. `make help` lists what it does. Sources are found by their folders, so adding one
# needs no change here; only a new program does.

.DEFAULT_GOAL := all
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

# `test` builds with checks, everything that is timed or shipped is optimised.
DEFAULT_PROFILE := $(if $(filter test fault sim,$(firstword $(MAKECMDGOALS))),debug,release)
PROFILE ?= $(DEFAULT_PROFILE)
PROFILES := debug release asan tsan coverage
$(if $(filter $(PROFILE),$(PROFILES)),,$(error PROFILE=$(PROFILE) is not one of $(PROFILES)))

BUILD := build/$(PROFILE)
VERSION := $(shell sed -n 's/^\#\# \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md 2>/dev/null | head -1)
VERSION := $(or $(VERSION),0.0.0)
PREFIX ?= /usr/local
DESTDIR ?=
V ?=
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

# --- compiler ---------------------------------------------------------------------------------
CC ?= cc
CLANG ?= clang
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wswitch-enum \
        -Wno-missing-field-initializers -Wno-unused-parameter -Wno-format-truncation
WERROR ?= $(if $(CI),1)
CFLAGS-debug    := -O1 -g
CFLAGS-release  := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS-asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS-tsan     := -O1 -g -fsanitize=thread
CFLAGS-coverage := -O0 -g --coverage
LDFLAGS-release  := -pie -Wl,-z,relro,-z,now
LDFLAGS-asan     := -fsanitize=address,undefined
LDFLAGS-tsan     := -fsanitize=thread
LDFLAGS-coverage := --coverage
CPPFLAGS += -I. -Iinclude -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DHOURGLASS_VERSION='"$(VERSION)"'
CFLAGS := -std=gnu11 $(CFLAGS-$(PROFILE)) $(WARN) $(if $(WERROR),-Werror) -include core/banned.h $(EXTRA_CFLAGS)
LDFLAGS := -Wl,--as-needed $(LDFLAGS-$(PROFILE)) $(EXTRA_LDFLAGS)

# --- libraries: one sentence names all that are missing, with their packages ----------------------
PKG_CONFIG ?= pkg-config
export PKG_CONFIG
LIBS_COMMON := jansson yaml-0.1 libsodium
LIBS_TUI := ncursesw libcurl
LIBS_API := libmicrohttpd sqlite3 libcurl
LIBS_GPU := libcurl zlib # of libcurl its header only: the library is loaded to report
LIBS_TEST := cmocka vterm libpq
NEEDS_LIBS := $(filter-out help clean deps deps-test docs,$(or $(MAKECMDGOALS),all))
pc = $(shell $(PKG_CONFIG) $(1) $(2) 2>/dev/null)
ALL_LIBS := $(sort $(LIBS_COMMON) $(LIBS_TUI) $(LIBS_API) $(LIBS_GPU))

# Kernels are embedded as the committed PTX; with nvcc's assembler, as machine code made of it, too.
NVCC ?= $(shell command -v nvcc 2>/dev/null || ls $${CUDA_HOME:-/usr/local/cuda}/bin/nvcc 2>/dev/null)
PTXAS := $(shell NVCC='$(NVCC)' gpu/kernel/code.sh --ptxas)

# --- sources ------------------------------------------------------------------------------------
SRC_COMMON := $(wildcard common/*/*.c)
SRC_TUI := $(wildcard tui/*.c tui/*/*.c)
SRC_RUN := $(wildcard api/run/*.c)
SRC_API := $(filter-out $(SRC_RUN),$(wildcard api/*.c api/*/*.c))
SRC_GPU := $(wildcard gpu/*.c gpu/*/*.c)
SRC_SUPPORT := $(wildcard tests/support/*.c)
TEST_KINDS := unit contract http screen gpu sim e2e fault
SRC_TEST := $(foreach k,$(TEST_KINDS),$(wildcard tests/$(k)/test_*.c))
SRC_FUZZ := $(wildcard tests/fuzz/fuzz_*.c)
SRC_BENCH := $(wildcard tests/bench/*.c)
SRC_FAKES := $(wildcard tests/support/fake/*.c)
SRC_ACCEPTANCE := $(wildcard tests/gpu/acceptance/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
MAINS := api/main.c tui/main.c gpu/main.c api/run/main.c
lib_objs = $(call obj,$(filter-out $(MAINS),$(1)))
PROGRAMS := $(BUILD)/hourglass $(BUILD)/hourglassd $(BUILD)/hourglass-gpu $(BUILD)/hourglass-run
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(SRC_TEST))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(SRC_BENCH))
ACCEPTANCE := $(patsubst tests/gpu/acceptance/%.c,$(BUILD)/acceptance/%,$(SRC_ACCEPTANCE)) $(BUILD)/acceptance/hourglass-gpu-ptx
SRC_KERNELS := $(wildcard gpu/kernel/*.cu)
# The fake driver runs our kernels; the old one lacks what drivers may lack.
OBJ_FAKE_CUDA := $(patsubst %,$(BUILD)/fake/obj/%.o,$(wildcard tests/support/fake/cuda/*.c) $(SRC_KERNELS))
FAKES := $(patsubst tests/support/fake/%.c,$(BUILD)/fake/%.so,$(SRC_FAKES)) $(BUILD)/fake/cuda.so $(BUILD)/fake/cuda_old.so

##@ Use it
.PHONY: run
run: ## install what is missing, build, start hourglassd and open the console (no terminal: print the main job)
	@share/deps.sh build
	@$(MAKE) --no-print-directory all PROFILE=$(PROFILE)
	@PROFILE=$(PROFILE) share/run.sh

.PHONY: test
test: ## install what the tests need, build and pass all of them; T=name runs one, K='*pattern*' filters its tests
	@share/deps.sh build test
	@$(MAKE) --no-print-directory test-run PROFILE=$(PROFILE)

.PHONY: all
all: libs $(PROGRAMS) ## build the programs into build/$(PROFILE)/

##@ Check it
.PHONY: test-run fault sim bench lint fuzz headers valgrind
test-run: libs-test $(PROGRAMS) $(FAKES) $(ACCEPTANCE) $(TESTS)
	@PROFILE=$(PROFILE) T='$(T)' K='$(K)' tests/run.sh $(TESTS)

.PHONY: tests-build test-kinds
# Some kinds only (KINDS="unit http"): how CI runs the thread sanitizer.
test-kinds: libs-test $(PROGRAMS) $(FAKES) $(ACCEPTANCE) $(foreach k,$(KINDS),$(filter $(BUILD)/tests/$(k)/%,$(TESTS)))
	@PROFILE=$(PROFILE) tests/run.sh $(foreach k,$(KINDS),$(filter $(BUILD)/tests/$(k)/%,$(TESTS)))

tests-build: libs-test $(PROGRAMS) $(FAKES) $(ACCEPTANCE) $(TESTS)

valgrind: ## run the unit tests and hourglass-gpu on fake GPUs under valgrind
	@share/deps.sh build test lint
	@$(MAKE) --no-print-directory tests-build PROFILE=debug
	@PROFILE=debug T='$(T)' WRAP='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect' tests/run.sh $(filter build/debug/tests/unit/%,$(patsubst tests/%.c,build/debug/tests/%,$(SRC_TEST)))
	@[ -n '$(T)' ] || tests/gpu/valgrind.sh

fault: ## kill hourglassd at N seeded random moments under load (N=200)
	@share/deps.sh build test
	@$(MAKE) --no-print-directory tests-build PROFILE=$(PROFILE)
	@FAULT_KILLS=$(or $(N),200) PROFILE=$(PROFILE) tests/run.sh $(filter $(BUILD)/tests/fault/%,$(TESTS))

bench: ## measure beside a peer in the same run; writes build/bench.tsv; B=api runs one group
	@share/deps.sh build test bench
	@$(MAKE) --no-print-directory all bench-build $(BUILD)/fake/nvml.so PROFILE=$(PROFILE)
	@PROFILE=$(PROFILE) tests/bench/run.sh '$(B)'
bench-build: $(BENCHES)

.PHONY: gpu-pack gpu-acceptance
PACK := build/gpu-acceptance
gpu-pack: ## all that gpu-acceptance runs, and its libraries, into build/gpu-acceptance, to be carried to a machine with a GPU
	@$(MAKE) --no-print-directory PROFILE=debug build/debug/tests/gpu/test_gpu_real
	@$(MAKE) --no-print-directory $(BUILD)/hourglass-gpu $(ACCEPTANCE) PROFILE=$(PROFILE)
	@tests/gpu/pack.sh $(PACK) $(BUILD)/hourglass-gpu $(ACCEPTANCE) build/debug/tests/gpu/test_gpu_real
gpu-acceptance: ## run on this machine's GPUs all that needs one, and measure; OUT=dir gets at most eight files
	@$(MAKE) --no-print-directory gpu-pack PROFILE=$(PROFILE) || echo "not built here: what is in $(PACK) is used"
	@tests/gpu/acceptance.sh '$(or $(OUT),build/gpu-acceptance-out)'

lint: ## layering, banned calls, lengths, format, static analysis
	@share/deps.sh build test lint
	@tests/lint/run.sh

headers: libs ## every header compiles on its own
	@set -e; for h in $$(git ls-files '*.h' | grep -v '\.def\.h$$'); do \
	  printf '#include "%s"\n' "$${h#include/}" | $(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_LIBS) -fsyntax-only -x c -; done

fuzz: ## run each fuzzer for SECONDS (60)
	@share/deps.sh build test lint
	@SECONDS_EACH=$(or $(SECONDS_EACH),60) CC=$(CLANG) tests/fuzz/run.sh $(SRC_FUZZ)

##@ Keep it
.PHONY: ptx
ptx: ## rewrite gpu/kernel/ptx/ from the kernels' sources (clang 14)
	@gpu/kernel/ptx.sh

.PHONY: openapi
openapi: all ## rewrite api/openapi.json from the route table, docs/schema/ from the shapes
	@$(BUILD)/hourglassd --openapi > $(BUILD)/openapi.json && mv $(BUILD)/openapi.json api/openapi.json
	@$(BUILD)/hourglass-gpu schema > $(BUILD)/schema.json && mv $(BUILD)/schema.json docs/schema/gpu-report.json

.PHONY: deps deps-test install uninstall clean help docs libs libs-test format
deps: ## install the packages that building and running need (Debian)
	@share/deps.sh build
deps-test: ## install the packages that testing needs as well
	@share/deps.sh build test lint bench

install: all ## install programs, man pages, completions, units under PREFIX (/usr/local)
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' BUILD='$(BUILD)' share/install.sh

format: ## rewrite the C files of the working tree in the house style
	@git ls-files '*.c' '*.h' '*.cu' | xargs clang-format -i

uninstall: ## remove what install put there
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' BUILD='$(BUILD)' share/install.sh --remove

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk 'BEGIN {FS=":.*##"} /^##@/ {printf "\n%s\n", substr($$0,5)} /^[a-z-]+:.*##/ {printf "  %-12s %s\n", $$1, $$2}' Makefile
	@echo; echo "PROFILE=$(PROFILES) (default: release; test: debug)   V=1 shows commands   WERROR=1 warnings are errors"

libs:
	@share/libs.sh $(ALL_LIBS)
	@echo "gpu kernels: PTX, and $(if $(PTXAS),machine code by $(PTXAS),no machine code (no nvcc): drivers compile the PTX when they load it)"
libs-test:
	@share/libs.sh $(ALL_LIBS) $(LIBS_TEST)

# --- rules ---------------------------------------------------------------------------------------
ifneq ($(NEEDS_LIBS),)
CFLAGS_LIBS := $(call pc,--cflags,$(ALL_LIBS)) $(call pc,--cflags,$(LIBS_TEST))
endif

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_LIBS) -MMD -MP -c -o $@ $<

# What .incbin takes in is no #include, so the compiler does not tell of it. The list is made anew when the
# assembler comes or goes.
KERNEL_CODE := $(BUILD)/kernel-code
.PHONY: FORCE
$(KERNEL_CODE)/ptxas: FORCE
	@mkdir -p $(@D)
	@echo '$(PTXAS)' | cmp -s - $@ || echo '$(PTXAS)' > $@
$(KERNEL_CODE)/files.def.h: $(KERNEL_CODE)/ptxas $(wildcard gpu/kernel/ptx/*.ptx) gpu/kernel/code.sh
	$(call say,PTXAS,$(@D))
	$(Q)gpu/kernel/code.sh '$(PTXAS)' $(@D)
$(BUILD)/obj/gpu/kernel/images.o: CPPFLAGS += -DGPU_KERNEL_FILES='"$(KERNEL_CODE)/files.def.h"'
$(BUILD)/obj/gpu/kernel/images.o: $(KERNEL_CODE)/files.def.h

define archive
$(BUILD)/$(1): $(2)
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$(AR) rcs $$@ $$^
endef
$(eval $(call archive,libcommon.a,$(call lib_objs,$(SRC_COMMON))))
$(eval $(call archive,libtui.a,$(call lib_objs,$(SRC_TUI))))
$(eval $(call archive,libapi.a,$(call lib_objs,$(SRC_API))))
$(eval $(call archive,librun.a,$(call lib_objs,$(SRC_RUN))))
$(eval $(call archive,libgpu.a,$(call lib_objs,$(SRC_GPU))))
$(eval $(call archive,libsupport.a,$(call lib_objs,$(SRC_SUPPORT))))

# zlib is linked in: hourglass-gpu must run where nobody installed it.
link = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(1) $(call pc,--libs,$(2)) -l:libz.a -lpthread -ldl -lm $(if $(filter ncursesw,$(2)),-ltinfo)
$(BUILD)/hourglass: $(call obj,tui/main.c) $(BUILD)/libtui.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(call link,$^,$(LIBS_COMMON) $(LIBS_TUI))
$(BUILD)/hourglassd: $(call obj,api/main.c) $(BUILD)/libapi.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(call link,$^,$(LIBS_COMMON) $(LIBS_API))
$(BUILD)/hourglass-run: $(call obj,api/run/main.c) $(BUILD)/librun.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(call link,$^,$(LIBS_COMMON))
$(BUILD)/hourglass-gpu: $(call obj,gpu/main.c) $(BUILD)/libgpu.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(call link,$^,$(LIBS_COMMON))

$(TESTS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/libsupport.a $(BUILD)/libtui.a $(BUILD)/libapi.a $(BUILD)/librun.a $(BUILD)/libgpu.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$< -Wl$(,)--start-group $(filter %.a,$^) -Wl$(,)--end-group,$(LIBS_COMMON) $(LIBS_TUI) $(LIBS_API) $(LIBS_TEST))
$(BENCHES): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libapi.a $(BUILD)/libtui.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$< -Wl$(,)--start-group $(filter %.a,$^) -Wl$(,)--end-group,$(LIBS_COMMON) $(LIBS_TUI) $(LIBS_API))
$(filter-out %-ptx,$(ACCEPTANCE)): $(BUILD)/acceptance/%: $(BUILD)/obj/tests/gpu/acceptance/%.o $(BUILD)/libgpu.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$^,$(LIBS_COMMON))
# As nvcc's absence would make it: its images stand before those of the library.
$(BUILD)/acceptance/hourglass-gpu-ptx: $(BUILD)/obj/gpu/main.o gpu/kernel/images.c $(BUILD)/libgpu.a $(BUILD)/libcommon.a
	$(call say,LD,$@)
	@mkdir -p $(@D)/ptx
	$(Q)gpu/kernel/code.sh '' $(@D)/ptx
	$(Q)$(CC) $(CPPFLAGS) -DGPU_KERNEL_FILES='"$(@D)/ptx/files.def.h"' $(CFLAGS) $(CFLAGS_LIBS) -c -o $(@D)/ptx/images.o gpu/kernel/images.c
	$(Q)$(call link,$< $(@D)/ptx/images.o $(filter %.a,$^),$(LIBS_COMMON))
$(BUILD)/fake/%.so: tests/support/fake/%.c
	$(call say,FAKE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O1 -g $(WARN) -MMD -MP -MF $@.d -MT $@ -fPIC -shared -o $@ $<
# Kernels are C here; the sanitizers see them as they see everything else. Emulation is slow enough
# without -O2.
CFLAGS_FAKE := -std=gnu11 -O2 -g $(if $(filter asan,$(PROFILE)),$(CFLAGS-asan)) $(WARN) -fPIC -MMD -MP
$(BUILD)/fake/obj/%.o: %
	$(call say,FAKE,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_FAKE) -c -x c -o $@ $<
$(BUILD)/fake/cuda.so: $(OBJ_FAKE_CUDA)
$(BUILD)/fake/cuda_old.so: $(filter-out %/optional.c.o,$(OBJ_FAKE_CUDA))
$(BUILD)/fake/cuda.so $(BUILD)/fake/cuda_old.so:
	$(call say,FAKE,$@)
	$(Q)$(CC) $(LDFLAGS-$(filter asan,$(PROFILE))) -shared -Wl,-Bsymbolic -o $@ $^
, := ,

.SECONDARY:
-include $(shell find $(BUILD)/obj $(BUILD)/fake -name '*.d' 2>/dev/null)
