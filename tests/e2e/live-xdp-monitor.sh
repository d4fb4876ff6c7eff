#!/usr/bin/env bash
# Live on AF_XDP with rules for this machine itself: they are watched by a packet socket beside, which does not see what the
# steering program took, and services are enforced. The host's own flows are known to `state`.
set -u
EXEC=user # --io is user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one
lan switch 1 client prey one
web one
web prey
rules box <<'END'
pool farm { server one 10.1.0.3:80 }
service shop on 10.1.0.100 tcp/8000 { mode passthrough; announce; -> farm }
service own on 10.1.0.2 tcp/8001 { mode passthrough; -> farm }
firewall box in default drop {
  accept state established as OPEN
  accept tcp to port 8000, 8001 as SHOP
  accept icmp type echo-request as PING
  accept icmp6 type nd
  accept tcp to port 80 as WEB
}
END
rule() { # NAME: how many packets it decided
    python3 -c "
import json
print(next((r['packets'] for r in json.load(open('prey.out'))['rules'] if r['rule'] == '$1'), 'none'))"
}

at prey timeout 20 "$bin/preyrun" -i eth0 --io xdp box.pbc >out 2>&1
same 'without --monitor: exit status' "$?" 2
has 'without --monitor: what cannot be enforced' 'which only the kernel executor can block: start without --io xdp, or add --monitor'

for workers in 1 2; do
    [ $workers = 1 ] || { # each worker needs a queue
        ip -n "$id-prey" link del eth0
        ip -n "$id-prey" link add eth0 numrxqueues 2 numtxqueues 2 type veth peer name port2 netns "$id-switch"
        ip -n "$id-prey" link set eth0 up
        ip -n "$id-switch" link set port2 master bridge up
        address prey eth0 10.1.0.2/24
        for s in client one; do ip -n "$id-$s" neigh flush dev eth0; done # it has another MAC
    }
    prey prey -i eth0 --io xdp --workers $workers --monitor --format json box.pbc
    same "$workers: it says what is watched" "$(grep -c 'packets to this machine itself are only counted' prey.err)" 1
    same "$workers: a service" "$(ask client 10.1.0.100:8000)" one
    same "$workers: one by the host's own address" "$(ask client 10.1.0.2:8001)" one
    same "$workers: the host's own server, which a rule lets in" "$(ask client 10.1.0.2)" prey
    same "$workers: and one that none does, for it is only watched" "$(for i in 1 2 3; do ask client 10.1.0.2:8080; done | tr '\n' ' ')" 'prey prey prey '
    same "$workers: the host asks" "$(ask prey 10.1.0.3)" one
    at client ping -c 2 -i 0.2 -W 20 10.1.0.2 >out
    has "$workers: the host is pinged" ' 0% packet loss'
    truncate -s 0 prey.out
    prey_ends
    same "$workers: it ends with 0" "$status" 0
    adds_up "$workers: every frame has one verdict, whichever socket it came by"
    same "$workers: a ping was judged, the next is of its flow" "$(rule PING)" 1
    same "$workers: answers to the host's own request are its flow's" "$(python3 -c "print($(rule OPEN) > 3)")" True
    same "$workers: what was dropped and the host got" "$(python3 -c "print($(number live watched) > 3)")" True
    same "$workers: what steering left to the host is not given to it again" "$(number live given) $(number live not_given)" '0 0'
done
exit $failed
