#!/usr/bin/env bash
# Live direct server return: the client's packets come by here, the servers' answers do not. Frames to a MAC, rewritten
# destinations, IP in IP and GUE, with clients of both families, TCP and UDP; a transfer upward with super-packets.
set -u
EXEC=user # IP in IP: segments are joined on their way (`gro on`), which its far end in Python does not take apart; super-packets never come here, so none is cut
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

lan_of() { # a fresh LAN with two servers that hold the service's addresses
    space client prey one two
    lan switch 1 client prey one two
    for s in one two; do
        web "$s"
        udp "$s" 53
        at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
        address "$s" lo 10.1.0.100/32 fd00:1::100/128
    done
    head -c 3000000 /dev/urandom >web-one/file
    cp web-one/file web-two/file
}
shares() { sort | awk '{ print $1 }' | uniq -c | tr -s ' \n' ' '; }

# each NAME: what every mode must do
each() {
    local mac
    mac=$(at prey cat /sys/class/net/eth0/address)
    sniff here.pcap prey eth0 "ether dst $mac and (src host 10.1.0.100 or src host fd00:1::100)"
    sniff there.pcap client eth0 "not ether src $mac and (src host 10.1.0.100 or src host fd00:1::100)"
    for a in 10.1.0.100 '[fd00:1::100]'; do
        same "$1: TCP to $a, shared" "$(for i in 1 2 3 4; do ask client "$a"; done | shares)" ' 2 one 2 two '
        at client curl -s -m 20 "http://$a/files/file" | cmp -s - web-one/file
        ok $? "$1: 3 MB from $a arrive as they are"
    done
    for a in 10.1.0.100 fd00:1::100; do
        same "$1: UDP to $a, shared" "$(for i in 1 2 3 4; do talk client "$a"; done | shares)" ' 2 one 2 two '
    done
    sniffed
    same "$1: on the wire, answers bypass us" "$(frames_of here.pcap) $([ "$(frames_of there.pcap)" -gt 50 ] && echo many)" '0 many'
}
ends() { # NAME
    truncate -s 0 prey.out
    prey_ends
    same "$1: it ends with 0" "$status" 0
    adds_up "$1: every frame has one verdict"
    same "$1: no answer came by here" "$(number forward replies)" 0
    same "$1: far fewer bytes came than were transferred" "$(python3 -c "print($(number live bytes) < 2000000)")" True
    same "$1: nothing was lost" "$(number live lost | tr -dc '1-9')" ''
}
# up NAME ADDRESS: a megabyte upward, which one of the servers gets
up() {
    head -c 1000000 web-one/file >sent
    for s in one two; do
        : >"got-$s"
        ip netns exec "$id-$s" timeout 60 nc -l -N -p 9000 >"got-$s" </dev/null &
        pids="$pids $!"
        until_true 50 "$s listens" at "$s" sh -c 'ss -ltn | grep -q :9000'
    done
    at client timeout 60 nc -N "$2" 9000 <sent
    got_all() { cmp -s sent got-one || cmp -s sent got-two; }
    until_true 50 "$1: 1 MB upward arrives as it is" got_all && ok 0 "$1: 1 MB upward arrives as it is"
}

pool() { # PORTLESS RULES: both services, with this mode
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
service four on 10.1.0.100 tcp/80, tcp/9000, udp/53 { mode $1; announce; mss clamp auto; -> farm }
service six on fd00:1::100 tcp/80, udp/53 { mode $1; announce; mss clamp auto; -> farm6 }
END
}

lan_of
pool 'dsr l2' '' '' | sed 's/mss clamp auto; //' | rules l2
prey prey -i eth0 --format json l2.pbc
each 'dsr l2'
up 'dsr l2' 10.1.0.100
ends 'dsr l2'

# The servers translate their own answers, as --server-setup says.
pool 'dsr rewrite' '' '' | rules rewrite
for s in one two; do
    for p in farm farm6; do
        "$bin/preyc" --server-setup "$p/$s" rewrite.prey >setup || ok 1 "--server-setup $p/$s"
        balancer=10.1.0.2
        [ $p = farm ] || balancer=fd00:1::2
        sed -i "s/^balancer=.*/balancer=$balancer/" setup
        at "$s" bash setup >said 2>&1 || { sed 's/^/# /' said; ok 1 "$s is set up"; }
    done
done
prey prey -i eth0 --format json rewrite.pbc
each 'dsr rewrite'
up 'dsr rewrite' 10.1.0.100
ends 'dsr rewrite'
for s in one two; do at "$s" nft flush ruleset; done

# The far end of a tunnel, in user space: this kernel may have none.
far() { # KIND PORT
    for s in one two; do
        : >"ready-$s"
        ip netns exec "$id-$s" python3 "$top/tests/e2e/live/decap.py" "$1" "$2" "t-$1" >"ready-$s" &
        pids="$pids $!"
        until_true 50 "the far end listens in $s" grep -q ready "ready-$s"
        at "$s" sysctl -q -w net.ipv4.conf.all.rp_filter=0 "net.ipv4.conf.t-$1.rp_filter=0"
        ip -n "$id-$s" link set "t-$1" up
    done
}
far ipip 0
pool 'dsr ipip' '' '' | rules ipip
prey prey -i eth0 --format json ipip.pbc
each 'dsr ipip'
up 'dsr ipip' 10.1.0.100
ends 'dsr ipip'
same 'dsr ipip: super-packets were cut' "$(python3 -c "print($(number live pieces) > $(number live cut) > 0)")" True

far gue 6080
pool 'dsr gue 6080' '' '' | rules gue
prey prey -i eth0 --format json gue.pbc
each 'dsr gue'
up 'dsr gue' 10.1.0.100
ends 'dsr gue'

# From a mode whose flows hold ports to one that has none, and once more: those flows end meanwhile.
pool passthrough '' '' | rules plain
cp plain.pbc now.pbc
prey prey -i eth0 --log text --format json now.pbc
same 'passthrough: shared' "$(for i in 1 2 3 4; do ask client 10.1.0.100; done | shares)" ' 2 one 2 two '
cp l2.pbc now.pbc
for n in 1 2; do
    kill -HUP "$prey"
    again() { [ "$(grep -c 'reloaded:' prey.err)" -ge "$n" ]; }
    until_true 100 "reload $n" again
done
same 'then direct return: shared' "$(for i in 1 2 3 4; do ask client 10.1.0.100; done | shares)" ' 2 one 2 two '
prey_ends
same 'and it ends with 0' "$status" 0
exit $failed
