#!/usr/bin/env bash
# What speaks through the wire, once its connections leave for the packet path: all of live-inline-protocols.sh with `splice packets`; in the
# long campaign tenants' VLANs and lossy cables, too.
set -u
EXEC=user # its bridges are user space's
export SPLICE=1
failed=0
for script in live-inline-protocols ${LONG:+live-inline-tenants live-inline-lossy}; do
    bash "tests/e2e/$script.sh" | sed "s/^\(not \)\{0,1\}ok - /&in packets: /"
    [ "${PIPESTATUS[0]}" = 0 ] || failed=1
done
exit $failed
