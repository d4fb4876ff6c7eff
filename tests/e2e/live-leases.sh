#!/usr/bin/env bash
# A host that gets its address by DHCP: with rules that accept *related* its client hears the answers, at XDP, at traffic control and beside
# the executor in user space; only those to its own requests, and by a socket of packets, as clients have one. What goes to an address inside is heard there, too, and
# is not sent on.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - leases, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
needs_programs
live_begin
space server prey inner
EXEC=kernel link server eth0 prey eth0
EXEC=kernel link inner eth0 prey in0
address server eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
address prey in0 10.2.0.1/24
address inner eth0 10.2.0.2/24
at server sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
mac=$(at prey cat /sys/class/net/eth0/address)
plain=${mac//:/}

rules leased <<'END'
firewall edge in default drop {
  accept state established, related as OPEN
  accept icmp6 type nd
  accept udp port 53 as MARK
}
firewall cross forward default drop { accept state related as CROSS }
END

# message OP XID MAC: the bytes of one.
message() { printf 'payload x"0%d010600%s%048d%s" / zeros 206' "$1" "$2" 0 "$3"; }
asked() { echo "eth $mac > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / $(message 1 "$1" "$plain")"; }
# answer FROM TO XID [MAC]
answer() { echo "eth 02:00:00:00:00:01 > $mac / ip4 $1 > $2 / udp 67 > 68 / $(message 2 "$3" "${4:-$plain}")"; }
capture request <<<"$(asked 3903f326)"
capture early <<<"$(answer 10.1.0.1 10.1.0.70 3903f326)"
{
    answer 10.1.0.1 255.255.255.255 3903f326
    answer 10.1.0.1 10.1.0.77 3903f326
    answer 192.0.2.7 10.1.0.78 3903f326
    answer 10.1.0.1 10.2.0.2 3903f326
    answer 10.1.0.1 10.1.0.71 3903f327
    answer 10.1.0.1 10.1.0.72 3903f326 026677889900
    echo "eth 02:00:00:00:00:01 > $mac / ip4 10.1.0.1 > 255.255.255.255 / udp 1 > 53 / payload \"mark\""
} | capture answers
# Another host's request goes by in the same way, and says nothing for this machine.
capture foreign <<<"eth 02:66:77:88:99:00 > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / $(message 1 3903f327 "$plain")"

sends() { at "$1" python3 "$top/tests/e2e/live/send.py" eth0 "$2.pcap" >>sent; }

# leases NAME OPTION...
leases() {
    local name=$1
    shift
    prey prey -i eth0 --log text --format json "$@" leased.pbc
    : >heard
    background prey python3 "$top/tests/e2e/live/heard.py" eth0 68 53 >heard
    local listener=$last
    : >inside
    background inner python3 "$top/tests/e2e/live/heard.py" eth0 68 53 >inside
    local inner=$last
    until_true 100 'somebody listens inside' grep -q ready inside
    until_true 100 'somebody listens' grep -q ready heard
    sends server early
    sends server foreign
    sends prey request
    sends server answers
    wait "$listener"
    at prey bash -c 'echo mark >/dev/udp/10.2.0.2/53'
    wait "$inner"
    prey_ends
    same "$name: it ends in order" "$status" 0
    same "$name: four answers are let in by what they are" "$(by_rule OPEN)" 4
}
for hook in tc xdp; do
    leases "kernel, $hook" --exec kernel --hook $hook
    same "kernel, $hook: none is sent on" "$(grep -v ready inside)" ''
    same "kernel, $hook: and reach the client, no others" "$(grep -v ready heard | tr '\n' ',')" \
        '10.1.0.1 > 10.1.0.77 1,10.1.0.1 > 10.2.0.2 1,10.1.0.1 > 255.255.255.255 1,192.0.2.7 > 10.1.0.78 1,'
done
leases 'user space' --exec user --monitor
leases 'user space, three workers' --exec user --monitor --workers 3

# Rules that shut the renewal of a leased address out are told of it.
rules shut <<'END'
firewall edge in default drop {
  accept state established
  accept icmp6 type nd
}
END
notices() { grep -c '^preyrun: notice: eth0 has 10.1.0.70 only for a time (DHCP), and the rules drop the reply that renews it; to fix it, add the rule' prey.err; }
for rules in shut leased; do
    prey prey -i eth0 --exec kernel $rules.pbc
    same "$rules: an address that stays needs no answer" "$(notices)" 0
    prey_ends
done
ip -n "$id-prey" addr add 10.1.0.70/24 dev eth0 valid_lft 3600 preferred_lft 3600
for rules in shut leased; do
    prey prey -i eth0 --exec kernel $rules.pbc
    same "$rules: of a leased address it is told where its answer is dropped" "$(notices)" "$([ $rules = shut ] && echo 1 || echo 0)"
    prey_ends
done
exit $failed
