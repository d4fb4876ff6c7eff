#!/usr/bin/env bash
# Who sends what no sound end does, to `mode proxy inline` on a bridge: SYNs, resets, fragments, overlaps, jumps, errors with wrong
# quotes, floods, loops, and a full table. Connections of others go on, those that are attacked from aside, too.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/e2e/live/hostile.sh"
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
    attacks "$hostile" $cases $([ $first = bytes ] || echo loops)
    [ "$(grep -c reset served)" -ge 40 ]
    ok $? 'whenever a client resets, the server is reset'
    same 'and heard all of what came after its end' "$(grep -c 'heard Fmore of it' served)" 2
    before=$(rss)
    # With `server first` each takes two descriptors until it is late.
    SYNS=$([ $first = bytes ] && echo 20000 || echo 6000) FAMILY=4 attacks "$hostile" flood
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
    FAMILY=4 attacks "$hostile" full
    same "a full table, $overload" "$(grep "^the next" attacked)" "the next is $([ $overload = pass ] && echo answered || echo reset)"
    prey_ends
done
exit $failed
