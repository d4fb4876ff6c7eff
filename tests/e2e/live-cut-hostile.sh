#!/usr/bin/env bash
# Who sends what no sound end does, to connections that are cut into (`-> proxy inline` in mode observe) on a bridge, before, at and after the cut.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
offloads off left:eth0 right:eth0 prey:a prey:b
# A router before the server that takes no more than 1,300 bytes.
at right nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in tcp dport 7 meta length > 1300 drop'
left_mac=$(at left cat /sys/class/net/eth0/address)
right_mac=$(at right cat /sys/class/net/eth0/address)
for a in 10.1.0.77 fd00:1::77; do ip -n "$id-right" neigh add $a lladdr "$left_mac" dev eth0 nud permanent; done
hostile=$top/tests/e2e/live/wire_hostile.py
background right python3 "$hostile" serve >served
server=$last
until_true 100 'the server listens' grep -q listens served
rules cut <<END
firewall f forward default accept { }
service wire on any tcp/any { mode observe; when from any -> proxy inline }
END
prey prey --bridge a:b --format json cut.pbc
attacks() { # COMMAND...
    at left timeout 280 python3 "$@" "$left_mac" "$right_mac" "$server" >attacked 2>&1
    local status=$?
    cat attacked
    ! grep -q '^not ok' attacked && [ $status = 0 ]
    ok $? "the attacker came to its end: ${1##*/}"
}
attacks "$top/tests/e2e/live/cut_hostile.py"
attacks "$hostile" syn_again resets_that_guess reset_by_the_server reversed_bytes overlaps jumps urgent keep_alive half_closed half_closed_by_the_server \
    path_to_the_server path_to_the_client forged_errors port_after_fin port_after_rst
ctl counters observed
same 'most were cut into' "$(awk '$1 ~ /cut_into$/ { print ($2 > 60) }' out)" 1
grep 'cut_' out | sed 's/^/# /'
prey_ends
same 'it ends well' "$status" 0
exit $failed
