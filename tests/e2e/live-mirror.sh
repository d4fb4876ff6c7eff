#!/usr/bin/env bash
# Copies of packets: as they arrive and as they leave, to a device, a file and a socket, frame by frame what was sent; none
# slows or loses the original, and those that are lost are counted: a device that is down, nobody who reads, a rate.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one ids
lan switch 1 client prey one
link prey tap0 ids tap0
link prey tap1 ids tap1
udp one 53
rules shop <<'E'
interface tap = "tap0"
pool near { server one 10.1.0.3 }
service dns on 10.1.0.100 udp/53 { mode passthrough; announce; -> near }
firewall edge default accept {
  mirror to tap udp to 10.1.0.100 port 53 as CAME
  mirror sent to "tap1" udp to 10.1.0.100 port 53 as LEFT
  mirror to file "copies.pcapng" limit 1MiB udp to 10.1.0.100 port 53 as KEPT
  mirror sent to socket "ids" snap 60B udp to 10.1.0.100 port 53 as TOLD
  mirror to socket "nobody" udp to 10.1.0.100 port 53 as UNREAD
  mirror to file "copies.pcapng" limit 1/h udp to 10.1.0.100 port 53 as RARE
}
E
prey prey -i eth0 --tap ids=ids.sock --stats 127.0.0.1:8404 --format json shop.pbc

# frames FILE...: their bytes, a line each.
frames() { for f in "$@"; do tcpdump -nn -t -xx -r "$f" 2>/dev/null; done | awk '/^\t/ { printf "%s", $0; next } { print "" } END { print "" }' | sed 's/\t0x[0-9a-f]*://g' | sort; }
counted() { ctl counters mirrors; awk -v key="mirrors.$1.$2" '$1 == key { print $2 }' out; } # RULE KEY
is() { [ "$(counted "$1" "$2")" = "$3" ]; }                                               # RULE KEY VALUE
same_frames() { cmp -s <(frames "$2") <(frames "$3"); ok $? "$1"; }                        # SENTENCE FILE FILE
asks() { for i in "$@"; do talk client 10.1.0.100 53 $((4000 + i)) $((i * 100)); done | shares; }

sniff came.pcap client eth0 udp dst port 53 and dst 10.1.0.100
sniff left.pcap one eth0 udp dst port 53
sniff tap0.pcap ids tap0 udp
sniff tap1.pcap ids tap1 udp
background prey python3 -c '
import socket
s = socket.socket(socket.AF_UNIX); s.connect("ids.sock")
out = open("socket.pcapng", "wb", 0)
while b := s.recv(65536): out.write(b)'
until_true 100 'somebody reads' test -s socket.pcapng
same 'all are answered' "$(asks 1 2 3 4 5)" ' 5 one '
for rule in CAME LEFT KEPT TOLD; do until_true 100 "$rule has copied" is $rule packets 5 && ok 0 "$rule copies five"; done
until_true 100 'the devices have all' [ "$(frames_of tap0.pcap)$(frames_of tap1.pcap)" = 55 ]
sniffed
same_frames 'the device gets frames as they came' came.pcap tap0.pcap
same_frames 'and as they left' left.pcap tap1.pcap
tcpdump -r copies.pcapng -w kept.pcap 2>/dev/null
same 'the file has them, and the one that the rate allowed' "$(frames kept.pcap | uniq | cmp - <(frames came.pcap))$(frames_of kept.pcap)" 6
same 'the socket has 60 bytes of each' "$(tshark -r socket.pcapng -T fields -e frame.cap_len -e frame.len 2>/dev/null | sort -n | tr '\n' ' ')" "$(printf '60\t%d ' 142 242 342 442 542)"
same 'with rule and flow' "$(tshark -r socket.pcapng -T fields -e frame.comment 2>/dev/null | grep -c '^rule TOLD; flow udp 10.1.0.2:[0-9]* > 10.1.0.3:53')" 5
same 'copies that nobody reads are counted' "$(counted UNREAD packets) $(counted UNREAD lost_by.unread)" '0 5'
same 'and those over a rate' "$(counted RARE packets) $(counted RARE lost_by.rate)" '1 4'

at prey curl -s http://127.0.0.1:8404/ >page
same 'the page shows them' "$(grep -oE 'Copies of packets|>CAME<|socket nobody|unread 5' page | tail -3 | tr '\n' ' ')" '>CAME< socket nobody unread 5 '
same 'metrics' "$(at prey curl -s http://127.0.0.1:8404/metrics | grep -E '^prey_mirror_(packets|lost_packets)_total.*(CAME|RARE)' | sort | tr '\n' ' ')" \
    'prey_mirror_lost_packets_total{rule="CAME"} 0 prey_mirror_lost_packets_total{rule="RARE"} 4 prey_mirror_packets_total{rule="CAME"} 5 prey_mirror_packets_total{rule="RARE"} 1 '
ctl status
same 'and preyctl status' "$(grep -E '^ +copies +(CAME|RARE)' out | tr -s ' ')" ' copies CAME to device tap0: 5
 copies RARE to file copies.pcapng: 1, lost 4: rate'

# A device that goes down, away, and comes back.
ip -n "$id-prey" link set dev tap0 down
until_down() { asks 6 | grep -q one && [ "$(counted CAME lost_by.down)" -gt 0 ]; }
until_true 100 'a device that is down' until_down && ok 0 'copies to a device that is down are counted; their packets go on'
ip -n "$id-prey" link del dev tap1
link prey tap1 ids tap1
ip -n "$id-prey" link set dev tap0 up
before=$(counted CAME packets) left=$(counted LEFT packets)
until_back() { asks 7 | grep -q one && [ "$(counted CAME packets)" -gt "$before" ] && [ "$(counted LEFT packets)" -gt "$left" ]; }
until_true 100 'devices come back' until_back && ok 0 'those that are back get copies again, also by another number'

# A reload: what is the same goes on.
kept=$(counted KEPT packets)
sed -i 's/to "tap1" udp/to "tap1" snap 64B udp/; /nobody/d' shop.prey
"$bin/preyc" shop.prey -o shop.pbc >/dev/null
kill -HUP "$prey"
awaits reloaded
same 'after a reload counters go on' "$([ "$(counted KEPT packets)" -ge "$kept" ]; echo $?)" 0
asks 8 >/dev/null
until_true 100 'and so does the file' is KEPT packets $((kept + 1)) && ok 0 'and so do files'
until_true 100 'the device has its copy' is LEFT packets 1
same 'another snap is another mirror' "$(counted LEFT packets) $(counted LEFT bytes)" '1 64'

# Its own device is none of its targets.
sed -i 's/"tap1"/"eth0"/' shop.prey
"$bin/preyc" shop.prey -o shop.pbc >/dev/null
kill -HUP "$prey"
hears 'copies to an interface that is served are refused' 'prey judges packets of this interface (-i), and would judge the copies again: name another device'
prey_ends
same 'it ends well' "$status" 0

# Started in another folder: a name without one is a name in the folder of the program's file.
sed -i 's/"eth0" \(snap 64B \)*udp/"tap1" udp/' shop.prey
"$bin/preyc" shop.prey -o shop.pbc >/dev/null
rm copies.pcapng
mkdir away
cd away || exit 1
prey prey -i eth0 ../shop.pbc
asks 1 >/dev/null
until_true 100 'the file lies beside the program' test -s ../copies.pcapng && ok 0 'the file lies beside the program, wherever preyrun was started'
prey_ends
cd ..
