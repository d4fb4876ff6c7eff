#!/bin/bash
# Packet tests (tests/packets/) once more, with the executor in the kernel as one of those that judge each packet: verdict,
# bytes, logs and counters are equal. LONG=1: all of them; else those of meters, fragments, parser, connections, services and translation.
# Skipped where the kernel takes no programs of ours.
set -u
B=${B:-build}
work=$B/scratch/exec-packets
rm -rf "$work"
mkdir -p "$work"

files="meters fragments bytes link tcp-state flows-over mode-passthrough nat-masquerade proxy"
[ -z "${LONG:-}" ] || files=$(cd tests/packets && ls ./*.t | sed 's|./||; s/\.t//')
if [ "$(id -u)" -ne 0 ]; then
    echo "ok - packets through the kernel # SKIP that takes root"
    exit 0
fi
for name in $files; do
    if IN_KERNEL=1 "$B/tests/packets/run" "tests/packets/$name.t" >"$work/$name" 2>&1; then
        echo "ok - $name.t"
    elif grep -qE 'may not be loaded|built without|too old' "$work/$name"; then
        echo "ok - $name.t # SKIP $(grep -m1 -E 'may not be loaded|built without|too old' "$work/$name")"
    else
        grep -B2 '^not ok' "$work/$name" | sed 's/^/# /' | head -20
        echo "not ok - $name.t"
        failed=1
    fi
done
exit ${failed:-0}
