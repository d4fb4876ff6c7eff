#!/usr/bin/env bash
# Members outlive the process where the kernel judges, too.
set -u
EXEC=kernel
. tests/e2e/live-sets-kept.sh
