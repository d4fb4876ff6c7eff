#!/usr/bin/env bash
# Who sends what no sound end does, to `mode proxy inline` on a bridge: SYNs, resets, fragments, overlaps, jumps, errors with wrong
# quotes, floods, loops, and a full table. Connections of others go on, those that are attacked from aside, too.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
offloads off left:eth0 right:eth0 prey:a prey:b
# A router before the server that takes no more than 1,300 bytes.
at right nft -f - <<'END'
table inet t {
  chain in {
    type filter hook input priority 0
    tcp dport 7 meta length > 1300 drop
  }
}
END
left_mac=$(at left cat /sys/class/net/eth0/address)
right_mac=$(at right cat /sys/class/net/eth0/address)
for a in 10.1.0.77 fd00:1::77; do ip -n "$id-right" neigh add $a lladdr "$left_mac" dev eth0 nud permanent; done
hostile=$top/tests/e2e/live/wire_hostile.py
background right python3 "$hostile" serve >served
server=$last
until_true 100 'the server listens' grep -q listens served
attacks() { # CASE...
    at left timeout 280 python3 "$hostile" "$@" "$left_mac" "$right_mac" "$server" >attacked 2>&1
    local status=$?
    cat attacked
    ! grep -q '^not ok' attacked && [ $status = 0 ]
    ok $? "the attacker came to its end"
}
cases='syn_with_data syn_again syn_with_another_number port_after_fin port_after_rst resets_that_guess reset_by_the_server
    reversed_bytes overlaps jumps urgent keep_alive half_closed half_closed_by_the_server fragments path_to_the_server
    path_to_the_client forged_errors simultaneous'

for first in server bytes; do
    rules $first <<END
service wire on any tcp/any { mode proxy inline; $first first }
firewall f forward default accept { }
END
    prey prey --bridge a:b --format json $first.pbc
    echo "# $first first"
    : >served
    attacks $cases $([ $first = bytes ] || echo loops)
    [ "$(grep -c reset served)" -ge 40 ]
    ok $? 'whenever a client resets, the server is reset'
    same 'and heard all of what came after its end' "$(grep -c 'heard Fmore of it' served)" 2
    before=$(rss)
    # With `server first` each takes two descriptors until it is late.
    SYNS=$([ $first = bytes ] && echo 20000 || echo 6000) FAMILY=4 attacks flood
    ok $((($(rss) - before) / 400000)) 'the flood took less than 400 MB'
    prey_ends
    same "$first first: it ends well" "$status" 0
done

for overload in pass refuse; do
    rules $overload <<END
limits { proxy_sessions 16 }
service wire on any tcp/any { mode proxy inline; on overload $overload }
firewall f forward default accept { }
END
    prey prey --bridge a:b --format json $overload.pbc
    FAMILY=4 attacks full
    same "a full table, $overload" "$(grep "^the next" attacked)" "the next is $([ $overload = pass ] && echo answered || echo reset)"
    prey_ends
done
exit $failed
