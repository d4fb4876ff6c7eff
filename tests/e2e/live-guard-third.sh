#!/usr/bin/env bash
# Guard rules hide from the host's stack what prey handles, and nothing else: what is forwarded to, balanced to and masqueraded also talks
# with a third network, be it served or not, whole, in fragments and by ICMP errors. Who asks from an address of that network, by another one, gets
# answers there, and none leaves a second time with its inside address. In both executors.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

between server
space dmz
link prey dmz dmz eth0
address prey dmz 10.3.0.1/24 fd00:3::1/64
address dmz eth0 10.3.0.2/24 fd00:3::2/64
ip -n "$id-dmz" route add default via 10.3.0.1
ip -n "$id-client" route add 10.2.0.0/24 via 10.1.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
web server
web dmz
web client

rules judged <<'RULES'
interface wan = "wan"
set inside = 10.2.0.0/24, 10.3.0.0/24
nat home {
  masquerade from inside out on wan
  forward self tcp/8443 -> 10.2.0.2:80
  forward self udp/53 -> 10.2.0.2:53
}
firewall box in default accept { }
firewall through forward default accept { }
RULES
sed '/^firewall/d' judged.prey | rules bare
# A service of which servers answer to clients' addresses.
rules kept <<'RULES'
pool farm { server one 10.2.0.2:80 }
service web on 10.1.0.77 tcp/80 { mode passthrough keep source; announce; -> farm }
firewall through forward default accept { }
RULES
# A peer with an address of the third network, which asks by the wan.
rules peer <<'RULES'
nat home {
  map 10.1.0.80/31 <-> 10.2.0.80/31
  forward self on "wan" tcp/8443 -> 10.2.0.2:80
  forward self on "wan" udp/54, icmp -> 10.2.0.2
}
RULES
head -c 5000 /dev/zero >web-server/large
udp server 54
address server eth0 10.2.0.80/24
udp server 55 10.2.0.80

noted() { at prey nft list tables | grep -q peers; }
# strays: how many packets for the peer came to the third network.
strays() { at dmz nft list chain netdev strays peer | sed -n 's/.*packets \([0-9]*\) .*/\1/p'; }
strays_begin() {
    at prey ip neigh replace 10.3.0.77 lladdr 02:00:00:00:00:77 dev dmz nud permanent
    at dmz nft -f - <<<'table netdev strays { chain peer { type filter hook ingress device eth0 priority 0; ip daddr 10.3.0.77 counter; }; }'
}
strays_end() {
    at dmz nft delete table netdev strays
    at client ip addr del 10.3.0.77/32 dev lo
}
# peer WHO: the peer's questions are answered by the wan alone.
peer() {
    at client ip addr add 10.3.0.77/32 dev lo
    for to in 10.1.0.2 10.1.0.80; do at client ip route add "$to" via 10.1.0.2 src 10.3.0.77; done
    strays_begin
    same "$1: a peer is answered by TCP" "$(ask client 10.1.0.2:8443 8)" server
    same "$1: by UDP, in fragments" "$(talk client 10.1.0.2 54 0 4000 | cut -d' ' -f1)" server
    same "$1: at a map's end outside" "$(talk client 10.1.0.80 55 0 4000 | cut -d' ' -f1)" server
    at client ping -q -c 2 -i 0.2 -W 5 -s 4000 10.1.0.2 >out
    has "$1: by an echo" ' 0% packet loss'
    at client ping -q -c 2 -i 0.2 -W 5 10.1.0.80 >out
    has "$1: there, too" ' 0% packet loss'
    same "$1: an error says what is closed" "$(refused_by client 10.1.0.80 9)" refused
    same "$1: none of it left for the third network" "$(strays)" 0
    at prey ping -q -c 1 -W 1 10.3.0.77 >out
    same "$1: where what is this machine's own goes" "$(strays)" 1
    strays_end
    # Who takes the address of a host there takes nothing from that host but the connection that it has begun.
    at client ip addr add 10.3.0.2/32 dev lo
    for to in 10.1.0.2 10.1.0.80; do at client ip route replace "$to" via 10.1.0.2 src 10.3.0.2; done
    same "$1: who has that host's address is answered" "$(talk client 10.1.0.2 54 0 4000 | cut -d' ' -f1) $(talk client 10.1.0.80 55 | cut -d' ' -f1)" 'server server'
    at client ip addr del 10.3.0.2/32 dev lo
    at client ip route flush 10.1.0.2
    at client ip route flush 10.1.0.80
    reaches "$1, after that"
}

