#!/usr/bin/env bash
# On a kernel before 6.6 filters of traffic control do what links do on later ones, for the executor in the kernel and for
# the gate of the proxy: the scripts of both pass there as they are, on a kernel that only seems older (tests/tools/tamper). What is refused hangs little on
# how programs are attached: that script is for LONG=1.
set -u
B=${B:-build}
export B
mkdir -p "$B/scratch"
failed=0
mkdir -p "$B/scratch" || exit 1 # a tree that was just built has none
for script in live-kernel-ends live-proxy ${LONG:+live-kernel-bad-input}; do
    OLD_KERNEL=1 bash "tests/e2e/$script.sh" >"$B/scratch/$script-old.out" 2>&1 || failed=1
    sed "s/^\(not \)\?ok - /&$script, older: /" "$B/scratch/$script-old.out"
done
exit $failed
