#!/usr/bin/env bash
# Names whose answers are bad, where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-names-hostile.sh
