#!/usr/bin/env bash
# A takeover with names where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-takeover-names.sh
