#!/usr/bin/env bash
# Recordings of live sets once more where the kernel judges, of which each packet brings what the sets told.
set -u
EXEC=kernel
. tests/e2e/live-sets-record.sh