# reaches WHERE: the third network has the target's own port and another, asks of any length, and hears of closed ports; the target has what is there.
reaches() {
    same "$1: the target reaches it" "$(ask server 10.3.0.2 8)" dmz
    at server ping -q -c 1 -W 5 -s 4000 10.3.0.2 >out
    has "$1: in fragments, too" ' 0% packet loss'
    same "$1: it reaches the target's port" "$(ask dmz 10.2.0.2 8)" server
    same "$1: and another one" "$(ask dmz 10.2.0.2:8080 8)" server
    same "$1: by UDP" "$(talk dmz 10.2.0.2 54 0 4000 | cut -d' ' -f1)" server
    same "$1: and is told what is closed" "$(refused_by dmz 10.2.0.2 9)" refused
}

for exec in user kernel; do
    if [ "$exec" = kernel ] && ! seeing prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec kernel judged.pbc >out 2>err; then
        sed 's/^/# /' err
        echo "ok - in the kernel # SKIP the kernel lacks what the executor there needs"
        continue
    fi
    prey prey -i wan -i lan --exec "$exec" judged.pbc
    reaches "$exec, a network that isn't served"
    same "$exec: the forward goes on" "$(ask client 10.1.0.2:8443 8)" server
    same "$exec: the forwarded port of the other family stays this machine's" "$(refused_by client fd00:1::2 53)" refused
    same "$exec: what is masqueraded goes on" "$(ask server 10.1.0.1/from 8)" 10.1.0.2
    prey_ends
    prey prey -i wan -i lan -i dmz --exec "$exec" judged.pbc
    reaches "$exec, a network that is served"
    same "$exec, three networks: the forward goes on" "$(ask client 10.1.0.2:8443 8)" server
    prey_ends
    prey prey -i wan -i lan --exec "$exec" bare.pbc
    reaches "$exec, no firewall"
    same "$exec, no firewall: the forward goes on" "$(ask client 10.1.0.2:8443 8)" server
    same "$exec, no firewall: who asks from outside gets answers" "$(ask client 10.2.0.2:8080 8)" server
    at client ping -q -c 1 -W 5 -s 4000 10.2.0.2 >out
    has "$exec, no firewall: in fragments, too" ' 0% packet loss'
    prey_ends
    prey prey -i wan -i lan -i dmz --exec "$exec" bare.pbc
    reaches "$exec, no firewall, three networks"
    prey_ends
    prey prey -i wan -i lan --exec "$exec" kept.pbc
    reaches "$exec, a service that keeps sources"
    same "$exec: that service goes on" "$(ask client 10.1.0.77 8)" server
    prey_ends
    at prey ip link set dmz down
    prey prey -i wan -i lan --exec "$exec" peer.pbc
    same "$exec, no third network: nobody who asks is noted" "$(at prey nft list tables | grep -c peers)" 0
    at prey ip link set dmz up
    [ "$exec" = kernel ] || until_true 100 'who asks is noted' noted
    peer "$exec"
    prey_ends
    at client ip addr add 10.3.0.77/32 dev lo
    at client ip route add 10.1.0.77 dev eth0 src 10.3.0.77
    strays_begin
    prey prey -i wan -i lan --exec "$exec" kept.pbc
    same "$exec: a peer is answered by a service that keeps sources" "$(ask client 10.1.0.77 8)" server
    same "$exec: by the wan alone" "$(strays)" 0
    prey_ends
    at client ip route del 10.1.0.77
    strays_end
done
[ "$failed" = 0 ]
