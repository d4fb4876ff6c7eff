#!/usr/bin/env bash
# More connections than ports, one after the other: a port whose connection is over serves the next client at once. What nftables does with as
# many ports is printed beside it. Of UDP a question with its answer gives way, a flow of more packets keeps its port. For services, and for
# what a nat translates; by the executor in user space, then by the one in the kernel. With LONG=1 12,000 connections.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
executors=${EXECUTORS-user kernel}
pins "$@" || executors=user
live_begin
count=${LONG:+12000}
count=${count:-450}
ports=61000-61199
[ -z "${LONG-}" ] || ports=61000-61999

space client prey server
link client eth0 prey wan
link prey lan server eth0
address client eth0 10.1.0.1/24 10.1.0.11/24 10.1.0.12/24 10.1.0.13/24
address prey wan 10.1.0.2/24
address prey lan 10.2.0.1/24
address server eth0 10.2.0.2/24
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-server" route add default via 10.2.0.1
at prey sysctl -q -w net.ipv4.ip_forward=1
background server python3 "$top/tests/e2e/live/oneshot.py" serve 80 119
asks() { at client python3 "$top/tests/e2e/live/oneshot.py" "$@"; }
until_true 100 'the server answers' asks udp 1 10.2.0.2 80

# The peer, with as many ports and the same service.
at prey nft -f - <<END
table ip peer {
  chain in { type nat hook prerouting priority dstnat; ip daddr 10.1.0.102 dnat to 10.2.0.2; }
  chain out {
    type nat hook postrouting priority srcnat
    oifname "lan" ip daddr 10.2.0.2 meta l4proto { tcp, udp } masquerade to :$ports
  }
}
END
ip -n "$id-client" route add 10.1.0.102/32 via 10.1.0.2
for who in client reset server; do
    # Where the server ends first, nftables takes a second more for some.
    asks tcp $who "$([ "$who" = server ] && echo $((count / 4)) || echo "$count")" 10.1.0.102 80 10.1.0.1 >nft-$who
done
echo "# nftables, at once, late, none: client $(cat nft-client), reset $(cat nft-reset), server $(cat nft-server)"
at prey nft delete table ip peer

rules serve <<END
interface wan = "wan"
interface lan = "lan"
pool web { source 10.2.0.50 ports $ports; server one 10.2.0.2 }
service shop on 10.1.0.100 tcp/80-119, udp/80-119 { mode passthrough; announce; -> web }
END
rules nat <<END
interface wan = "wan"
interface lan = "lan"
nat home { masquerade from 10.1.0.0/24 out on lan ports $ports }
END

# at_once SENTENCE COUNT: of so many none is without an answer, and no more than one in a hundred is late, as on a busy machine.
at_once() { same "$1" "$(awk -v n="$2" '{ print $1 + $2 == n && $2 * 100 <= n ? "all" : $0 }' told)" all; }
# Each run asks another port: the server remembers what it closed first for a minute.
port=80
for executor in $executors; do
    for rules in serve nat; do
        to=10.1.0.100
        [ $rules = serve ] || to=10.2.0.2
        what="$executor, $([ $rules = serve ] && echo a service || echo masquerade)"
        for who in client reset server; do
            port=$((port + 1))
            prey prey -i wan -i lan --exec "$executor" $rules.pbc
            asks tcp $who "$count" $to $port 10.1.0.1 >told
            at_once "$what: each is answered at once where the $who ends" "$count"
            prey_ends
        done
        port=$((port + 1))
        prey prey -i wan -i lan --exec "$executor" $rules.pbc
        asks tcp server "$count" $to $port 10.1.0.1 10.1.0.11 10.1.0.12 10.1.0.13 >told
        at_once "$what: also to clients whose numbers and timestamps differ" "$count"
        same "$what: questions from new ports are answered, and who asks on keeps its port" "$(asks udp "$count" $to $port 20)" "$count 20"
        ctl counters flows
        has "$what: flows that gave way are counted" 'ended.port-needed +[1-9]'
        prey_ends
    done
done
# A start finds what the server remembers of before: it is challenged, and told.
prey prey -i wan -i lan --exec user nat.pbc
asks tcp server 100 10.2.0.2 $port 10.1.0.1 >told
at_once 'and what the server remembers of a run before costs nobody a second' 100
prey_ends
# All workers draw from one range: with eight, no slice has a tenth of these ports.
held=${LONG:+900}
held=${held:-180}
for rules in serve nat; do
    case $executors in *user*) ;; *) continue ;; esac
    to=10.1.0.100
    [ $rules = serve ] || to=10.2.0.2
    port=$((port + 1))
    prey prey -i wan -i lan --exec user --io packet --workers 8 $rules.pbc
    same "$rules: eight workers give one client nine of ten ports" "$(asks held "$held" $to $port 10.1.0.1 | wc -l)" "$held"
    same "$rules: these are eight workers" "$(grep -c ', 8 workers, ' prey.err)" 1
    prey_ends
done
# Where no rule writes ports, the executor in the kernel goes on below 61000, but for what this machine needs.
case $executors in *kernel*)
    ulimit -n 8192
    rules own <<END
interface wan = "wan"
interface lan = "lan"
pool web { server one 10.2.0.2 }
service shop on 10.1.0.100 tcp/80-119 { mode passthrough; announce; -> web }
END
    rules home <<END
interface wan = "wan"
interface lan = "lan"
nat home { masquerade from 10.1.0.0/24 out on lan }
END
    at prey sysctl -q -w net.ipv4.ip_local_port_range='2000 60999' net.ipv4.ip_local_reserved_ports=1300-1399
    background prey python3 "$top/tests/e2e/live/oneshot.py" serve 1500 1500
    until_true 100 'prey listens, too' at prey python3 "$top/tests/e2e/live/oneshot.py" held 1 127.0.0.1 1500 127.0.0.1
    for rules in own home; do
        to=10.1.0.100
        [ $rules = own ] || to=10.2.0.2
        port=$((port + 1))
        prey prey -i wan -i lan --exec kernel $rules.pbc
        asks held $((4536 + 300)) $to $port 10.1.0.1 10.1.0.11 >peers
        same "$rules: more connections at once than ports from 61000 on" "$(wc -l <peers)" $((4536 + 300))
        same "$rules: the others come from below, and from none that this machine needs" "$(awk '$1 < 61000 {
            print(($1 < 1024 || $1 > 1999 || ($1 >= 1300 && $1 <= 1399) || $1 == 1500) ? "wrong " $1 : "below") }' peers | sort | uniq -c | xargs)" '300 below'
        prey_ends
    done
esac
exit $failed
