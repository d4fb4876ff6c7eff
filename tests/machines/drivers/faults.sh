#!/usr/bin/env bash
# What goes wrong with a card while it carries: faults.sh DRIVER WAY ROUNDS, in a machine of run.sh. A router has two cards of that driver
# and two of another. One of the first two goes down and up, gets another MTU, other queues and rings, is taken from its driver, and unplugged,
# and comes back; what the other two carry goes on, byte for byte, and so does this one, once it is there. With ROUNDS it does no
# more than go down, lose its driver and come back, so often; preyrun has as many descriptors and mappings as before, the kernel as many
# programs, maps and links. After each fault preyrun sees what comes by the card: what crosses unseen would cross, too.
# FAULTS: these alone.
set -u
EXEC=user
. tests/e2e/live/lib.sh
driver=$1 way=$2 rounds=$3
. tests/lib/scratch.sh
pins "$@" || { echo 'not ok - this machine lets us mount no file system of BPF'; exit 1; }
. "$top/tests/machines/drivers/lib.sh"
live_begin
other=virtio_net
[ "$driver" != virtio_net ] || other=e1000e
cables "$driver"
cables "$other" 2
at prey sysctl -q -w net.ipv4.ip_forward=1
rules ways <<'END'
firewall ways forward default drop { accept state established, related; accept tcp to port 5000 as CROSSED; accept icmp }
END
ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
ip -n "$id-client2" route add 10.22.0.0/24 via 10.12.0.2
serves one 5000
serves one2 5000
for d in wan lan wan2 lan2; do kept $d >before.$d; done
prey prey --format json --workers 1 $(options "$way") -i wan -i lan -i wan2 -i lan2 ways.pbc

crosses() { [ "$(SILENT=2 fetch client 10.2.0.2 5000 1 down)" = 'same 10.1.0.1' ]; }
pings() { at client ping -q -c 1 -W 1 10.2.0.2 >/dev/null; }
# sees: each of ten answers that come by the card is counted.
counted() { seeing prey "$bin/preyctl" counters interfaces.lan.packets | awk '{ gsub(",", "", $2); print $2 + 0; exit }'; }
sees() {
    local before tries=20
    before=$(counted)
    at client ping -q -c 10 -i 0.05 -W 1 10.2.0.2 >/dev/null || return
    until [ "$(counted)" -ge $((before + 10)) ]; do [ $((tries -= 1)) -gt 0 ] && sleep 0.1 || return; done
}
# held: memory that preyrun's processes have mapped, in pieces; programs, maps and links that this machine's kernel has.
held() { for p in "$prey" $(cat "/proc/$prey/task/$prey/children"); do cat "/proc/$p/maps"; done | wc -l; }
objects() { python3 "$top/tests/machines/drivers/objects.py"; }
has_objects() { [ "$(objects)" = "$1" ]; }
# load: both pairs carry, until stop is there; what the other one has carried stands in going.
load() {
    rm -f stop going
    (until [ -e stop ]; do fetch client2 10.22.0.2 5000 4 down; done >going) &
    pids="$pids $!"
    goes=$!
    (until [ -e stop ]; do SILENT=2 fetch client 10.2.0.2 5000 4 up; done >broken) &
    pids="$pids $!"
    loads=$!
}
unload() {
    touch stop
    wait $goes $loads
}

