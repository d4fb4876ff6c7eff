#!/usr/bin/env bash
# Copies that nobody takes: a full disk, readers that stall, leave, come in numbers; files of earlier runs, whole and torn; names that
# are refused. What is copied goes on as ever, what is lost of copies is counted, and what is written can be read.
[ -n "${OWN_MOUNTS-}" ] || OWN_MOUNTS=1 exec unshare -m bash "$0" "$@" # a disk of its own, gone with it
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link prey eth0 client eth0
address prey eth0 10.1.0.2/24
address client eth0 10.1.0.1/24
mkdir disk
mount -t tmpfs -o size=64k tmpfs disk || { echo 'ok - a full disk # SKIP this machine lets us mount none'; exit 0; }
rules hostile <<'END'
firewall edge default accept {
  mirror to file "disk/full.pcapng" limit 64MiB udp port 9 as DISK
  mirror to socket "ids" udp port 9 as READ
  mirror to socket "short" snap 1B udp port 9 as SHORT
  mirror to file "kept.pcapng" limit 1MiB udp port 10 as KEPT
  accept udp port 9, 10 as GOT
}
END
start() { prey prey -i eth0 --access-logs disk --tap ids=ids.sock --tap short=short.sock --format json hostile.pbc; }
start

sends() { # PORT BYTES COUNT: datagrams
    at client python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[3])): s.sendto(b"x" * int(sys.argv[2]), ("10.1.0.2", int(sys.argv[1])))' "$@"
}
counted() { ctl counters mirrors; awk -v key="mirrors.$1.$2" '$1 == key { gsub(",", "", $2); print $2 }' out; } # RULE KEY
is() { [ "$(counted "$1" "$2")" = "$3" ]; }                                               # RULE KEY VALUE
over() { [ "$(counted "$1" "$2")" -gt "$3" ]; }
# all_told RULE N: of each frame there is a copy, or it is counted as lost.
all_told() { [ $(($(counted "$1" packets) + $(counted "$1" lost))) = "$2" ]; }
reader() { # NAME [SOCKET]: reads a little at once, the rest into NAME when the file go-NAME is there, until the other end
    background prey python3 -c '
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[2])
s.shutdown(socket.SHUT_WR)
out = open(sys.argv[1], "wb", 0)
out.write(s.recv(20))
while not os.path.exists("go-" + sys.argv[1]): time.sleep(0.05)
while b := s.recv(65536): out.write(b)' "$1" "${2:-ids.sock}"
}
connected() { until_true 100 "$1 is connected" test -s "$1"; }
cat >ng.py <<'END'
import struct, sys
data, at, packets, last = open(sys.argv[1], "rb").read(), 0, 0, 0
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at) if at + 12 <= len(data) else (0, 0)
    if size < 12 or at + size > len(data) or struct.unpack_from("<I", data, at + size - 4)[0] != size:
        print(packets, last, "torn")
        sys.exit(1)
    packets += kind == 6
    last = struct.unpack_from("<I", data, at + 24)[0] if kind == 6 else last
    at += size
print(packets, last)
END
packets_in() { python3 ng.py "$1" | cut -d' ' -f1; }
last_length() { python3 ng.py "$1" | cut -d' ' -f2; }
has_packets() { [ "$(packets_in "$1")" = "$2" ]; }
whole() { python3 ng.py "$1" >/dev/null; } # FILE

# A full disk; a reader that takes all, one that takes nothing, one that gets a byte of each.
touch go-quick go-short
reader quick
quick=$last
connected quick
reader slow
connected slow
reader short short.sock
short=$last
connected short
for round in 1 2 3 4; do
    sends 9 1400 1000
    for rule in DISK READ SHORT; do until_true 100 "round $round: $rule" all_told $rule $((round * 1000)); done
