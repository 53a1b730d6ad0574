# Thin: each target is a few lines over CMakePresets.json and tools/. `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check build debug tsan format bench fuzz evidence train train-linear clean

ITERATIONS ?= 200000
SEED       ?= $(shell date +%s)
export ONCE JOBS

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: ONCE=1 (run: end after the sample stream), JOBS=N, ITERATIONS=N and SEED=N (fuzz), SUFFICE_DATA_DIR (public data sets)"

run: ## set up, build, start the gateway with its small model, send it a sample stream, keep serving
	@tools/bootstrap build
	@tools/build release programs
	@tools/run_demo

test: ## set up, build, run every test; the last line is: N passed, N failed, N skipped
	@tools/bootstrap build test
	@tools/build debug
	@tools/build release programs suffice_lib
	@tools/run_tests

check: ## layout, layer order, clang-tidy
	@tools/bootstrap build test
	@tools/check_format
	@tools/check_layers --self-test
	@tools/check_layers
	@tools/build debug
	@tools/tidy

build: ## the programs, optimised: build/release/suffice
	@tools/bootstrap build
	@tools/build release programs suffice_lib

debug: ## everything, with address and undefined-behaviour sanitizers
	@tools/bootstrap build
	@tools/build debug

tsan: ## build and run the C++ tests with the thread sanitizer
	@tools/bootstrap build
	@tools/build tsan
	@tools/run_tests --build build/tsan --only '^(cpp|fuzz)/'

format: ## lay the sources out
	@tools/check_format --fix

bench: ## measure the release build, beside nginx on this machine
	@tools/bootstrap build bench
	@tools/build release
	@tools/run_benches

fuzz: ## run every fuzz driver for longer, from a new seed
	@tools/bootstrap build
	@tools/build debug
	@tools/run_tests --only '^fuzz/' --fuzz-iterations $(ITERATIONS) --seed $(SEED)

evidence: ## make the figures of docs/evidence_judgement.md again from the public data of SUFFICE_DATA_DIR (minutes)
	@test -n "$$SUFFICE_DATA_DIR" || { echo "make evidence: set SUFFICE_DATA_DIR to the folder of the public data sets" >&2; exit 2; }
	@tools/bootstrap build
	@tools/build release suffice
	@tools/evidence/run

MODEL ?= all
train: ## rebuild the small models, or MODEL=NAME, from the public data of SUFFICE_DATA_DIR (Python with torch)
	@test -n "$$SUFFICE_DATA_DIR" || { echo "make train: set SUFFICE_DATA_DIR to the folder of the public data sets" >&2; exit 2; }
	@tools/bootstrap build train
	@tools/training/train --model $(MODEL) --data "$$SUFFICE_DATA_DIR" --out $(if $(filter all,$(MODEL)),models,models/$(MODEL))

train-linear: ## fit the linear tiers again, or MODEL=NAME, from the public data of SUFFICE_DATA_DIR (minutes)
	@test -n "$$SUFFICE_DATA_DIR" || { echo "make train-linear: set SUFFICE_DATA_DIR to the folder of the public data sets" >&2; exit 2; }
	@tools/bootstrap build train
	@tools/build release suffice
	@tools/training/train_linear --model $(MODEL) --data "$$SUFFICE_DATA_DIR" --out $(if $(filter all,$(MODEL)),models,models/$(MODEL))

clean: ## remove what was built
	@rm -rf build
