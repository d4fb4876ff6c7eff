#!/usr/bin/env bash
# Where another table of nftables translates (as Docker's does), or br_netfilter has it translate what crosses a bridge of the kernel, some
# rules can't see the addresses that they match: the start names them, and what mends it.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

space client prey box box2
link client eth0 prey wan
address client eth0 10.1.0.1/24
address prey wan 10.1.0.2/24
link box eth0 prey port
bridged prey docker0 port
address prey docker0 172.17.0.1/16
address box eth0 172.17.0.2/16
link box2 eth0 prey port2
ip -n "$id-prey" link set dev port2 master docker0
address box2 eth0 172.17.0.3/16
for name in box box2; do ip -n "$id-$name" route add default via 172.17.0.1; done
at prey sysctl -q -w net.ipv4.ip_forward=1
cat >dock.first <<'RULES'
set boxes = 172.17.0.0/16
firewall host on "wan" in default drop { accept icmp6 type nd; accept tcp to port 8080 }
firewall dock on "docker0" in default drop { accept icmp6 type nd; accept udp to port 53 }
firewall cross forward default accept {
  drop tcp from boxes to 10.1.0.1 port 80
  do more
}
chain more {
  accept tcp to 172.17.0.2 port 8080
  accept tcp from 10.1.0.0/24 to 10.9.0.0/24
}
RULES
rules dock <dock.first

# looks OPTION...: the notices of a preflight about translation, by their place.
looks() {
    seeing prey timeout 60 "$bin/preyrun" --preflight --exec kernel "$@" dock.pbc >out 2>err </dev/null
    grep -E 'may have translated|only after prey has judged|br_netfilter' err | sed 's/^preyrun: notice: //'
}
if ! seeing prey timeout 60 "$bin/preyrun" -i wan --preflight --exec kernel dock.pbc >out 2>err; then
    sed 's/^/# /' err
    echo "ok - the kernel executor # SKIP the kernel lacks what it needs"
    exit 0
