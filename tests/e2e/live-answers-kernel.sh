#!/usr/bin/env bash
# Live sets of DNS answers where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-answers.sh
