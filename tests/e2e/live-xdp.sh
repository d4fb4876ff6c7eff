#!/usr/bin/env bash
# Live on AF_XDP: passthrough, dsr l2 and a tunnel with real clients, TCP and UDP, in the driver's mode (a veth) and in the
# generic one (a bridge device); the host keeps what is its own; the program is gone after an end and after a kill; what it
# cannot do it refuses.
set -u
EXEC=user # --io is user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

pool() { # MODE SOURCE
    cat <<END
pool farm {
  balance round_robin
  $2
  server one 10.1.0.3
  server two 10.1.0.4
}
pool farm6 {
  balance round_robin
  $3
  server one fd00:1::3
  server two fd00:1::4
}
service four on 10.1.0.100 tcp/80, tcp/9000, udp/53 { mode $1; announce; -> farm }
service six on fd00:1::100 tcp/80, udp/53 { mode $1; announce; -> farm6 }
END
}
pool passthrough 'source 10.1.0.50' 'source fd00:1::50' | rules pass
pool passthrough '' '' | sed 's/10.1.0.100/10.1.0.2/; s/^service six on fd00:1::100/& icmp6,/' | rules own
pool 'dsr l2' '' '' | rules l2
pool 'dsr ipip' '' '' | rules ipip

space client prey one two
lan switch 1 client prey:eth0 one two
for s in one two; do
    web "$s"
    udp "$s" 53
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
done
head -c 3000000 /dev/urandom >web-one/file
cp web-one/file web-two/file
background prey nc -l -k 10.1.0.2 2222
udp prey 5353
until_true 50 'the host listens' at prey sh -c 'ss -ltn | grep -q :2222'

shares() { sort | awk '{ print $1 }' | uniq -c | tr -s ' \n' ' '; }
programs() { ip -d -n "$id-prey" link show "$device" | grep -c 'prog/xdp'; }
nothing_left() {
    same "$1: no program" "$(programs)" 0
    same "$1: no device" "$(ip -n "$id-prey" -o link | grep -c 'prey-')" 0
    same "$1: no rules" "$(at prey nft list tables)" ''
    same "$1: no state" "$(ls -d "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")" 2>/dev/null)" ''
}

# each NAME: requests of both families, and what is the host's own
each() {
    same "$1: the program is there" "$(programs)" 1
    for a in "$four" '[fd00:1::100]'; do
        same "$1: TCP to $a, shared" "$(for i in 1 2 3 4; do ask client "$a"; done | shares)" ' 2 one 2 two '
        at client curl -s -m 20 "http://$a/files/file" | cmp -s - web-one/file
        ok $? "$1: 3 MB from $a arrive as they are"
    done
    for a in "$four" fd00:1::100; do
        same "$1: UDP to $a, shared" "$(for i in 1 2; do talk client "$a"; done | shares)" ' 1 one 1 two '
    done
    for a in 10.1.0.2 fd00:1::2 "$four" fd00:1::100; do # the last is a server's to answer in `own`
        at client ping -c 1 -W 20 "$a" >out
        has "$1: a ping to $a is answered" ' 0% packet loss'
    done
    at client ping -c 1 -W 20 -s 4000 10.1.0.2 >out
    has "$1: a ping in fragments to the host is answered" ' 0% packet loss'
    same "$1: a datagram in fragments to the host's own server" "$(at client "$tools/udp" ask 10.1.0.2 5353 0 4000)" 'prey 10.1.0.1 4000'
    at client timeout 60 nc -N -z 10.1.0.2 2222
    ok $? "$1: a connection to the host's own server"
    same "$1: the host's own connection to a server" "$(at prey curl -s -m 20 http://10.1.0.3/)" one
}
ends() {
    truncate -s 0 prey.out
    prey_ends
    same "$1: it ends with 0" "$status" 0
    adds_up "$1: every frame that was taken has one verdict"
    same "$1: nothing was lost on the way out" "$(number live lost | tr -dc '1-9')" ''
    same "$1: checksums were completed" "$(python3 -c "print($(number interfaces 0 completed) > 0)")" True
    nothing_left "$1"
}
serves() { # NAME RULES: by XDP, to each client
    prey prey -i "$device" --io xdp --format json "$2.pbc"
    same "$1: it says how" "$(grep ^ready prey.err)" "ready: $device: $device by xdp$generic, 1 worker, $2.pbc"
    each "$1"
    ends "$1"
}
hold() { # the servers hold the service's addresses
    for s in one two; do address "$s" lo 10.1.0.100/32 fd00:1::100/128; done
}

# far: the far end of a tunnel in user space, for this kernel may have none.
far() {
    for s in one two; do
        : >"ready-$s"
        ip netns exec "$id-$s" python3 "$top/tests/e2e/live/decap.py" ipip 0 t-ipip >"ready-$s" &
        pids="$pids $!"
        until_true 50 "the far end listens in $s" grep -q ready "ready-$s"
        at "$s" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.t-ipip.rp_filter=0
        ip -n "$id-$s" link set t-ipip up
    done
}
no_answer() { same "$1: no answer came by here" "$(number forward replies)" 0; }

device=eth0 generic=
four=10.1.0.2
serves 'native, passthrough by the address of the host' own
same 'fragments for the host were given back to it' "$(python3 -c "print($(number live given) >= 3)") $(number live not_given)" 'True 0'
four=10.1.0.100
serves 'native, passthrough' pass

# A kill: the program is gone with the process, the next start takes away the rest.
prey prey -i eth0 --io xdp pass.pbc
same 'one that lives has its program' "$(programs)" 1
same 'what it has turned off it says' "$(grep -c '^preyrun: notice: eth0: preyrun turns off .*rxvlan, .* until it stops$' prey.err)" 1
prey_killed
until_true 50 'after a kill: no program' sh -c "! ip -d -n $id-prey link show eth0 | grep -q prog/xdp" &&
    ok 0 'after a kill: no program'
