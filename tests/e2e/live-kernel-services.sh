#!/usr/bin/env bash
# Services through the executor in the kernel: the first packets of a connection come up, the others do not; both families,
# translated, sent to a MAC address, to a rewritten destination, in both kinds of tunnel, and with the client's address;
# servers set by hand, a reload, a kill.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - services in the kernel # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin

space client prey one two
lan switch 1 client prey one two
for s in one two; do
    web "$s"
    at "$s" sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    address "$s" lo 10.1.0.101/32 10.1.0.103/32 10.1.0.104/32
done
udp one 53
udp two 53
payload 1000000 one two

served() { # RULE: one more of the firewall
    cat <<END
pool farm {
  balance round_robin
  source 10.1.0.50, fd00:1::50
  server one 10.1.0.3
  server two 10.1.0.4
  server one6 fd00:1::3
}
pool near { balance round_robin; server one 10.1.0.3; server two 10.1.0.4 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
service direct on 10.1.0.101 tcp/80 { mode dsr l2; announce; -> near }
pool turned { server one 10.1.0.3 }
pool kept { server two 10.1.0.4:8080 }
service rewritten on 10.1.0.102 tcp/8080 { mode dsr rewrite; announce; -> turned }
service ipip on 10.1.0.103 tcp/80, udp/53 { mode dsr ipip; announce; mss clamp auto; -> turned }
service gue on 10.1.0.104 tcp/80 { mode dsr gue 6080; announce; mss clamp auto; -> turned }
service kept on 10.1.0.105 tcp/80 { mode passthrough keep source; announce; -> kept }
firewall edge in default drop {
  accept state established, related as OPEN
  accept tcp port 80, 8080 as WEB
  accept udp port 53 as DNS
  accept icmp type echo-request as PING
  accept icmp6 type nd as ND
  $1
}
firewall own out default accept { drop udp port 99 }
END
}
served '' | rules first
served 'accept tcp port 81 as MORE' | rules second

# What the other modes take of their servers: answers that are translated there, tunnels' ends, a way back by prey.
"$bin/preyc" --server-setup turned/one first.prey | sed 's/^balancer=.*/balancer=10.1.0.2/' >setup
at one bash setup >said 2>&1 || { sed 's/^/# /' said; ok 1 'the server is set up'; }
at one sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
for kind in 'ipip 0' 'gue 6080'; do
    : >ready
    # shellcheck disable=SC2086
    ip netns exec "$id-one" python3 "$top/tests/e2e/live/decap.py" $kind "t-${kind% *}" >ready &
    pids="$pids $!"
    until_true 50 'the far end listens' grep -q ready ready
    ip -n "$id-one" link set "t-${kind% *}" up
done
ip -n "$id-two" route add default via 10.1.0.2 table 7
ip -n "$id-two" rule add from 10.1.0.4 ipproto tcp sport 8080 lookup 7
cp first.pbc run.pbc
serve() { prey prey -i eth0 --format json run.pbc; }
in_kernel() { # frames that were judged there, and those that came up
    kill -USR1 "$prey"
    until_true 50 'counters are printed' grep -q '^}' prey.out
    python3 -c 'import json; k = json.load(open("prey.out"))["kernel"]; print(k["packets"])'
    truncate -s 0 prey.out
}

serve
same 'a request, each family' "$(ask client 10.1.0.100/ | sed 's/two/one/') $(ask client '[fd00:1::100]/') $(talk client 10.1.0.100 | cut -d' ' -f2)" 'one one 10.1.0.50'
fetches 'a megabyte from behind a translation' client 10.1.0.100
fetches 'and over IPv6' client '[fd00:1::100]'
fetches 'and straight from a server that was chosen by its MAC address' client 10.1.0.101
fetches 'a megabyte, by a rewritten destination' client 10.1.0.102:8080
fetches 'by IP in IP' client 10.1.0.103
fetches 'by GUE' client 10.1.0.104
fetches "with the client's address" client 10.1.0.105
same "which the server sees" "$(ask client 10.1.0.105/from)" 10.1.0.1
# A router on the tunnel's way says what it bears; then the client is told.
at one python3 - <<'END'
import socket, struct
outer = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1420, 1, 0x4000, 64, 4, 0, socket.inet_aton("10.1.0.2"), socket.inet_aton("10.1.0.3"))
icmp = struct.pack("!BBHHH", 3, 4, 0, 0, 1300) + outer + bytes(8)
words = sum(struct.unpack("!%dH" % (len(icmp) // 2), icmp))
words = (words & 0xffff) + (words >> 16)
icmp = icmp[:2] + struct.pack("!H", ~(words + (words >> 16)) & 0xffff) + icmp[4:]
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(icmp, ("10.1.0.2", 0))
END
told_client() { talk client 10.1.0.103 53 0 1400 >/dev/null 2>&1; at client ip route get 10.1.0.103 | grep -q 'mtu 1280'; }
until_true 50 'the client is told what the tunnel bears' told_client && ok 0 'the client is told what the tunnel bears'
same 'both servers' "$(for i in 1 2 3 4; do ask client 10.1.0.100/; done | shares)" ' 2 one 2 two '
same 'the address of a service answers a ping, and so does the host' "$(at client ping -qc1 -W 20 10.1.0.100 | grep -c ' 0% packet loss') $(at client ping -qc1 -W 20 10.1.0.2 | grep -c ' 0% packet loss')" '1 1'
same 'what carries them is judged in the kernel' "$(python3 -c "print($(in_kernel) > 400)")" True

# One connection that rests between its requests.
mkfifo asks
background client python3 -u -c '
import http.client
c = http.client.HTTPConnection("10.1.0.100", timeout=5)
while True:
    for line in open("asks"):
        try:
            c.request("GET", "/nth")
            print(c.getresponse().read().decode().split()[1])
        except Exception as e:
            print(type(e).__name__)
' >answers
again() { # SENTENCE WANTED: what its next request gets
    local lines
    lines=$(wc -l <answers)
    timeout 60 sh -c "echo >asks"
    until_true 80 "$1: an answer" sh -c "[ \$(wc -l <answers) -gt $lines ]"
    same "$1" "$(tail -n1 answers)" "$2"
}
again 'a connection' 1
cp second.pbc run.pbc
kill -HUP "$prey"
hears 'a reload' 'reloaded: run.pbc'
again 'goes on after a reload' 2
again 'and on' 3
ctl --name eth0 set farm/one down
same 'a server set down gets nothing new' "$(for i in 1 2 3; do ask client 10.1.0.100/; done | shares)" ' 3 two '
ctl --name eth0 set farm/one file
again 'what another server carries goes on' 4

# A kill leaves the programs judging: what they know goes on, and nothing new begins until the next start.
prey_killed
again 'after a kill a connection goes on' 5
same 'and none begins' "$(at client curl -s -m 0.3 http://10.1.0.100/ || echo nothing)" nothing
serve
same 'the next start serves again' "$(ask client 10.1.0.100/ | sed 's/two/one/')" one

# The other ends as they come: no NAPI, so what programs send is lost there, and checksums left to cards that are none.
at switch ethtool -K port2 gro off tx on >/dev/null
at client ethtool -K eth0 tx on >/dev/null
fetches 'a megabyte where this process has to send' client 10.1.0.100
fetches 'likewise over IPv6' client '[fd00:1::100]'
prey_sums 'services'
