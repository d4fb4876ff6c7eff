#!/bin/bash
# What leaves, in a replay: --write as pcap and pcapng with interfaces, next hops that nobody knows, --mtu, explanations of
# what was rewritten, and sums that hold replies. B is the build folder.
set -u
. tests/lib/scratch.sh

rules pass <<'END_OF_RULES'
pool web {
  source 10.0.0.1 ports 61000-65535
  server a 10.0.0.11:8080
}
service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
firewall edge on "eth0" default drop {
  accept tcp to 203.0.113.10 port 80 as WEB
}
END_OF_RULES
C='198.51.100.9' V='203.0.113.10'
CLIENT='eth 00:00:5e:00:01:01 > 00:00:5e:00:02:02'
capture client <<END_OF_NOTES
$CLIENT / vlan 5 / ip4 $C > $V / tcp 50000 > 80 syn seq 100
after 1ms
$CLIENT / ip4 $C > $V ttl 1 / tcp 50001 > 80 syn seq 100
END_OF_NOTES

echo '# What leaves'
run --pcap client.pcap --on eth0 --self 203.0.113.1 --seed 7 --write left.pcap --verdicts lines pass.pbc
same 'both frames have a line' "$(tail -n +2 lines)" "$(printf '1\tforward\tWEB\twww\tweb/a\t-\n2\tdrop\tWEB\twww\tweb/a\tttl-exceeded')"
cp left.pcap once.pcap
run --pcap client.pcap --on eth0 --self 203.0.113.1 --seed 7 --write left.pcap pass.pbc
cmp -s left.pcap once.pcap
ok $? 'the same seed and capture give the same ports'
port=$(tcpdump -tnr left.pcap 2>/dev/null | sed -n 's/^IP 10\.0\.0\.1\.\([0-9]*\) > 10\.0\.0\.11\.8080: .*/\1/p')
[ -n "$port" ] && [ "$port" -ge 61000 ]
ok $? "the server gets the packet from a port of the pool's range"
same 'its frame keeps the tag, and has the next hop made from its address' \
    "$(tcpdump -etnr left.pcap vlan 2>/dev/null | sed 's/ethertype.*vlan/vlan/; s/, p 0.*//')" \
    '00:00:5e:00:02:02 > 02:00:0a:00:00:0b, vlan 5'
same 'the sender without a hop left is told by the machine' \
    "$(tcpdump -tnr left.pcap icmp 2>/dev/null | sed 's/,.*//')" "IP 203.0.113.1 > $C: ICMP time exceeded in-transit"
run --pcap client.pcap --on eth0 --self 203.0.113.1 --seed 7 --write left.pcapng pass.pbc
if command -v tshark >/dev/null; then
    same 'a pcapng names the interface of each frame' \
        "$(tshark -r left.pcapng -T fields -e frame.interface_name 2>/dev/null | sort | uniq -c | tr -s ' ')" ' 2 eth0'
else
    echo 'ok - a pcapng names the interface of each frame # SKIP tshark is not installed'
fi

echo '# Replies'
capture both <<END_OF_NOTES
$(cat client.notes)
after 1ms
eth 00:00:5e:00:03:03 > 00:00:5e:00:02:02 / vlan 5 / ip4 10.0.0.11 > 10.0.0.1 / tcp 8080 > $port syn ack seq 7 ack 101
END_OF_NOTES
run --pcap both.pcap --on eth0 --self 203.0.113.1 --seed 7 --write left.pcap --verdicts lines pass.pbc
same 'a reply is not judged, and forwarded' "$(sed -n 4p lines)" "$(printf '3\tforward\t-\twww\tweb/a\t-')"
same 'it goes to the MAC and tag that the client had' \
    "$(tcpdump -etnr left.pcap 'vlan and src port 80' 2>/dev/null | sed 's/ethertype 802.1Q[^v]*//; s/length [0-9]*: //; s/, p 0.*(0x0800), / /; s/: Flags.*//')" \
    "00:00:5e:00:02:02 > 00:00:5e:00:01:01, vlan 5 $V.80 > $C.50000"
run --pcap both.pcap --on eth0 --self 203.0.113.1 --seed 7 pass.pbc
has 'the summary has a row of replies' '^  replies, not judged  *forward  *1 '
sums=$(awk '/^decided by/ { on = 1; next } on && $1 == "total" { print n, $2; exit } on { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9,]+$/) { n += $i; break } }' out)
same 'and its rows add up' "${sums% *}" "${sums#* }"

