#!/usr/bin/env bash
# Groups that may change live sets where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-sets-group.sh
