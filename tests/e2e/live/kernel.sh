# What tests of the executor in the kernel share, sourced after tests/lib/scratch.sh in a script that has pins: a client
# beside prey, both with web servers, and rules for what prey's own stack gets. Links: client:eth0 - prey:eth0.
needs_programs
live_begin
space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey eth0 10.1.0.2/24 fd00:1::2/64
# Tags that a veth keeps beside a frame XDP does not see.
at prey ethtool -K eth0 tx-vlan-stag-hw-insert off txvlan off >/dev/null 2>&1

rules host <<'RULES'
firewall edge in default drop {
  accept state established, related as ANSWER
  drop state invalid as INVALID
  accept icmp6 type nd as ND
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  reject tcp port 81 log as SHUT
  reject udp port 9 as CLOSED
}
firewall manners out default accept {
  drop udp port 99 as QUIET
  accept udp source port 68 to 255.255.255.255 port 67 as DHCP
}
RULES

# kernel OPTION...: preyrun there; kernel_alone ARGUMENT...: likewise, one that ends by itself, into out, err and $status.
kernel() { prey prey -i eth0 --exec kernel --log text --format json "$@"; }
kernel_alone() {
    timeout 30 nsenter --net="/run/netns/$id-prey" "$bin/preyrun" "$@" >out 2>err </dev/null
    status=$?
}
# refused SENTENCE PATTERN ARGUMENT...: it does not start, and one line says why.
refused() {
    kernel_alone --exec kernel "${@:3}"
    same "$1" "$status|$(grep -c -- "$2" err)" '2|1'
}
# undone SENTENCE GOT WANTED: it ended with the status that was wanted, and left no program and no pin; the host's stack answers as ever.
undone() { same "$1" "$2|$(left)|$(on_device)|$(gets 8080)" "$3|0|0|prey"; }
on_device() { ip -n "$id-prey" link show eth0 2>/dev/null | grep -c 'xdp'; }
pinned() { find /sys/fs/bpf/prey -mindepth 1 -type f 2>/dev/null | wc -l; }
left() { find /sys/fs/bpf/prey 2>/dev/null | wc -l; } # pins, and folders for them
gets() { at client curl -s -m "${2:-5}" "http://10.1.0.2:$1/" || echo "curl $?"; }
pings() { at client ping -q -c1 -W"${wait:-3}" "$@" >/dev/null && echo answers || echo nothing; }
