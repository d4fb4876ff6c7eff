#!/usr/bin/env bash
# A router with two uplinks of equal weight, whose firewall asks where packets leave: only the host knows which of the two a packet takes. What
# rules let through by both goes through, as behind nftables, and what they refuse by one of them does not. By the kernel executor, at
# either hook.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - ways of a route, in the kernel # SKIP no BPF file system'; exit 0; }
live_begin

# Behind either uplink there is the same address, 10.9.0.1 and fd00:9::1: which of the two answers tells the way.
space client prey one two
link client eth0 prey lan
link prey up1 one eth0
link prey up2 two eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey up1 10.2.0.2/24 fd00:2::2/64
address prey up2 10.4.0.2/24 fd00:4::2/64
address one eth0 10.2.0.3/24 10.9.0.1/32 fd00:2::3/64 fd00:9::1/128
address two eth0 10.4.0.3/24 10.9.0.1/32 fd00:4::3/64 fd00:9::1/128
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-one" route add default via 10.2.0.2
ip -n "$id-two" route add default via 10.4.0.2
ip -n "$id-one" -6 route add default via fd00:2::2
ip -n "$id-two" -6 route add default via fd00:4::2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
    net.ipv4.conf.up1.rp_filter=0 net.ipv4.conf.up2.rp_filter=0 net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
ip -n "$id-prey" route add 10.9.0.0/24 nexthop via 10.2.0.3 dev up1 nexthop via 10.4.0.3 dev up2
ip -n "$id-prey" -6 route add fd00:9::/64 nexthop via fd00:2::3 dev up1 nexthop via fd00:4::3 dev up2
ports='81 82 83 84 85 86 87 88 89 90'
ways() { at "$1" python3 "$top/tests/e2e/live/ways.py" "${@:2}"; }
for name in one two; do
    background "$name" python3 "$top/tests/e2e/live/ways.py" serve "$name" 10.9.0.1,fd00:9::1 $ports
    until_true 100 "a server answers in $name" sh -c "[ \"\$(ip netns exec $id-$name python3 '$top/tests/e2e/live/ways.py' ask 10.9.0.1 10.9.0.1 85)\" = $name ]"
done

# The same rules twice. Of each port the ways say: both, none, or one of them.
rules several <<'END_OF_RULES'
interface lan = "lan"
interface up1 = "up1"
interface up2 = "up2"
allow W0513
firewall crossing forward default reject {
  accept state established
  accept udp port 81 out on up1, up2 as BOTH
  accept udp port 82 out on "up*" as PATTERN
  accept udp port 83 out on not lan as BUT
  accept udp port 84 out on up1 as FIRST
  accept udp port 84 out on up2 as SECOND
  accept udp port 85 out on lan as NEITHER
  reject udp port 86 out on up1 as LOSES
  accept udp port 86 out on up1, up2 as KEEPS
  reject udp port 87 out on lan
  accept udp port 87
  accept udp port 88 out on not up1
  accept udp port 89 out on up2 as ONE
  reject udp port 90 out on "up*" as ALL
  accept udp port 90
}
END_OF_RULES
netfilter() {
    at prey nft -f - <<'END_OF_RULES'
table inet crossing {
chain forward {
  type filter hook forward priority 0; policy accept;
  ct state established accept
  udp dport 81 oifname { up1, up2 } accept
  udp dport 82 oifname "up*" accept
  udp dport 83 oifname != lan accept
  udp dport 84 oifname up1 accept
  udp dport 84 oifname up2 accept
  udp dport 85 oifname lan accept
  udp dport 86 oifname up1 reject
  udp dport 86 oifname { up1, up2 } accept
  udp dport 87 oifname lan reject
  udp dport 87 accept
  udp dport 88 oifname != up1 accept
  udp dport 89 oifname up2 accept
  udp dport 90 oifname "up*" reject
  udp dport 90 accept
  reject
}
}
END_OF_RULES
}
# The words of twenty questions of a port, each once: by one way, by the other, refused.
words() { ways client ask "$1" "$2" $(for _ in $(seq 20); do echo "$ports"; done) | xargs -n 10 >answers; for i in $(seq 10); do cut -d' ' -f"$i" answers | sort -u | tr '\n' ' ' | sed 's/ $/;/'; done; }
four() { words 10.1.0.1 10.9.0.1; }
six() { words fd00:1::1 fd00:9::1; }
# What netfilter lets by by one way and not by the other, prey refuses: it does not know the way.
strictly() { sed 's/[a-z ]*refused[a-z ]*/refused/g'; }

netfilter
nft4=$(four) nft6=$(six)
same 'netfilter: IPv4' "$nft4" 'one two;one two;one two;one two;refused;refused two;one two;refused two;refused two;refused;'
same 'netfilter: IPv6' "$nft6" "$nft4"
at prey nft flush ruleset

# Nor does it without a host to ask, of which a replay knows the routes alone.
at prey ip route >routes
for port in $ports; do "$bin/preyc" --routes routes --ask "udp 10.1.0.1:1000 -> 10.9.0.1:$port on lan" several.prey; done >said 2>&1
same 'an answer by these routes' "$(sed -n 's/^verdict: \([a-z]*\) .*/\1/p' said | tr '\n' ' ')" \
    "$(echo "$nft4" | strictly | sed 's/one two;/accept /g; s/refused;/reject /g')"

for hook in tc xdp; do
    prey prey --exec kernel --hook "$hook" -i lan -i up1 -i up2 --format json several.pbc
    same "$hook: IPv4 as netfilter, where the ways agree" "$(four)" "$(echo "$nft4" | strictly)"
    same "$hook: IPv6 likewise" "$(six)" "$(echo "$nft6" | strictly)"
    for port in 81 86; do ctl explain "udp 10.1.0.1:1000 -> 10.9.0.1:$port on lan" && sed -n '$p; s/^  way/way/p' out; done >said
    same "$hook: and an explanation says so" "$(cat said)" 'verdict: accept  rule BOTH
way unknown: several interfaces are possible, and the rules reject the packet on one of them: up1
verdict: reject  rule LOSES'
    ctl status
    prey_sums "$hook"
    same "$hook: a rule counts what it lets by" "$(by_rule BOTH)" 40
    same "$hook: of two that ask for a way each, the first leg's does" "$(by_rule FIRST), $(by_rule SECOND)" '40, 0'
    same "$hook: what they refuse by one way is refused by that rule" "$(by_rule LOSES), $(by_rule KEEPS)" "$(by_rule LOSES), 0"
    same "$hook: and its way is counted as unknown, of what they let through by both it is not" \
        "$([ "$(number ways_unknown)" -ge 120 ] && [ "$(number ways_unknown)" -lt 160 ] && echo so)" so
done
[ "$failed" = 0 ]
