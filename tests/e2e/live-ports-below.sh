#!/usr/bin/env bash
# Ports below 61000 in the executor in user space: more UDP flows at once than 61000-65535 hold, by one worker and by two. What no socket of
# this machine takes is hidden from its stack there, and given back where it is no flow's. So a stranger hears of a daemon that was there
# before, of one that came later, of one that has ended, and of closed ports what it hears without prey, and each datagram arrives once.
set -u
EXEC=user # the executor in the kernel hides nothing; how it draws there is live-ports'
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
ulimit -n "$(ulimit -H -n)"

space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24 10.1.0.11/24 10.1.0.12/24 fd00:1::1/64 fd00:1::11/64 fd00:1::12/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address far eth0 10.2.0.3/24 10.2.0.4/24 fd00:2::3/64
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
at prey sysctl -q -w net.ipv4.ip_local_port_range='1200 60999' net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
rules home <<'RULES'
interface wan = "wan"
set inside = 10.1.0.0/24, fd00:1::/64
nat home { masquerade from inside out on wan }
RULES

below() { python3 -u "$top/tests/e2e/live/below.py" "$@"; }
# daemon NAME PORT OUT: there; ready.
daemon() {
    : >"$3"
    background "$1" python3 -u "$top/tests/e2e/live/below.py" serve "$2" >"$3"
    until_true 100 "a daemon serves on $2 in $1" grep -q serves "$3"
}
# probes PORT...: what a stranger hears of these ports of prey's, in both families.
probes() {
    at far python3 "$top/tests/e2e/live/below.py" probe 10.2.0.2 "$@"
    at far python3 "$top/tests/e2e/live/below.py" probe fd00:2::2 "$@"
}
# sent: resets and ICMP errors that prey's own stack has sent by now.
sent() {
    at prey cat /proc/net/snmp /proc/net/snmp6 | awk '
        $1 ~ /^(Icmp|Tcp):$/ && $2 !~ /^[0-9-]/ { split($0, name); next }
        $1 ~ /^(Icmp|Tcp):$/ { for (i = 2; i <= NF; i++) if (name[i] ~ /^(OutRsts|OutDestUnreachs)$/) print name[i], $i }
        $1 == "Icmp6OutDestUnreachs"' | xargs
}

daemon far 7 far.out
daemon prey 1100 before.out
probes 1100 1101 1102 >without

# shellcheck disable=SC2086
starts() { prey prey -i lan -i wan --exec user --io packet --workers $workers $record home.pbc; }
for workers in 1 2; do
    what="$workers worker$([ $workers = 1 ] || echo s)"
    record=
    [ $workers = 2 ] || record="--record told"
    starts
    same "$what: a stranger hears what it hears without prey" "$(probes 1100 1101 1102)" "$(cat without)"
    quiet=$(sent)
    at client python3 -u "$top/tests/e2e/live/below.py" many $((4536 + 120)) 10.2.0.3 7 10.1.0.1 10.1.0.11 10.1.0.12 >peers
    same "$what: more flows at once than ports from 61000 on, each heard twice by one port" "$(grep -cx '[0-9]*' peers)" $((4536 + 120))
    # Several workers leave a few of the first to each other.
    same "$what: the others come from below, and from none that this machine needs" "$(awk '$1 < 61000 {
        wrong += $1 < 1024 || $1 > 1199 || $1 == 1100; n++ } END { print (n >= 120), wrong + 0 }' peers)" '1 0'
    same "$what: and this machine's stack says nothing of them" "$(sent)" "$quiet"
    taken=$(awk '$1 < 61000' peers | tail -n 1)
    same "$what: who was not asked hears of such a port what it hears without prey" "$(probes "$taken" | sort -u)" 'closed closed'
    quiet=$(sent)
    if [ $workers = 2 ]; then # a port that a worker has for IPv4 is no other worker's for IPv6, so their shares could run out
        prey_ends
        starts
    fi
    at client python3 -u "$top/tests/e2e/live/below.py" many $((4536 + 60)) fd00:2::3 7 fd00:1::1 fd00:1::11 fd00:1::12 >peers
    same "$what: IPv6 likewise" "$(grep -cx '[0-9]*' peers) $(awk '$1 < 61000 { n++ } END { print (n >= 60) }' peers)" "$((4536 + 60)) 1"
    same "$what: this machine's stack says nothing of them, either" "$(sent)" "$quiet"

    # A daemon that comes later, on a port that no flow has.
    free=$(seq 1120 1190 | grep -vxF -f peers | grep -vx "$taken" | tail -n 1)
    daemon prey "$free" later.out
    later=$last
    same "$what: a daemon that comes later is reached at once" "$(probes "$free" | sort -u)" 'open open'
    for i in 1 2 3; do probes "$free" >/dev/null; sleep 1; done # guard rules learn of it meanwhile
    same "$what: and so when it has been seen" "$(probes "$free" | sort -u)" 'open open'
    kill "$later"
    wait "$later" 2>/dev/null
    same "$what: each datagram came once" "$(tail -n 1 later.out)" 'datagrams 10'
    same "$what: when it has ended, its port is closed" "$(probes "$free" | sort -u)" 'closed closed'
    until_true 100 "$what: prey sees that it has ended" sh -c "ip netns exec '$id-prey' nft list set inet prey_lan untaken | grep -qE '[0-9]-1199'"
    same "$what: and stays so" "$(probes "$free" | sort -u)" 'closed closed'
    prey_ends
    same "$what: nothing is left" "$(at prey nft list tables)$(at prey ip -o link show type tun)" ''
done
replays_alike 'the recording draws the same ports, and gives the same back' told
exit $failed
