# The one door. Everything that is built stands in build/ and bin/; `make clean` removes both.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

BUILD := $(CURDIR)/build

# Plain `go build`, `go test`, `go vet` and editors work with these: eval "$$(make -s env)"
export CGO_ENABLED := 1
export REAL_CXX := $(if $(filter %/scripts/cxx.sh,$(CXX)),c++,$(or $(CXX),c++))
export CXX := $(CURDIR)/scripts/cxx.sh
export CGO_CFLAGS := -g0 -O1 -w
export CGO_CXXFLAGS := -g0 -O1 -w
export CGO_LDFLAGS := -L$(BUILD)/stub -L$(BUILD)
export CLIPGO_LIBTCH := $(BUILD)/libtch.so
# Looked up when a recipe runs: the first one may have just installed the library.
export GOFLAGS = $(addprefix -tags=,$(shell sh scripts/jpeg.sh))

# The rooms that need neither libtorch nor a C compiler: internal/lint holds the list.
PURE := $(shell awk '$$2 == "pure" { print "./" $$1 "/..." }' internal/lint/rooms.txt)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: build demo dist dist-check fuzz test test-kernels test-cuda test-pure lint bench bench-peers soak fmt env clean libtorch nccl test-nccl
.DEFAULT_GOAL := build

# A library that a running clipgo has mapped is replaced, never written to.
# build finds or installs what is missing, builds libtch.so once for each libtorch, and bin/clipgo.
build: libtorch
	@go build -ldflags "-X main.version=$(VERSION)" -o $(BUILD)/clipgo ./cmd/clipgo
	@mkdir -p bin
	@for f in libtchdist.so libtchnccl.so; do test -f $(BUILD)/$$f || rm -f bin/$$f; done
	@files="libtch.so $$(cd $(BUILD) && ls libtchdist.so libtchnccl.so 2>/dev/null) clipgo"; \
	if (for f in $$files; do cmp -s $(BUILD)/$$f bin/$$f || exit 1; done); then \
		echo "bin/clipgo is up to date"; \
	else \
		for f in $$files; do cp -f $(BUILD)/$$f bin/.$$f.new && mv -f bin/.$$f.new bin/$$f || exit 1; done; \
		echo "built bin/clipgo"; \
	fi

libtorch:
	@mkdir -p $(BUILD)
	@sh scripts/tools.sh
	@sh scripts/libtorch.sh $(BUILD)/libtorch.env
	@sh scripts/libtch.sh $(BUILD)/libtorch.env $(BUILD)
	@sh scripts/libtchdist.sh $(BUILD)/libtorch.env $(BUILD)
	@sh scripts/libtchnccl.sh $(BUILD)/libtorch.env $(BUILD)

# demo trains on shapes and on emoji, classifies, embeds folders and searches them. Some minutes on two cores.
demo: build
	@sh scripts/demo.sh

# dist makes a tarball and a Debian package in build/dist. DIST_LIBTORCH="system /path/to/torch" chooses the libtorchs.
dist: build
	@sh scripts/dist.sh $(BUILD) "$(VERSION)"

# dist-check makes them a second time elsewhere, and checks that the bytes are the same, that they run and that what they name exists.
dist-check: dist
	@sh scripts/dist-check.sh $(BUILD) "$(VERSION)"

# Tests of the database run where scripts/postgres.sh gets a server; CLIPGO_TEST_POSTGRES=1 makes them fail where it doesn't.
test test-pure test-kernels soak: export CLIPGO_POSTGRES = $(shell bash scripts/postgres.sh 2>/dev/null)

# test is the whole suite: test-pure, the packages that it leaves out, and again those that decode JPEG, with libjpeg-turbo. The tests of pages
# need chromium (scripts/browser.sh installs Debian's) and are skipped without one; with CLIPGO_TEST_BROWSER=1 they fail. The tag simulated
# adds a device that computes on the CPU and is treated as a GPU.
test: test-pure build
	go vet ./...
	CLIPGO_TEST_LIBTORCH=1 go test -timeout 20m $$(go list ./... | grep -vxF "$$(go list $(PURE))") ./internal/jpeg ./vision/preprocess
	CLIPGO_TEST_LIBTORCH=1 go test -tags simulated -run 'Simulated|Ahead' ./internal/torch ./training/... ./contrastive ./captioning ./alignment