fi
same 'where nobody translates nothing is said' "$(looks -i wan)" ''
at prey nft -f - <<'NFT'
table ip docker {
  chain pre { type nat hook prerouting priority dstnat;
    fib daddr type local tcp dport 8080 dnat to 172.17.0.2:80; }
  chain post { type nat hook postrouting priority srcnat;
    ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
NFT
looks -i wan >said
same 'sources behind what isn'\''t served' "$(grep -c '^dock.prey:5 matches sources behind docker0, .* the table `ip docker` may have translated the sources by then; to fix it, add -i docker0$' said)" 1
same 'destinations there, in a chain, too' "$(grep -c '^dock.prey:9 matches destinations behind docker0, but the table `ip docker` translates packets to them only after' said)" 1
same 'and no other rule' "$(wc -l <said)" 2
# An address of IPv6 whose last words are zero is no address of IPv4.
rules dock <<'RULES'
firewall host in default drop { accept icmp6 type nd }
firewall cross forward default accept {
  drop tcp from 2001:db8:: to port 80
  drop tcp from :: to port 80
  drop tcp from 32.1.13.0 to port 80
}
RULES
ip -n "$id-prey" -6 route add default dev docker0
ip -n "$id-prey" route add 32.1.13.0 dev docker0
looks -i wan >said
same 'a single address of either family' "$(sed 's/ matches.*//' said | tr '\n' ' ')" 'dock.prey:3 dock.prey:5 '
# A chain is looked at once, a set is asked for once, and of very many sets less.
{
    echo 'firewall host in default drop { accept icmp6 type nd }'
    echo 'firewall cross forward default accept { do one; do two }'
    echo 'chain one { do two; do two }'
    echo 'chain two { accept tcp to 172.17.0.2 port 8080 }'
} >twice.rules
rules dock <twice.rules
looks -i wan >said
same 'a chain that is called four times' "$(sed 's/ matches.*//' said)" dock.prey:4
{
    echo 'firewall host in default drop { accept icmp6 type nd }'
    echo 'firewall cross forward default accept {'
    seq 3000 | awk '{ printf "  drop tcp from 10.1.%d.%d, 10.2.%d.%d, 10.3.%d.%d to port %d\n", $1 / 250, $1 % 250, $1 / 250, $1 % 250, $1 / 250, $1 % 250, $1 }'
    echo '  accept tcp to 172.17.0.2 port 8080'
    echo '}'
} | rules dock
same 'thousands of sets' "$(looks -i wan | sed 's/ matches.*//')" dock.prey:3003
same 'that not all was asked for is said' "$(grep -c 'check all addresses in the rules, because there are too many' err)" 1
rules dock <dock.first
at prey sysctl -q -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>said
if [ -s said ]; then
    echo 'ok - br_netfilter # SKIP this kernel has none'
else
    same 'with the bridge served they are seen' "$(looks -i wan -i docker0)" ''
    at prey sysctl -q -w net.bridge.bridge-nf-call-iptables=1
    looks -i wan -i docker0 >said
    same 'but for br_netfilter' "$(grep -c '^dock.prey:3 matches destinations of packets from docker0, and br_netfilter makes the table `ip docker` translate them first; to fix it, run: sysctl -w net.bridge.bridge-nf-call-iptables=0' said)" 1
fi

# What crosses between interfaces that are served, and the other table translates.
rules apart <<'RULES'
firewall host in default drop { accept icmp6 type nd; accept state established, related }
firewall cross forward default drop { accept state established, related; accept tcp from 172.17.0.0/16 on "docker0" }
RULES
(cat apart.prey; echo 'nat out { masquerade from 172.17.0.0/16 out on "wan" }') | rules together
# between EXEC PROGRAM: the notices about it.
between() {
    seeing prey timeout 60 "$bin/preyrun" --preflight -i wan -i docker0 --monitor --exec "$1" "$2" >out 2>err </dev/null
    grep 'between interfaces of -i' err
}
between kernel apart.pbc >said
same 'replies to what the other table translates are told of' "$(grep -c 'the table `ip docker` may translate .*: then replies arrive for this machine .*; to fix it, write a `nat` in the rules$' said)" 1
between user apart.pbc >said
same 'in user space, that it doesn'\''t translate' "$(grep -c 'prey forwards packets .*, and the table `ip docker` doesn'\''t translate them; to fix it, write a `nat` in the rules$' said)" 1
same 'with a nat in the rules nothing is said' "$(between kernel together.pbc)$(between user together.pbc)" ''
background client nc.openbsd -lkp 80
listener=$last
# reaches PROGRAM: does a connection of the box get an answer?
reaches() {
    prey prey -i wan -i docker0 --exec kernel "$1"
    at box nc.openbsd -z -w 3 10.1.0.1 80
    local rc=$?
    prey_ends
    return $rc
}
! reaches apart.pbc
ok $? 'replies to the other translation are dropped, as the notice says'
reaches together.pbc
ok $? 'a nat in the rules mends it'
kill "$listener"
wait "$listener" 2>/dev/null

# Containers beside prey: a published port, a masqueraded connection to outside, and from one to the other within the bridge, which
# br_netfilter shows to this machine's hooks as what crosses. Docker itself does the same (docs/guide/reference/devices.md).
for name in client box; do web "$name"; done
containers() { echo "$(ask client 10.1.0.2:8080 5) $(ask client 10.1.0.2:8081 1) $(ask box2 10.1.0.1/from 5) $(ask box2 172.17.0.2 5)"; }
rules outer <<'RULES'
firewall host on "wan" in default drop { accept icmp6 type nd; accept state established, related; accept tcp to port 8080 }
firewall cross forward default drop { accept state established, related; accept from 172.17.0.0/16 }
RULES
rules both <<'RULES'
firewall cross forward default drop { accept state established, related; accept on "docker0"; accept on "wan" tcp to 172.17.0.2 port 80 }
nat docker { masquerade from 172.17.0.0/16 out on "wan"; forward self on "wan" tcp/8080 -> 172.17.0.2:80 }
RULES
modprobe br_netfilter 2>/dev/null
at prey sysctl -q -w net.bridge.bridge-nf-call-iptables=1 2>/dev/null
# served RULES CODE OPTION...: what containers reach, and what a port gives that is not published.
served() {
    local program=$1 code=$2
    shift 2
    prey prey "$@" "$program.pbc"
    same "containers: $program, $*" "$(containers)" "box failed: $code 10.1.0.2 box"
    prey_ends
}
served outer 28 -i wan --exec kernel
served both 7 -i wan -i docker0 --exec kernel
served both 7 -i wan -i docker0 --exec user
[ "$failed" = 0 ]
