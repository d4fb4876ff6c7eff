#!/usr/bin/env bash
# Messages of a takeover may go between two versions (runtime/parent/between/handoff.h), so each struct may grow at its end,
# and nothing else of it may change. fields.txt holds where each field lies, and the numbers of words and descriptors; it
# must be what clang says. UPDATE=1 writes new fields and structs into it, if what it held is there still.
set -u
cd "$(dirname "$0")/../../.." || exit 2
command -v clang >/dev/null || { echo 'ok - golden/handoff # SKIP there is no clang'; exit 0; }
exec python3 tests/golden/handoff/fields.py tests/golden/handoff/fields.txt
