#!/usr/bin/env bash
# A disk that fills under copies, sessions and streams of observed connections: traffic crosses, and what is written before, meanwhile
# and after is whole. The small disk is a file system of this script's own: it begins anew for that.
set -u
if [ -z "${SMALL_DISK-}" ]; then
    unshare -m mount -t tmpfs tmpfs /mnt 2>/dev/null || { echo 'ok - a full disk, live # SKIP this machine lets us mount no file system'; exit 0; }
    SMALL_DISK=here exec unshare -m bash "$0"
fi
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey server
link client eth0 prey a
link server eth0 prey b
address client eth0 10.1.0.1/24
address server eth0 10.1.0.2/24
web server
payload 400000 server
mkdir disk
mount -t tmpfs -o size=256k,mode=700 tmpfs disk
rules full <<'END'
firewall f forward default accept { mirror to file "disk/copies.pcapng" limit 64MiB tcp as COPY }
service web on any tcp/80 { mode observe; sessions to "disk/sessions.jsonl"; stream to "disk/bytes" as pcapng }
END
counted() { # COUNTER: its number, without commas
    ctl --control "$PWD/control" counters "${1%%.*}"
    awk -v name="$1" '$1 == name { gsub(",", "", $2); print $2 }' out
}
counts() { [ "$(counted "$1")" -ge "$2" ]; } # COUNTER LEAST
# bad_lines FILE: those that are no JSON.
bad_lines() {
    python3 -c 'import json, sys
bad = 0
for line in open(sys.argv[1]):
    try: json.loads(line)
    except ValueError: bad += 1
print(bad)' "$1"
}
# bad_captures FILE...: what a reader complains of.
bad_captures() { for f in "$@"; do tshark -r "$f" 2>&1 >/dev/null | grep -v 'Running as'; done; }
asks() { at client curl -s -m 20 -o /dev/null http://10.1.0.2/; }
loses_copies() { asks; counts mirrors.COPY.lost_by.disk 1; }
copies_again() { asks; [ "$(counted mirrors.COPY.packets)" -gt "$before" ]; }

prey prey --bridge a:b --control "$PWD/control" --access-logs "$PWD" full.pbc
fetches 'a file crosses while the disk fills' client 10.1.0.2
until_true 100 'copies are lost' loses_copies
until_true 100 'bytes are lost' counts observed_files.lost-bytes 1
ok 0 'copies and bytes that a full disk does not take are counted'
# The rest of the last block waits for room.
same 'what it took are whole copies, but the last' "$(bad_captures disk/copies.pcapng | grep -v 'cut short in the middle of a packet')" ''
before=$(counted mirrors.COPY.packets)
mount -o remount,size=64m disk
until_true 100 'copies are kept again' copies_again
fetches 'a file crosses with room again' client 10.1.0.2
prey_ends
same 'it ends with 0' "$status" 0
same 'copies before and after are whole' "$(bad_captures disk/copies.pcapng)" ''
same 'so are captures of observed connections' "$(ls disk/bytes | grep -c pcapng) $(bad_captures disk/bytes/*.pcapng)" '1 '
same 'and each line of sessions' "$(bad_lines disk/sessions.jsonl)" 0
exit $failed