# Where the card is in sysfs: its driver's folder, and by which name that knows it; its PCI device.
device() { at prey readlink -f "/sys/class/net/lan/device"; }
pci() { sed 's|/virtio[0-9]*$||' <<<"$1"; }
# back: it is in this machine's first namespace again, and goes to where it was.
back() {
    take "$(mac "$driver" lan)" prey lan
    address prey lan 10.2.0.1/24
}
down_and_up() {
    ip -n "$id-prey" link set lan down
    ip -n "$id-prey" link set lan up
}
# Drivers refuse some of these, under programs more than else: that is theirs, and said.
tried() { at prey "$@" >said 2>&1 || echo "# $*: $(tr '\n' ' ' <said)"; }
mtu() {
    tried ip link set lan mtu 1400
    until_true 300 "$1: with an MTU of 1400" crosses && ok 0 "$1: with an MTU of 1400"
    tried ip link set lan mtu 1500
}
# Frames longer than any that there were at the start, all along the way.
mtu_grown() {
    local d to
    for to in 4000 1500; do
        for d in wan lan; do tried ip link set $d mtu $to; done
        for d in client one; do at $d ip link set eth0 mtu $to; done
        [ "$to" = 1500 ] || { until_true 300 "$1: to $to" crosses && ok 0 "$1: to $to"; }
    done
}
queues_changed() {
    local n
    n=$(queues lan)
    tried ethtool -L lan combined 1
    until_true 300 "$1: with one pair of queues" crosses && ok 0 "$1: with one pair of queues"
    tried ethtool -L lan combined "$n"
}
rings_changed() {
    tried ethtool -G lan rx 128
    until_true 300 "$1: with a shorter ring" crosses && ok 0 "$1: with a shorter ring"
    tried ethtool -G lan rx 256
}
reset() {
    tried ethtool -r lan
    tried ethtool --reset lan all
    [ "$driver" != e1000e ] || tried ethtool -t lan offline
}
rebound() {
    local from name
    from=$(device)
    name=${from##*/}
    from=$(readlink -f "$from/driver")
    echo "$name" >"$from/unbind"
    echo "$name" >"$from/bind"
    back
}
# The other end has a carrier all the time.
pulled() {
    local said
    [ "$driver" != e1000e ] || { echo "# $1: left out: it did not come to an end there (README.md, Open)"; return; }
    said=$(grep -c 'lan has no carrier' prey.err)
    cable off "$driver" lan
    until_true 300 "$1: it is said" said_more "$said" && ok 0 "$1: it is said"
    until_true 300 "$1: the other pair goes on" goes_on "$(wc -l <going)" && ok 0 "$1: the other pair goes on"
    cable on "$driver" lan
    until_true 300 "$1: the carrier is back" carries prey lan
}
said_more() { [ "$(grep -c 'lan has no carrier' prey.err)" -gt "$1" ]; }
goes_on() { [ "$(wc -l <going)" -gt "$1" ]; }
replugged() {
    local slot
    slot=$(pci "$(device)")
    echo 1 >"$slot/remove"
    echo 1 >/sys/bus/pci/rescan
    back
}

until_true 300 'it crosses' crosses && ok 0 'it crosses'
if [ "$rounds" = 0 ]; then
    for fault in ${FAULTS:-down_and_up mtu mtu_grown queues_changed rings_changed reset pulled rebound replugged}; do
        load
        until_true 300 "$fault: the other pair carries" test -s going
        $fault $fault
        until_true 600 "$fault: it is served again" crosses && ok 0 "$fault: it is served again"
        unload
        same "$fault: what the other pair carried is whole" "$(sort -u going)" 'same 10.12.0.1'
        until_true 50 "$fault: preyrun sees what comes by it" sees && ok 0 "$fault: preyrun sees what comes by it"
        kill -0 "$prey"
        ok $? "$fault: preyrun goes on"
    done
    sed 's/^/# /' prey.err | sort | uniq -c | sort -rn | head -n 20
else
    for ((i = 1; i <= rounds; i++)); do
        [ $i != 6 ] || { few=$(files) mapped=$(held) loaded=$(objects); }
        [ $((i % 50)) != 0 ] || echo "# round $i"
        if [ $((i % 2)) = 0 ]; then down_and_up; else rebound; fi
        until_true 600 "round $i: it is served again" pings || break
    done
    same "after $rounds rounds as many descriptors are open as after five" "$(files)" "$few"
    now=$(held) # an arena or a buffer more or less is chance
    [ "$now" -lt $((mapped + 10)) ]
    ok $? "no more memory is mapped: $mapped pieces, now $now"
    until_true 100 "the kernel has as many programs, maps and links: $loaded, now $(objects)" has_objects "$loaded" && ok 0 'the kernel has as many programs, maps and links'
    until_true 50 'preyrun sees what comes by the card' sees && ok 0 'preyrun sees what comes by the card'
    same 'the record of changes has not grown' "$(grep -c '^+' /run/prey/*/wan.state | awk '$1 < 40 { print "short" }')" short
    until_true 300 'it crosses' crosses && ok 0 'it crosses'
fi
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
for d in wan lan wan2 lan2; do
    kept $d >after.$d
    diff before.$d after.$d >out
    same "$d is as it was" "$?" 0
    sed 's/^/# /' out
done
# What holds namespaces, and so cards, after their end.
for d in client one client2 one2; do at $d ss -Htano state connected exclude time-wait | sed "s/^/# $d still has: /"; done
exit $failed
