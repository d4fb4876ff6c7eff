#!/usr/bin/env bash
# Tunnels between two preyruns, with no tunnel of the kernel's: one balances with dsr ipip and dsr gue, the servers' open
# what comes and give it to their nginx. The outer packets are hidden from the servers' own stacks; what the rules refuse
# inside never arrives; a sender that is not listed is not opened.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do
    web "$s"
    udp "$s" 53
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=1
    address "$s" lo 10.1.0.100/32 fd00:1::100/128
done
head -c 3000000 /dev/urandom >web-one/file
cp web-one/file web-two/file
shares() { sort | awk '{ print $1 }' | uniq -c | tr -s ' \n' ' '; }

balancer() { # MODE OUTER: servers are reached by that family, both services through the same tunnel
    local one=10.1.0.3 two=10.1.0.4
    [ "$2" = 6 ] && one=fd00:1::3 two=fd00:1::4
    cat <<E
pool farm {
  balance round_robin
  server one $one
  server two $two
}
service four on 10.1.0.100 tcp/80, tcp/8080, udp/53 { mode $1; announce; mss clamp auto; -> farm }
service six on fd00:1::100 tcp/80, tcp/8080, udp/53 { mode $1; announce; mss clamp auto; -> farm }
E
}
opener() { # KIND
    cat <<E
firewall edge default accept {
  decap $1 from 10.1.0.2, fd00:1::2 to self as TUNNEL
  reject tcp to 10.1.0.100, fd00:1::100 port 8080 with rst as SHUT
}
E
}

# A server's preyrun: SERVER RULES. Its outputs are SERVER.out and SERVER.err.
open_at() {
    : >"$1.out" >"$1.err"
    ip netns exec "$id-$1" "$bin/preyrun" --workers 1 -i eth0 --monitor --format json "$2" >>"$1.out" 2>"$1.err" </dev/null &
    openers="$openers $!"
    pids="$pids $!"
    until_true 200 "preyrun is ready in $1" grep -q '^ready' "$1.err" || sed 's/^/# /' "$1.err"
}
of() { # SERVER KEY...: a number that its preyrun printed
    python3 - "$@" <<'E'
import json, sys
at = json.load(open(sys.argv[1] + ".out"))
for key in sys.argv[2:]:
    at = at[key]
print(sum(at.values()) if isinstance(at, dict) else at)
E
}

each() { # NAME MODE KIND OUTER
    balancer "$2" "$4" | rules "out"
    opener "$3" | rules "in"
    openers=
    for s in one two; do
        open_at "$s" in.pbc
        at "$s" tcpdump -n -i eth0 -w "$s.pcap" 'icmp[0] == 3 or icmp6[0] == 1' 2>"$s.dump" &
        pids="$pids $!"
        openers="$openers $!"
        until_true 100 "tcpdump listens in $s" grep -q listening "$s.dump"
    done
    prey prey -i eth0 --format json out.pbc
    for a in 10.1.0.100 '[fd00:1::100]'; do
        same "$1: TCP to $a, shared" "$(for i in 1 2 3 4; do ask client "$a"; done | shares)" ' 2 one 2 two '
        at client curl -s -m 20 "http://$a/files/file" | cmp -s - web-one/file
        ok $? "$1: 3 MB from $a arrive as they are"
        at client curl -s -m 20 "http://$a:8080/" >out
        same "$1: what the rules refuse inside is reset for $a" $? 7
    done
    for a in 10.1.0.100 fd00:1::100; do
        same "$1: UDP to $a, shared" "$(for i in 1 2 3 4; do talk client "$a"; done | shares)" ' 2 one 2 two '
    done
    prey_ends
    for p in $openers; do kill -TERM "$p"; done
    for p in $openers; do wait "$p"; done
    for s in one two; do
        same "$1: $s was given what was inside" "$(python3 -c "print($(of "$s" live given) > 20 and $(of "$s" live not_given) == 0)")" True
        same "$1: $s lost nothing" "$(of "$s" live lost)" 0
        same "$1: the stack of $s answers no outer packet" "$(tcpdump -n -r "$s.pcap" 2>/dev/null)" ''
        same "$1: nothing is left of it at $s" "$(at "$s" nft list tables; at "$s" ip -o link show | grep -c prey-)" 0
    done
}
each 'ipip over IPv4' 'dsr ipip' ipip 4
each 'gue over IPv6' 'dsr gue 6080' 'gue 6080' 6

# Over the other families, one request each; then somebody who is not listed, and a reload that opens no more.
balancer 'dsr ipip' 6 | rules out
opener ipip | sed 's/10.1.0.2, fd00:1::2/fd00:1::2/' | rules in
openers=
for s in one two; do open_at "$s" in.pbc; done
prey prey -i eth0 out.pbc
same 'ipip over IPv6' "$(for a in 10.1.0.100 '[fd00:1::100]'; do ask client "$a"; ask client "$a"; done | shares)" ' 2 one 2 two '
balancer 'dsr ipip' 4 | rules out
truncate -s 0 prey.err
kill -HUP "$prey"
until_true 100 'it takes the other pool' grep -q '^reloaded' prey.err
same 'a sender that is not listed is not opened' "$(at client curl -s -m 1 http://10.1.0.100/)" ''
opener ipip | rules in
for s in one two; do truncate -s 0 "$s.err"; done
for p in $openers; do kill -HUP "$p"; done
for s in one two; do until_true 100 "$s takes rules that list it" grep -q '^reloaded' "$s.err"; done
same 'a reload that lists it does' "$(for i in 1 2; do ask client 10.1.0.100; done | shares)" ' 1 one 1 two '
exit $failed
