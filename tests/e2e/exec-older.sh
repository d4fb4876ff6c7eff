#!/bin/bash
# The stages in the form that older kernels take (vm/kernel/README.md, Two forms), on a kernel that only seems older
# (tests/tools/tamper): packet tests, frames of the parser, lists, sets, flows and programs that take one another's place are
# judged as without. LONG=1: more of them. Skipped where the kernel takes no programs of ours.
set -u
B=${B:-build}
log=$B/scratch/exec-older
mkdir -p "${log%/*}"
export IN_KERNEL=1

if [ "$(id -u)" -ne 0 ]; then
    echo "ok - the form for older kernels # SKIP that takes root"
    exit 0
fi
asked() { # PROGRAM ARGUMENT...: its lines; the first that the kernel refuses ends all
    if "$B/tests/tools/tamper" old - "$B/tests/$1" "${@:2}" >"$log" 2>&1; then
        sed -n "s|^ok [0-9 ]*- |ok - $1, older: |p" "$log"
        return
    fi
    why=$(grep -m1 -E 'may not be loaded|built without|too old' "$log")
    if [ -n "$why" ]; then
        echo "ok - the form for older kernels # SKIP ${why#\# }"
        exit 0
    fi
    cat "$log"
    echo "not ok - $*"
    failed=1
}
asked packets/run tests/packets
asked diff/kernel_judge 1 6 300
asked diff/kernel_parse
asked diff/nasty_sets 1 20 500
asked diff/flow_model 1 30
if [ -n "${LONG:-}" ]; then
    asked diff/code_and_list 1 10
    asked diff/swaps 1 2 1000
    asked diff/kernel_flows_shared
    asked diff/kernel_meters
    asked diff/bindings 1 6
    asked diff/fragments 1 8
fi
exit ${failed:-0}
