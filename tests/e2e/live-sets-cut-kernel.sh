#!/usr/bin/env bash
# Cuts once more where the kernel judges, in whose table the worker ends flows.
set -u
EXEC=kernel
. tests/e2e/live-sets-cut.sh