# fuzz runs each fuzz target for FUZZTIME (60s); FUZZ chooses packages by a part of their paths.
fuzz: build
	@sh scripts/fuzz.sh "$(or $(FUZZTIME),60s)" "$(FUZZ)"

# test-kernels repeats the tests that need libtorch with the kernels of other CPUs. KERNELS="haswell prescott" chooses some.
test-kernels: build
	sh scripts/kernels.sh $(KERNELS)

# test-cuda is what needs a CUDA device: the device against the CPU, and processes over NCCL, as many as there are devices. It fails where
# there is none; what needs two is skipped where there is one.
test-cuda: build
	CLIPGO_TEST_CUDA=1 go test -count 1 -v -run 'OnCUDA' ./contrastive/ ./training/dist/ ./cmd/clipgo/

# nccl compiles the exchange between GPUs for the libtorch that LIBTORCH names, a CUDA build, and opens it. It needs no GPU.
nccl:
	@mkdir -p $(BUILD)/nccl
	@sh scripts/libtorch.sh $(BUILD)/nccl/libtorch.env
	@sh scripts/libtchdist.sh $(BUILD)/nccl/libtorch.env $(BUILD)/nccl
	@sh scripts/libtchnccl.sh $(BUILD)/nccl/libtorch.env $(BUILD)/nccl must

# test-nccl does that, and has two processes exchange by PyTorch's engine of NCCL, over a substitute for CUDA's runtime and NCCL itself.
test-nccl: nccl
	@sh scripts/libtch.sh $(BUILD)/nccl/libtorch.env $(BUILD)/nccl
	@sh scripts/standin.sh $(BUILD)/nccl/libtorch.env $(BUILD)/nccl/standin
	CGO_LDFLAGS="-L$(BUILD)/nccl/stub -L$(BUILD)/nccl" CLIPGO_LIBTCH=$(BUILD)/nccl/libtch.so CLIPGO_TEST_STANDIN=$(BUILD)/nccl/standin \
		CLIPGO_TEST_LIBTORCH=1 go test -count 1 -run StandIn ./training/dist/

# test-pure needs neither libtorch nor a C compiler.
test-pure: export CGO_ENABLED := 0
test-pure: export GOFLAGS :=
test-pure:
	go test $(PURE)
	GOOS=darwin go vet $(PURE)

lint: build
	go vet ./...
	go tool -modfile=tools/go.mod golangci-lint run ./...

bench: build
	go test -run '^$$' -bench . -benchtime 2s ./...

# bench-peers measures clipgo against open_clip on this machine, in turn: ratios as a table, all numbers in bench/results/.
# ROWS="train-b32-f32 start" chooses rows, REPETITIONS=N (3) how often. Nothing else should run meanwhile; it takes about 20 minutes.
bench-peers: build
	@python=$$(sh scripts/peers.sh $(BUILD)) && CGO_ENABLED=0 GOFLAGS= go run ./bench/peers -clipgo bin/clipgo -python "$$python" \
		-dir build/peers -rows "$(ROWS)" -repetitions $(or $(REPETITIONS),3)

# soak watches memory over 2,000 steps, kills trainings and syncs of a database, and trains 500 steps from servers that fail 1,000 times.
soak: build
	CLIPGO_SOAK=1 go test -count 1 -timeout 60m -run 'Soak|Kill|Faults' ./cmd/clipgo/ ./run/ ./search/postgres/
	CLIPGO_SOAK=1 go test -count 1 -timeout 60m -run 'Process|Operations' ./contrastive/ ./captioning/ ./training/dist/

fmt:
	gofmt -w $$(git ls-files '*.go')

# env prints only export lines.
env: libtorch
	@for v in CGO_ENABLED REAL_CXX CXX CGO_CFLAGS CGO_CXXFLAGS CGO_LDFLAGS CLIPGO_LIBTCH GOFLAGS; do \
		eval "printf \"export %s='%s'\\n\" $$v \"\$$$$v\""; \
	done

clean:
	rm -rf build bin
