#!/usr/bin/env bash
# Live VLAN and QinQ: a cable that tags (by a TAP, for this kernel may have no VLAN devices) joins us to a LAN of one client and one
# server. Tags are matched, kept, and put back on the way out, also the one that the kernel took off.
set -u
EXEC=user # for the kernel's cables join segments (`gro on`), and its cable in Python gets frames beyond its MTU
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client one cable prey
lan switch 1 client cable one
for s in client one; do offloads off "$s:eth0"; done
web one
udp one 53
payload 3000000 one
mac=$(at one cat /sys/class/net/eth0/address)
for a in 10.1.0.100/32 fd00:1::100/128; do address one lo "$a"; done
at one sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2

for way in 'passthrough' 'dsr l2'; do
    cat <<END | rules "${way// /-}"
pool farm {
  $([ "$way" = passthrough ] && echo 'source 10.1.0.50, fd00:1::50')
  server one 10.1.0.3 mac $mac
}
pool farm6 {
  $([ "$way" = passthrough ] && echo 'source fd00:1::50')
  server one fd00:1::3 mac $mac
}
service four on 10.1.0.100 tcp/80, udp/53 { mode $way; announce; -> farm }
service six on fd00:1::100 tcp/80, udp/53 { mode $way; announce; -> farm6 }
firewall edge in default drop {
  accept vlan 5 inner 7 as BOTH
  accept vlan 6 as ONE
}
END
done
sed -i 's/source 10.1.0.50, fd00:1::50/source 10.1.0.50/' passthrough.prey
"$bin/preyc" passthrough.prey -o passthrough.pbc >/dev/null

# plug TAG...: the cable puts these on.
plug() {
    : >cable.out
    ip netns exec "$id-cable" python3 "$top/tests/e2e/live/tagger.py" eth0 tap0 "$@" >cable.out &
    cable=$!
    pids="$pids $cable"
    until_true 100 'the cable is there' grep -q ready cable.out
    ip -n "$id-cable" link set dev tap0 netns "$id-prey"
    ip -n "$id-prey" link set dev tap0 mtu 1508 up
    address prey tap0 10.1.0.9/24 fd00:1::9/64
}
unplug() {
    kill "$cable"
    wait "$cable" 2>/dev/null
    for s in client one; do ip -n "$id-$s" neigh flush dev eth0; done
}

each() { # NAME RULE
    local a
    for a in 10.1.0.100 '[fd00:1::100]'; do fetches "$1: 3 MB from $a arrive as they are" client "$a"; done
    for a in 10.1.0.100 fd00:1::100; do
        same "$1: UDP, also in fragments, $a" "$(talk client "$a" 53 0 5,4000 | cut -d' ' -f1,3 | tr '\n' ' ')" 'one 5 one 4000 '
    done
    prey_sums "$1"
    same "$1: the rule for these tags let them in" "$(python3 -c "print($(number decided_by rules packets) == $(by_rule "$2") > 100)")" True
    same "$1: nothing was dropped" "$(number verdicts drop packets)" 0
}

for way in passthrough dsr-l2; do
    plug 8100:6
    prey prey -i tap0 --monitor --format json $way.pbc
    each "$way, one tag" ONE
    unplug
    plug 88a8:5 8100:7
    prey prey -i tap0 --monitor --format json $way.pbc
    each "$way, two tags" BOTH
    unplug
done
plug 8100:4
prey prey -i tap0 --monitor --format json passthrough.pbc
same 'another tag is not let in' "$(at client curl -s -m 1 http://10.1.0.100/)" ''
prey_sums 'another tag'
same 'and its packets were dropped' "$(python3 -c "print($(number verdicts drop packets) > 0)")" True
exit $failed
