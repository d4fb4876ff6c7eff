#!/usr/bin/env bash
# Copies wherever frames come from: on a bridge with tags, as they came and as they cross; on a mirror port (--monitor); of several
# workers; and in the replay of what a recording holds of them.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space left prey right ids
link left eth0 prey a0
link prey b0 right eth0
link prey tap0 ids tap0
address left eth0 10.1.0.1/24
address right eth0 10.1.0.2/24
udp right 53
rules ways <<'END'
firewall cable default accept {
  mirror to "tap0" udp to port 53 as CAME
  mirror sent to file "left.pcapng" udp to port 53 as LEFT
  drop udp to port 54 as GONE
  mirror to file "came.pcapng" udp to port 53 as KEPT
}
END
frames() { tcpdump -nn -t -xx -r "$1" 2>/dev/null | awk '/^\t/ { printf "%s", $0; next } { print "" } END { print "" }' | sed 's/\t0x[0-9a-f]*://g' | sort; }
counted() { ctl counters mirrors; awk -v key="mirrors.$1.$2" '$1 == key { gsub(",", "", $2); print $2 }' out; } # RULE KEY
is() { [ "$(counted "$1" "$2")" = "$3" ]; }                                                                     # RULE KEY VALUE
same_frames() { cmp -s <(frames "$2") <(frames "$3"); ok $? "$1"; }                                            # SENTENCE FILE FILE
asks() { for i in $(seq "$2"); do talk left "$1" 53 $((4000 + i)) $((i * 50)); done | shares; }                 # ADDRESS COUNT
tagged() { # COUNT: questions in VLAN 7, tag and all in the frame
    at left python3 -c 'import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
udp = bytes.fromhex("1388003500080000")
ip = bytearray.fromhex("4500001c000000004011000001020304" "0a070002")
sum = sum(ip[i] << 8 | ip[i + 1] for i in range(0, 20, 2))
ip[10:12] = (0xffff - sum % 0xffff).to_bytes(2, "big")
mac = bytes.fromhex(open("/sys/class/net/eth0/address").read().strip().replace(":", ""))
for i in range(int(sys.argv[1])): s.send(b"\2" * 6 + mac + bytes.fromhex("81000007" "0800") + ip + udp + bytes([i] * 18))' "$1"
}
plain() { tcpdump -r "$1.pcapng" -w "$1.pcap" 2>/dev/null; }

# A bridge: plain frames and tagged ones, recorded.
prey prey --bridge a0:b0 --record kept --format json ways.pbc
sniff sent.pcap left eth0 udp dst port 53 or vlan and udp dst port 53
sniff got.pcap right eth0 udp dst port 53 or vlan and udp dst port 53
sniff tap.pcap ids tap0 udp dst port 53 or vlan and udp dst port 53
same 'a bridge carries all' "$(asks 10.1.0.2 3)" ' 3 right '
tagged 3
for rule in CAME LEFT KEPT; do until_true 100 "$rule has copied" is $rule packets 6; done
until_true 100 'the device has all' [ "$(frames_of tap.pcap)" = 6 ]
sniffed
prey_ends
same_frames 'copies of a bridge, with their tags' sent.pcap tap.pcap
plain came
plain left
same_frames 'in a file, too' sent.pcap came.pcap
same_frames 'and as they cross' got.pcap left.pcap
rm -f ./*.pcapng

# The recording, once more.
run --replay kept --copies again
same 'its recording is replayed with the same copies' "$status $(grep -cE 'CAME to device tap0: 6 copies|KEPT to file came.pcapng: 6 copies' out)" '0 2'
tcpdump -r again/left.pcapng -w again.pcap 2>/dev/null
same_frames 'frame by frame' got.pcap again.pcap

# A mirror port: nothing is enforced, all is copied; what would be dropped is copied by rules before that.
prey prey -i a0 --monitor --format json ways.pbc
tagged 3
until_true 100 'copies of a mirror port' is CAME packets 3 && ok 0 'a mirror port is copied'
prey_ends
same 'it ends well' "$status" 0

rm -f ./*.pcapng

# Several workers: each packet once.
prey prey --bridge a0:b0 --workers 2 --format json ways.pbc
same 'all are answered' "$(asks 10.1.0.2 20)" ' 20 right '
for rule in CAME LEFT KEPT; do until_true 100 "$rule has copied" is $rule packets 20; done
prey_ends
plain came
same 'of several workers each packet once' "$(frames came.pcap | uniq | grep -c .)" 20
exit $failed
