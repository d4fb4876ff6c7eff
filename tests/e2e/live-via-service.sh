#!/usr/bin/env bash
# Live, health checks through services: where a server has to have the service's address it is well when it answers for
# that, asked as the mode sends packets. So one that lacks the address is found, though it answers at its own.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do
    web "$s"
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0
    address "$s" lo 10.1.0.100/32 fd00:1::100/128
done

# Server two has not the service's IPv6 address any more, or has it again. IPv4 goes on.
hurt() { ip -n "$id-two" addr del fd00:1::100/128 dev lo; }
mend() { address two lo fd00:1::100/128; }

both_serve() { [ "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" = ' 2 one 2 two ' ]; }

# each MODE CHECK ADDRESSES: servers of IPv4, whatever the service's addresses are
each() {
    rules via <<RULES
check alive = $2 every 100ms timeout 1s rise 1 fall 2
pool farm { balance round_robin; check alive; server one 10.1.0.3; server two 10.1.0.4 }
service shop on $3 tcp/80 { mode $1; announce; -> farm }
RULES
    prey prey -i eth0 --log text --format json via.pbc
    # Between two runs the host may have heard what a server repeated, for a probe that the end of the one cut off.
    for a in 10.1.0.100 fd00:1::100; do ip -n "$id-prey" neigh del $a dev eth0 2>/dev/null; done
    until_true 100 "$1, $2: both are well" both_serve && ok 0 "$1, $2: both are well" # a slow machine may miss a probe's second
    hurt
    hears "$1, $2: who does not serve the address is found" 'farm/two is down: through shop: no reply within 1 s'
    : >shown
    for i in 1 2 3 4 5 6 7 8; do
        ctl servers
        cat out >>shown
    done
    same "$1, $2: it is said of it all the time, also while it answers for IPv4" "$(grep -c '^farm/two *down .*: through shop: ' shown)" 8
    same "$1, $2: the other serves all" "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" ' 4 one '
    mend
    until_true 200 "$1, $2: then it serves again" eval 'ask client 10.1.0.100/ | grep -q two' && ok 0 "$1, $2: then it serves again"
    ctl set farm/one down
    ctl servers
    same "$1, $2: who is set down is not called down for an answer that is good" "$(grep -c '^farm/one *DOWN ' out) $(grep -c good out)" '1 0'
    ctl set farm/one file
    # It would answer a connection that it does not know with a reset, and ask who has the address.
    same "$1, $2: the host's own stack hears none of it" "$(at prey ip neigh show 10.1.0.100; at prey ip neigh show fd00:1::100)" ''
    prey_ends
    same "$1, $2: it ends with 0" "$status" 0
    same "$1, $2: the other was never down" "$(grep 'farm/one is down' prey.err)" ''
}
both='10.1.0.100, fd00:1::100'

# A reload from another mode, with connections of it that have just ended, and again.
rules direct <<RULES
check alive = tcp every 100ms timeout 1s rise 1 fall 2
pool farm { balance round_robin; check alive; server one 10.1.0.3; server two 10.1.0.4 }
service shop on $both tcp/80 { mode dsr l2; announce; -> farm }
RULES
sed 's/mode dsr l2/mode passthrough/; s/ on .* tcp/ on 10.1.0.100 tcp/' direct.prey | rules plain
hurt
cp plain.pbc now.pbc
prey prey -i eth0 --log text --format json now.pbc
same 'passthrough: each is well at its own address' "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" ' 2 one 2 two '
cp direct.pbc now.pbc
kill -HUP "$prey"
hears 'a reload: other checks begin' 'farm/two is down: through shop: no reply within 1 s'
kill -HUP "$prey"
again() { [ "$(grep -c 'reloaded:' prey.err)" -ge 2 ]; }
until_true 200 'the same once more' again
mend
until_true 200 'it serves again' eval 'ask client 10.1.0.100/ | grep -q two' && ok 0 'and go on after another one'
prey_ends
same 'it ends with 0' "$status" 0

each 'dsr l2' 'http GET "/" expect 200' "$both"
each 'dsr l2' icmp "$both"

# The far end of a tunnel, in user space: this kernel may have none.
far() { # KIND PORT
    for s in one two; do
        : >"ready-$s"
        ip netns exec "$id-$s" python3 "$top/tests/e2e/live/decap.py" "$1" "$2" "t-$1" >"ready-$s" &
        pids="$pids $!"
        until_true 50 "the far end listens in $s" grep -q ready "ready-$s"
        at "$s" sysctl -q -w "net.ipv4.conf.t-$1.rp_filter=0"
        ip -n "$id-$s" link set "t-$1" up
    done
}
far ipip 0
each 'dsr ipip' tcp "$both"
far gue 6080
each 'dsr gue 6080' 'http GET "/" expect 200' "$both"

exit $failed
