#!/usr/bin/env bash
# Live sets of files where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-sets-file.sh
