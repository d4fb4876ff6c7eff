#!/bin/bash
# From power-on to power-off, with systemd as process 1: `make check-machines POWER=1`. KERNEL=NAME…: machines with those kernels, of
# kernels.list, in place of 6.1 (Debian 12) and 6.12 (Debian 13). PARTS: what is tried (run.py); SEED, COUNT: the kills that are drawn.
# It needs root, the packages of `make deb`, and a mirror. One machine a core. RESULTS.md beside this is written anew.
set -u
cd "$(dirname "$0")/../../.." || exit 2
export B=${B:-build}
. tests/machines/common.sh
top=$(machines_folder) && known ${KERNEL:-} || exit 2
[ -e /dev/net/tun ] || { echo 'skipped: no /dev/net/tun'; exit 0; }
names=
for name in ${KERNEL:-6.1 6.12}; do
    why=$(bash tests/machines/fetch.sh "$name") || { echo "skipped $name: $why"; continue; }
    why=$(bash tests/machines/power/disk.sh "$name") || { echo "skipped $name: $why"; continue; }
    names="$names $name"
done
# alone NAME: in network namespaces, and with names for them, that nobody else sees.
alone() {
    unshare -nm --propagation private sh -c 'mount -t tmpfs run /run && mkdir /run/netns && exec python3 tests/machines/power/run.py "$@"' - \
        "$top/power/$1/run" "$1" ${PARTS:-}
}
trap 'trap "" INT TERM HUP; kill $(jobs -p) 2>/dev/null; wait; exit 143' INT TERM HUP
pids=
for name in $names; do
    alone "$name" &
    pids="$pids $!"
done
failed=0
for pid in $pids; do wait "$pid" || failed=1; done
[ -z "$names" ] || python3 tests/machines/power/table.py $(for name in $names; do echo "$top/power/$name/run/rows"; done)
exit $failed
