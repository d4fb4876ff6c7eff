#!/usr/bin/env bash
# Protocols that no port tells apart (GRE, ESP, AH, EtherIP; SCTP, whose ports a nat keeps) through masquerade: what the far end answers reaches who
# asked, and this machine's stack complains of none of it; what is this machine's own, or nobody's, that stack gets. As netfilter's masquerade, in
# both executors.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

between server
address client eth0 10.1.0.9/24 fd00:1::9/64
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
peers="python3 $top/tests/e2e/live/peers.py"
four='47 50 51 97 132'
six='47 50 97 132' # netfilter follows no AH over IPv6
background client $peers serve >>heard
until_true 100 'the far end listens' grep -q ready heard

rules home <<'RULES'
interface wan = "wan"
set inside = 10.2.0.0/24, fd00:2::/64
nat home { masquerade from inside out on wan }
firewall through forward default drop { accept state established, related; accept from inside }
RULES
sed 's/out on wan/out on wan ports 40000-50000/' home.prey | rules other

# said WHO: what the far end heard and was complained of since, a line each in `lines`; it has all that was sent before the ping.
said() {
    at prey ping -q -c 1 -W 5 10.1.0.1 >out
    has "$1: this machine's own ping" ' 0% packet loss'
    at prey ping -q -c 1 -W 5 fd00:1::1 >out
    grep -v ready heard | sort -u >lines
    : >heard
}
# asks NAME IPV4 IPV6: who answers that machine, in which protocol.
asks() {
    local p
    for p in $four; do echo "$p $(at "$1" $peers ask "$2" "$p")"; done
    for p in $six; do echo "$p $(at "$1" $peers ask "$3" "$p")"; done
}
each() { # WORD IPV4 IPV6
    printf "${1:+$1 }%s $2\n" $four
    printf "${1:+$1 }%s $3\n" $six
}
# pass WHO: who asks from inside hears the far end, which hears this machine, and no complaint.
pass() {
    : >heard
    same "$1: answers come in" "$(asks server 10.1.0.1 fd00:1::1)" "$(each '' 10.1.0.1 fd00:1::1)"
    said "$1"
    same "$1: the far end hears this machine, and no complaint" "$(cat lines)" "$(each heard 10.1.0.2 fd00:1::2 | sort)"
}
# own WHO: what is this machine's own reaches it, and what is nobody's it refuses.
own() {
    same "$1: this machine's own answers reach it" "$(asks prey 10.1.0.9 fd00:1::9)" "$(each '' 10.1.0.9 fd00:1::9)"
    : >heard
    at client $peers poke 10.1.0.2 97 10.1.0.9
    at client $peers poke fd00:1::2 97 fd00:1::9
    at client $peers poke 10.1.0.2 33 10.1.0.1
    until_true 50 "$1: what is nobody's is refused" test "$(grep -c complaint heard)" -ge 2
    said "$1"
    same "$1: what is nobody's is refused" "$(cat lines)" 'complaint 33 10.1.0.2
complaint 97 10.1.0.2
complaint 97 fd00:1::2'
}

at prey nft -f - <<'NFT'
table inet home {
  chain out {
    type nat hook postrouting priority 100; oifname "wan" masquerade;
  }
}
NFT
pass netfilter
own netfilter
at prey nft delete table inet home

# again WHO RULES: what peers send after a reload is hidden before anybody inside has sent again.
again() {
    local p
    cp "$2.pbc" rules.pbc
    : >before
    cp prey.err before
    kill -HUP "$prey"
    until_true 100 "$1: other rules are taken" reloaded
    : >inside
    background server $peers serve mute >>inside
    until_true 100 "$1: one inside listens" grep -q ready inside
    : >heard
    for p in $four; do at client $peers poke 10.1.0.2 "$p" 10.1.0.1; done
    for p in $six; do at client $peers poke fd00:1::2 "$p" fd00:1::1; done
    said "$1"
    kill "$last"
    same "$1: after a reload no complaint" "$(cat lines)" ''
    same "$1: and it comes in" "$(grep -v ready inside | sort)" "$(each heard 10.1.0.1 fd00:1::1 | sort)"
}
reloaded() { [ "$(grep -c ^reloaded prey.err)" -gt "$(grep -c ^reloaded before)" ]; }

cp home.pbc rules.pbc
prey prey -i wan -i lan rules.pbc
pass user
again user other
own user
same 'user: so do those of a peer that is also asked from inside' "$(asks prey 10.1.0.1 fd00:1::1)" "$(each '' 10.1.0.1 fd00:1::1)"
prey_ends
same 'user: no table of it stays' "$(at prey nft list tables)" ''
prey prey -i wan -i lan --workers 2 home.pbc
pass 'user, two workers'
prey_ends
prey prey -i wan -i lan --exec user --io xdp home.pbc
pass 'user, xdp'
at prey ip neigh flush all # ARP stays this machine's
at client ip neigh flush all
own 'user, xdp'
prey_ends
if seeing prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec kernel home.pbc >out 2>err; then
    prey prey -i wan -i lan --exec kernel home.pbc
    pass kernel
    own kernel
    prey_ends
else
    sed 's/^/# /' err
    echo "ok - in the kernel # SKIP the kernel lacks what the executor there needs"
fi
[ "$failed" = 0 ]
