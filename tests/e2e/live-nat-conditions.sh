#!/usr/bin/env bash
# A router whose nat leaves things alone: a VPN's addresses, an inside network, ports that stay; several ranges of ports; names asked
# of one resolver; segments clamped by the device, translated or not. In user space, then in the kernel, where this machine lets us pin programs.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || executors=user
live_begin

space client prey far names
link client eth0 prey lan
link prey wan far eth0
link prey dmz names eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address prey dmz 10.3.0.2/24
address far eth0 10.2.0.3/24 fd00:2::3/64
address far lo 10.8.0.1/32
address names eth0 10.3.0.53/24 10.3.0.54/24
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-names" route add default via 10.3.0.2
ip -n "$id-far" route add 10.1.0.0/24 via 10.2.0.2
ip -n "$id-far" -6 route add fd00:1::/64 via fd00:2::2
ip -n "$id-prey" route add 10.8.0.0/16 via 10.2.0.3
ip -n "$id-prey" route add default via 10.2.0.3
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for s in far names; do web $s; udp $s 53; done
udp far 500
udp prey 54
background far python3 "$top/tests/e2e/live/echo.py" serve 9000
until_true 50 'the echo listens' at far sh -c 'ss -ltn | grep -q :9000'

rules edge <<'END'
interface x1 = "x1"
interface x2 = "x2"
interface x3 = "x3"
interface x4 = "x4"
interface x5 = "x5"
interface lan = "lan"
interface wan = "wan"
set inside = 10.1.0.0/24
set vpn = 10.8.0.0/16
nat edge {
  source from inside to not vpn udp port 500 out on wan -> 10.2.0.64 ports 500
  masquerade from inside to not vpn out on not "dmz" ports 2048-2063, 4096-4111
  forward any on lan udp/53 -> 10.3.0.53
  forward self on not x1, x2, x3, x4, x5, lan udp/54 -> 10.3.0.53:53
  mss clamp 1200 out on wan
}
firewall across forward default accept { }
END

from() { at client curl -s -m 10 "http://$1/from" || echo failed; }
for exec in ${executors:-user kernel}; do
    prey prey --exec "$exec" -i lan -i wan -i dmz --format json edge.pbc
    sniff "far-$exec.pcap" far eth0 ip or ip6
    sniff "near-$exec.pcap" client eth0 'tcp[13] & 18 = 18 and not src net 10.3.0.0/24 or (ip6[6] = 6 and ip6[53] & 18 = 18)'
    same "$exec: what goes to the network is translated" "$(from 10.2.0.3)" 10.2.0.2
    same "$exec: what goes to the VPN is not" "$(from 10.8.0.1)" 10.1.0.1
    same "$exec: nor what leaves by the device that is left out" "$(from 10.3.0.54)" 10.1.0.1
    same "$exec: nor a family without a statement" "$(from '[fd00:2::3]')" fd00:1::1
    same "$exec: IKE keeps its port" "$(talk client 10.2.0.3 500 500)" 'far 10.2.0.64 5'
    same "$exec: names are asked of the resolver, whoever is asked" "$(talk client 10.2.0.3 53) $(talk client 10.9.9.9 53)" 'names 10.1.0.1 5 names 10.1.0.1 5'
    same "$exec: of six devices behind \`not\` the last is left alone, too" "$(talk client 10.1.0.2 54)" 'prey 10.1.0.1 5'
    same "$exec: what comes by another is translated" "$(talk far 10.2.0.2 54)" 'names 10.2.0.3 5'
    same "$exec: a ping leaves, too" "$(at client ping -q -c1 -W 20 10.2.0.3 | grep -c ' 0% packet loss')" 1
    sniffed
    seen() { tcpdump -n -r "far-$exec.pcap" "$@" 2>/dev/null; }
    same "$exec: IKE's port is 500 outside" "$(seen src host 10.2.0.64 | grep -oE 'IP [0-9.]+' | sort -u)" 'IP 10.2.0.64.500'
    same "$exec: other ports are of the ranges" "$(seen src host 10.2.0.2 and tcp | grep -oE '^.* IP 10.2.0.2.[0-9]+' | grep -oE '[0-9]+$' | sort -u | awk '!($1 >= 2048 && $1 <= 2063 || $1 >= 4096 && $1 <= 4111)')" ''
    same "$exec: identifiers, too" "$(seen src host 10.2.0.2 and icmp | grep -oE 'id [0-9]+' | awk '{ print ($2 >= 2048 && $2 <= 2063 || $2 >= 4096 && $2 <= 4111) }' | sort -u)" 1
    same "$exec: segments are clamped, translated or not" "$(seen 'tcp[13] & 18 = 2 or (ip6[6] = 6 and ip6[53] & 18 = 2)' | grep -oE 'mss [0-9]+' | uniq -c | tr -s ' ')" ' 3 mss 1200'
    same "$exec: and in answers" "$(tcpdump -n -r "near-$exec.pcap" 2>/dev/null | grep -oE 'mss [0-9]+' | uniq -c | tr -s ' ')" ' 3 mss 1200'
    # A connection stays at its port outside whatever `out on` says of the same way.
    rm -f say && mkfifo say
    sniff "kept-$exec.pcap" far eth0 'tcp dst port 9000'
    at client python3 "$top/tests/e2e/live/echo.py" ask 10.2.0.3 9000 <say >heard 2>&1 &
    pids="$pids $!"
    exec 9>say
    heard() { grep -qxF "$1" heard; }
    echo first >&9
    until_true 50 "$exec: a connection speaks" heard first
    for out in 'wan' '"wan", "wan9"' 'not "lan"' '"w*"' 'wan'; do
        sed "s/out on not \"dmz\"/out on $out/" edge.prey | rules next
        ctl load --allow-unjudged x1,x2,x3,x4,x5,wan9 next.pbc
        echo "$status $out" >&9
        until_true 50 "$exec: it goes on with \`out on $out\`" heard "0 $out" && ok 0 "$exec: it goes on with \`out on $out\`"
    done
    exec 9>&-
    wait "$!"
    sniffed
    same "$exec: from one port" "$(tcpdump -n -r "kept-$exec.pcap" 2>/dev/null | grep -oE 'IP [0-9.]+' | sort -u | grep -cE 'IP 10\.2\.0\.2\.[0-9]+')" 1
    prey_sums "$exec"
done

# A list that guard rules have no room for is refused, where they would hide or show what it does not say.
for not in '' 'not '; do
    rules many <<END
nat edge { forward self on $not$(seq -s , -f '"d%g"' 65) udp/54 -> 10.3.0.53:53 }
firewall across forward default accept { }
END
    seeing prey timeout 60 "$bin/preyrun" -i lan -i wan --exec user --preflight many.pbc >out 2>err
    same "65 devices in \`on $not\`" "$? $(grep -c "many.prey:1 asks for more than $([ "$not" ] && echo 16 || echo 64) devices${not:+ behind .not.}, more than guard rules can hold" err)" '2 1'
done
exit $failed
