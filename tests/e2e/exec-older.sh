#!/bin/bash
# The stages in the form that older kernels take (vm/kernel/README.md, Two forms), on a kernel that only seems older
# (tests/tools/tamper): packet tests, frames of the parser, lists, sets, flows and programs that take one another's place are
# judged as without. LONG=1: more of them. Skipped where the kernel takes no programs of ours.
set -u
what='the form for older kernels' tampered="${B:-build}/tests/tools/tamper old -"
. tests/lib/in_kernel.sh
older() { asked "$1, older" "$@"; }

older packets/run tests/packets
older diff/kernel_judge 1 6 300
older diff/kernel_parse
older diff/nasty_sets 1 20 500
older diff/flow_model 1 30
older diff/kernel_ways 1 30
older diff/live_sets 1 6
if [ -n "${LONG:-}" ]; then
    older diff/code_and_list 1 10
    older diff/swaps 1 2 1000
    older diff/kernel_flows_shared
    older diff/kernel_meters
    older diff/bindings 1 6
    older diff/fragments 1 8
fi
exit $failed
