#!/usr/bin/env bash
# A resolver that is killed, stopped, or lies, where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-names-resolver.sh