prey prey -i eth0 --io xdp pass.pbc
same 'the next start serves' "$(ask client "$four")" one
prey_ends
nothing_left 'after a kill and an end'

hold
serves 'native, dsr l2' l2
no_answer 'native, dsr l2'
far
serves 'native, dsr ipip' ipip
no_answer 'native, dsr ipip'

# What it cannot do it says.
refused() { # SENTENCE WORDS OPTION...
    local sentence=$1 words=$2
    shift 2
    at prey timeout 20 "$bin/preyrun" "$@" >out 2>&1
    same "$sentence: exit status" "$?" 2
    has "$sentence" "$words"
}
refused 'the loopback' 'the loopback has no XDP' -i lo --io xdp pass.pbc
refused 'several workers' 'eth0 has 1 queue, and each worker needs one: use --workers 1' -i eth0 --workers 2 --io xdp pass.pbc
# Asked for no number of them, it takes as many workers as there are queues.
at prey "$bin/preyrun" --preflight -i eth0 --io xdp pass.pbc >out 2>&1
same 'no number of workers: exit status' "$?" 0
[ "$(nproc)" = 1 ] || has 'no number of workers' 'notice: --io xdp: eth0 has 1 queue, so there is 1 worker, not'
printf 'firewall tags forward default drop { accept vlan 5 }\n' | rules tags
at prey "$bin/preyrun" --preflight -i eth0 --io xdp tags.pbc >out 2>&1
has 'tags beside frames' 'notice: --io xdp: a VLAN tag .* is lost on eth0 .veth.; to fix it, run at the peer: ethtool -K DEVICE txvlan off'
ip -n "$id-prey" link set eth0 mtu 65000
refused 'large frames' 'has an MTU of [0-9]*, and XDP takes at most 61,000' -i eth0 --io xdp pass.pbc
ip -n "$id-prey" link set eth0 mtu 1500
prey prey -i eth0 --io auto pass.pbc
cp prey.err out
has 'auto says which and why' '--io auto: packet, because .* has partial checksums, super-packets and VLAN tags'
prey_ends
prey prey -i eth0 --io xdp pass.pbc
sed 's/10.1.0.100/10.1.0.101/' pass.prey | rules moved
cp pass.pbc before.pbc
cp moved.pbc pass.pbc
kill -HUP "$prey"
until_true 50 'SIGHUP takes other rules' grep -q '^reloaded' prey.err && ok 0 'SIGHUP takes other rules'
same 'their service is served' "$(ask client 10.1.0.101 | grep -c -x -e one -e two)" 1
cp before.pbc pass.pbc
refused 'an interface that has an owner' 'the running instance `eth0` also serves eth0: give each instance its own interfaces' -i eth0 --name second --io xdp pass.pbc
prey_ends

# What is for a service's address that is not this machine's is dropped here; once it is, it would only be watched.
{ cat pass.prey; echo 'firewall closed default accept { drop tcp to 10.1.0.100 port 9000; drop udp to fd00:1::100 }'; } | rules closed
sed "s/to 10.1.0.100/to 10.1.0.2/" closed.prey | rules held
refused 'an address of this machine' 'held.prey:[0-9]* may drop this machine.s own traffic' -i eth0 --exec user --io xdp held.pbc
prey prey -i eth0 --io xdp --exec user --log text closed.pbc
same 'an address of a service alone is no reason' "$(ask client "$four" | grep -c -x -e one -e two)" 1
at client timeout 1 nc -z 10.1.0.100 9000
same 'and what is for it is dropped' "$?" 124
ip -n "$id-prey" addr add 10.1.0.100/32 dev lo
until_true 50 'an address that comes is told of' grep -q 'closed.prey:[0-9]* may drop this machine.s own traffic; this machine.s addresses have changed, and prey can only count that traffic' prey.err &&
    ok 0 'an address that comes is told of'
ip -n "$id-prey" addr del 10.1.0.100/32 dev lo
prey_ends

# Another program is on the interface: it stays, or is replaced for good.
ip netns exec "$id-prey" ip link set dev eth0 xdpdrv obj "${bin%/san}/runtime/io/steer/steer.bpf.o" sec xdp.frags
same 'another program is there' "$(programs)" 1
refused 'another program' 'has an XDP program .* of another process, and an interface takes only one; to fix it: --xdp-replace, or' -i eth0 --io xdp pass.pbc
same 'it stays' "$(programs)" 1
prey prey -i eth0 --io xdp --xdp-replace --busy-poll pass.pbc
same 'it is replaced, and frames come without interrupts' "$(ask client "$four" | grep -c -x -e one -e two)" 1
prey_ends
same 'none comes back' "$(programs)" 0
refused 'packet replaces nothing' 'xdp-replace needs --io xdp or the kernel executor' -i eth0 --exec user --xdp-replace pass.pbc

# Generic: a device whose driver has no XDP. The ends cut their super-packets themselves, or those would be lost.
ip -n "$id-prey" addr flush dev eth0
bridged prey br0 eth0
address prey br0 10.1.0.2/24 fd00:1::2/64
device=br0 generic=' (generic)'
for s in client one two; do at "$s" python3 "$top/tests/e2e/live/no_gso.py" eth0 || ok 1 "super-packets off in $s"; done
serves 'generic, dsr l2' l2
serves 'generic, dsr ipip' ipip
for s in one two; do
    ip -n "$id-$s" addr del 10.1.0.100/32 dev lo
    ip -n "$id-$s" addr del fd00:1::100/128 dev lo
done
serves 'generic, passthrough' pass
exit $failed
