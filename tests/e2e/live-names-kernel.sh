#!/usr/bin/env bash
# Live sets of names where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-names.sh
