#!/usr/bin/env bash
# Versions of prey read each other's messages of a takeover (runtime/parent/between/handoff.h), and a later one the program of
# one before (vm/pbc.h). So what lies there may grow, and nothing else of it may change. handoff.txt and pbc.txt hold where each
# field lies, and all numbers; they must be what clang says. UPDATE=1 writes new fields and numbers into them, if what they held
# is there still.
set -u
cd "$(dirname "$0")/../../.." || exit 2
command -v clang >/dev/null || { echo 'ok - golden/layouts # SKIP there is no clang'; exit 0; }
exec python3 tests/golden/layouts/fields.py tests/golden/layouts
