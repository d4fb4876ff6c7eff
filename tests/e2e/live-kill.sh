#!/usr/bin/env bash
# Twenty kills (eight with sanitizers), of either process, with a start after each: every start serves, and after the last end nothing is left. Two
# instances at once: not of one interface, not of the same ports. Names of interfaces that nftables can't say are refused.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey server
link client eth0 prey eth0
link prey eth1 server eth0
link prey eth2 server eth1
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
address prey eth1 10.2.0.2/24
address server eth0 10.2.0.1/24
ip -n "$id-server" route add default via 10.2.0.2
at prey sysctl -q -w net.ipv4.ip_local_port_range='32768 62000'
web server
rules own <<'END'
limits { flows 1_000 }
pool farm { server one 10.2.0.1 }
service web on 10.1.0.2 tcp/80 { mode passthrough; -> farm }
END
reserved() { at prey sysctl -n net.ipv4.ip_local_reserved_ports; }
gro() { at prey ethtool -k eth0 | sed -n 's/^generic-receive-offload: //p'; }
served() { at client curl -s -m 20 http://10.1.0.2/; }
state() { ls -d "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")" 2>/dev/null; }

before=$(gro)
good=0
kills=20
[ "${B%/san}" = "$B" ] || kills=8
for i in $(seq $kills); do
    case $((i % 4)) in 0) io=xdp ;; *) io=packet ;; esac
    prey prey -i eth0 -i eth1 --io $io own.pbc
    [ "$(served)" = server ] && good=$((good + 1))
    service=$(pgrep -P "$prey") || service=$prey
    if [ $((i % 2)) -eq 0 ]; then prey_killed; else prey_killed "$service"; fi
done
same "each of $kills starts after a kill serves" "$good" $kills
same 'killed, it is closed' "$(at prey nft list tables)|$(reserved)" 'table netdev prey_eth0|61000-62000'
prey prey -i eth0 -i eth1 own.pbc
same 'once more' "$(served)" server

# A start at once after a kill waits for the other process to end.
good=0
for i in 1 2 3 4; do
    kill -KILL "$prey"
    prey prey -i eth0 -i eth1 --stats 127.0.0.1:8404 own.pbc
    [ "$(served)" = server ] && good=$((good + 1))
done
same 'each of four starts right after a kill serves' "$good" 4
# However long that takes: the one that takes all back stands still here.
service=$(pgrep -P "$prey") parent=$prey
starter_killed
kill -STOP "$parent"
kill -KILL "$service"
has_ended() { grep -q '^State:.Z' "/proc/$service/status"; } # or it would be the one that is waited for
until_true 100 'the killed one has ended' has_ended
: >prey.err
{ until grep -qs 'is stopping; preyrun waits for its process' prey.err || [ -e over ]; do sleep 0.05; done; kill -CONT "$parent"; } 2>/dev/null &
pids="$pids $!"
prey prey -i eth0 -i eth1 --stats 127.0.0.1:8404 own.pbc
touch over
same 'and what is told' "$(grep -c "^preyrun: the instance .eth0. is stopping; preyrun waits for its process $parent" prey.err) $(served)" '1 server'

# A second instance.
refused() { # SENTENCE LINE OPTION...
    local sentence=$1 line=$2
    shift 2
    at prey timeout 20 "$bin/preyrun" "$@" >out 2>err </dev/null
    same "$sentence" "$?|$(grep -v '^--exec auto\|notice' err)" "2|preyrun: $line"
}
refused 'an interface of another' 'the running instance `eth0` also serves eth1: give each instance its own interfaces' \
    -i eth2 -i eth1 own.pbc
refused 'under another name, too' 'the running instance `eth0` also serves eth0: give each instance its own interfaces' \
    -i eth0 --name second own.pbc
refused 'ports of another' \
    'the running instance `eth0` also translates to some of the ports 61000-65535: change the ports of one of the two instances' -i eth2 own.pbc
same 'the first one is none the worse' "$(served)" server
# One that runs asks for ports of the other's: who asked is told why, and what was refused is no reservation.
rules small <<'END'
limits { flows 1_000 }
pool farm { server one 10.2.0.1 }
service web on 10.9.0.2 tcp/80 { mode dsr l2; -> farm }
END
first=$prey
prey prey -i eth2 --name second small.pbc
why='the running instance `eth0` also translates to some of the ports 61000-65535: change the ports of one of the two instances'
ctl --name second impact own.pbc
has 'impact says that it would be refused, and why' "$why"
ctl --name second load own.pbc
same 'a load is refused' "$status|$(cat err)" "2|preyctl: own.pbc: $why; small.pbc keeps running"
cp own.pbc small.pbc
kill -HUP "$prey"
hears 'and a reload, in one line' "^preyrun: reload: $why; the old program keeps running"
ctl --name eth0 load own.pbc
same 'the first one takes another program all the same' "$status" 0
prey_ends
prey=$first
prey_ends
same 'it ends with 0' "$status" 0
same 'nothing is left' "$(at prey nft list tables)|$(reserved)|$(gro)|$(state)|$(ip -n "$id-prey" -o link | grep -c 'prey-')" "||$before||0"

# Names that are no words of nftables.
for odd in 'a"b' 'eth*' 'a\b'; do
    ip -n "$id-prey" link set eth2 down
    ip -n "$id-prey" link set eth2 name "$odd" up
    refused "$odd" "guard rules can't name the interface \`$odd\`; to rename it, run: ip link set dev '$odd' name NAME" \
        -i "$odd" own.pbc
    ip -n "$id-prey" link set "$odd" down
    ip -n "$id-prey" link set "$odd" name eth2
done
same 'nothing is left after that' "$(at prey nft list tables)|$(reserved)|$(state)" '||'
exit $failed
