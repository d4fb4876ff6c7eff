#!/usr/bin/env bash
# Live sets once more where the kernel judges, which reads the members in the process's memory and tells of those that rules add.
set -u
EXEC=kernel
. tests/e2e/live-sets.sh