done
same 'every packet went on' "$(ctl counters rules; awk '$1 == "rules.GOT.packets" { gsub(",", "", $2); print $2 }' out)" 4000
over DISK lost_by.disk 2000
ok $? 'copies that a full disk does not take are counted'
[ "$(packets_in disk/full.pcapng)" -gt 20 ]
ok $? 'what it took can be read'
over READ lost_by.stalled 0
ok $? 'copies that a stalled reader does not take are counted'
until_true 100 'the other reader has all' has_packets quick 4000 && ok 0 'another one beside it gets all'
until_true 100 'so has that of a byte' has_packets short 4000
same 'a byte is a byte' "$(tshark -r short -T fields -e frame.cap_len -e frame.len 2>/dev/null | sort -u | tr '\t' ' ')" '1 1442'
touch go-slow
until_taken() { sends 9 5 1; [ "$(last_length slow)" = 47 ]; }
until_true 100 'the slow one reads again' until_taken && whole slow
ok $? 'a reader that stalled gets whole packets, and goes on'

# Room on the disk again.
before=$(counted DISK packets)
mount -o remount,size=32m disk
until_more() { sends 9 5 1; over DISK packets "$before"; }
until_true 200 'the disk takes some again' until_more && whole disk/full.pcapng
ok $? 'with room again copies go on'

# Readers that go and come: four at a time, a fifth as one of them leaves.
kill "$quick" "$short"
until_unread() { sends 9 5 1; over SHORT lost_by.unread 0; }
until_true 100 'nobody reads' until_unread && ok 0 'copies without a reader are counted'
for n in 1 2 3 4 5; do
    touch "go-r$n"
    reader "r$n" short.sock
    eval "r$n=$last"
done
reading() { [ "$(find . -name 'r[1-5]' -size +0 | wc -l)" = "$1" ]; }
until_true 100 'four read' reading 4
sends 9 5 1
reading 4
ok $? 'four read at a time'
if [ -s r1 ]; then kill "$r1"; else kill "$r2"; fi
until_true 100 'a fifth reads' reading 5 && ok 0 'a fifth when one leaves'
prey_ends
same 'it ends well' "$status" 0
same 'the copies that it counts are those in the file' "$(packets_in disk/full.pcapng)" \
    "$(python3 -c 'import json; print([m["packets"] for m in json.load(open("prey.out"))["mirrors"] if m["rule"] == "DISK"][0])')"

# A file of an earlier run is gone on with within its bound; one that a killed run left torn is laid aside.
start
sends 10 500 5
until_true 100 'it is kept' is KEPT packets 5
prey_ends
start
sends 10 500 5
until_true 100 'it is kept again' is KEPT packets 5
prey_ends
same 'a file of an earlier run goes on' "$(packets_in kept.pcapng)" 10
truncate -s -4 kept.pcapng
start
sends 10 500 5
until_true 100 'it is kept once more' is KEPT packets 5
prey_ends
same 'one whose end is torn is laid aside' "$(packets_in kept.pcapng) $(packets_in kept.pcapng.1)" '5 9'
whole kept.pcapng
ok $? 'so the new one is whole'
for n in 1 2 3; do
    start
    sends 10 1400 400
    until_true 100 "run $n is kept" is KEPT packets 400
    prey_ends
done
[ $(($(stat -c %s kept.pcapng) + $(stat -c %s kept.pcapng.1))) -le $((1 << 20)) ]
ok $? 'runs together stay within the bound'

# Names that are refused.
refused() { # SENTENCE TARGET WORDS
    echo "firewall edge default accept { mirror to $2 udp }" | rules refused
    at prey timeout 60 "$bin/preyrun" -i eth0 --name other refused.pbc >out 2>err </dev/null
    same "$1" "$? $(grep -c -- "$3" err)" '2 1'
}
ln -s /etc/hostname linked.pcapng
mkdir folder.pcapng
refused 'a file elsewhere' 'file "/etc/copies.pcapng"' 'a file of copies must be below /var/log'
refused 'a folder' 'file "folder.pcapng"' 'not a regular file\|Is a directory'
refused 'a link' 'file "linked.pcapng"' 'Too many levels of symbolic links'
refused 'its own interface' '"eth0"' 'prey judges packets of this interface (-i)'
exit $failed