echo '# Explained'
run --pcap both.pcap --on eth0 --self 203.0.113.1 --seed 7 --explain 1 pass.pbc
has 'the packet that left' "^  sent tcp 10\.0\.0\.1:$port > 10\.0\.0\.11:8080 SYN vlan 5\$"
has 'its source' "^    source $C:50000 -> 10\.0\.0\.1:$port\$"
has 'its destination' "^    destination $V:80 -> 10\.0\.0\.11:8080\$"
has 'its time to live' '^    ttl 64 -> 63$'
run --pcap both.pcap --on eth0 --self 203.0.113.1 --seed 7 --explain 2 pass.pbc
has 'an answer' "^  answered icmp 203\.0\.113\.1 > $C time-exceeded"
run --pcap both.pcap --on eth0 --self 203.0.113.1 --seed 7 --explain 3 pass.pbc
has 'why a reply is not judged' 'no rule is tried: it is a reply in a flow of a service or translation'
has 'a reply rewritten' "^    source 10\.0\.0\.11:8080 -> $V:80\$"
rules kept <<'END_OF_RULES'
pool web { server a 10.0.0.11 }
service www on 203.0.113.10 tcp/80 { mode passthrough keep source; max flows 1; -> web }
firewall edge default accept { drop tcp port 22 as SSH }
END_OF_RULES
capture kept <<END_OF_NOTES
$CLIENT / ip4 $C > $V / tcp 50000 > 80 syn seq 100
$CLIENT / ip4 $C > $V / tcp 50001 > 80 syn seq 100
$CLIENT / ip4 10.0.0.11 > $C / tcp 80 > 50000 syn ack seq 7 ack 101
END_OF_NOTES
run --pcap kept.pcap --self 203.0.113.1 --explain 2 kept.pbc
has 'a default that accepts what is refused later' '^  default  yes  accept of firewall edge'
run --pcap kept.pcap --self 203.0.113.1 --explain 3 kept.pbc
has 'the port of a server that takes any' '^  passthrough keep source to 10\.0\.0\.11:80$'
run --pcap both.pcap --on eth0 --self 203.0.113.1 --seed 7 --explain 1 --format json pass.pbc
python3 -c '
import json, sys
left = json.load(open("out"))["left"]
fields = {f["field"]: f["after"] for f in left[0]["rewritten"]}
sys.exit(not (left[0]["how"] == "sent" and fields["destination"] == "10.0.0.11:8080" and fields["ttl"] == "63"))'
ok $? 'JSON says the same'

echo '# Tunnels and what they bear'
rules tunnel <<'END_OF_RULES'
pool far { source 10.9.0.1; server a 10.9.0.11 }
service www on 203.0.113.10 tcp/80 { mode dsr ipip; -> far }
END_OF_RULES
capture big <<END_OF_NOTES
$CLIENT / ip4 $C > $V df / tcp 50000 > 80 syn
$CLIENT / ip4 $C > $V df / tcp 50000 > 80 ack psh / payload "$(head -c 1400 /dev/zero | tr '\0' x)"
END_OF_NOTES
run --pcap big.pcap --self 203.0.113.1 --explain 1 tunnel.pbc
has 'the outer packet' '^  sent .*10\.9\.0\.1 > 10\.9\.0\.11'
has 'what is inside' "^    inside: tcp $C:50000 > $V:80 SYN\$"
has 'and what changed there' '^    ttl 64 -> 63$'
run --pcap big.pcap --self 203.0.113.1 --verdicts - tunnel.pbc
same 'what fits is sent' "$(cut -f 2,6 out | tail -n +2 | tr '\t\n' '  ')" 'forward - forward - '
run --pcap big.pcap --self 203.0.113.1 --mtu 1400 --verdicts - --write left.pcap tunnel.pbc
same '--mtu: what does not fit is told' "$(sed -n 3p out | cut -f 2,6)" "$(printf 'drop\ttoo-big')"
tcpdump -tnr left.pcap icmp 2>/dev/null | grep -q "IP $V > $C: ICMP $V unreachable - need to frag (mtu 1380)"
ok $? 'by the address of the service, with what is left inside the tunnel'

exit $failed
