#!/bin/bash
# All packet tests (tests/packets/) once more, with the executor in the kernel as one of those that judge each packet, where XDP takes what
# arrives and where traffic control does: verdict, bytes, logs and counters are equal. Skipped where the kernel takes no programs of ours.
set -u
B=${B:-build}
log=$B/scratch/exec-packets
mkdir -p "${log%/*}"

if [ "$(id -u)" -ne 0 ]; then
    echo "ok - packets through the kernel # SKIP that takes root"
    exit 0
fi
# judged HOOK: what arrives is taken at that hook (tests/lib/one_kernel.c).
judged() {
    local why
    if IN_KERNEL=$1 "$B/tests/packets/run" tests/packets >"$log" 2>&1; then
        sed "/^1[.][.]/d; s/^ok [0-9]* - /&$1: /" "$log"
        return
    fi
    why=$(grep -m1 -E 'may not be loaded|may not load eBPF programs|built without|too old' "$log")
    if [ -n "$why" ]; then
        echo "ok - packets through the kernel # SKIP ${why#\# }"
        exit 0
    fi
    cat "$log"
    exit 1
}
judged xdp
judged tc
