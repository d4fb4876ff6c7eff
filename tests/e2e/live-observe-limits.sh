#!/usr/bin/env bash
# `mode observe`, live, at its limits: a disk that is full and gets room again, a directory that keeps its limit, and a flood of
# connections of which one side alone is seen. Traffic crosses meanwhile, and what could not be written is counted.
# The small disk is a file system of this script's own: it begins anew for that.
set -u
if [ -z "${SMALL_DISK-}" ]; then
    unshare -m mount -t tmpfs tmpfs /mnt 2>/dev/null || { echo 'ok - limits of watching, live # SKIP this machine lets us mount no file system'; exit 0; }
    SMALL_DISK=here exec unshare -m bash "$0"
fi
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0

space client prey server
link client eth0 prey a
link server eth0 prey b
address client eth0 10.1.0.1/24
address server eth0 10.1.0.2/24
web server
payload 2000000 server
session() { # FILE EXPRESSION OF s, a list of the sessions
    python3 -c 'import json, sys
s = [json.loads(l) for l in open(sys.argv[1])]
print(eval(sys.argv[2]))' "$@"
}
ended() { [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; }
counted() { # COUNTER: its number, without commas
    ctl --control "$PWD/control" counters "$1"
    awk -v name="$1" '$1 == name { gsub(",", "", $2); print $2 }' out
}
counts() { [ "$(counted "$1")" -ge "$2" ]; }

mkdir full
mount -t tmpfs -o size=512k,mode=700 tmpfs full
rules disk <<'END'
firewall f forward default accept { }
service web on any tcp/80 { mode observe; sessions to "sessions.jsonl"; stream to "full/bytes" }
service rest on any tcp/8080 { mode observe; sessions to "full/rest.jsonl" }
END
prey prey --bridge a:b --control "$PWD/control" --access-logs "$PWD" disk.pbc
fetches 'a file crosses though the disk is full' client 10.1.0.2
until_true 100 'its session has ended' ended sessions.jsonl 1
same 'the session says what was lost, and the rest is there' \
    "$(session sessions.jsonl '(s[0]["lost_bytes"] > 1000000, s[0]["from_server"]["holes"])') $([ $(($(cat full/bytes/*.server | wc -c) + $(session sessions.jsonl 's[0]["lost_bytes"]'))) -ge \
        "$(session sessions.jsonl 's[0]["from_server"]["bytes"]')" ] && echo whole)" '(True, 0) whole'
at client curl -s -o /dev/null http://10.1.0.2:8080/
same 'what was written before it was full is what was sent' \
    "$(python3 -c 'import glob
got = open(glob.glob("full/bytes/*.server")[0], "rb").read().partition(b"\r\n\r\n")[2]
print(len(got) > 100000, open("payload", "rb").read().startswith(got))')" 'True True'
until_true 100 'a line of a session is lost, too' counts observed_files.lost-sessions 1
hears 'the log says why' 'full/[a-z.]*: No space left on device; data that couldn'\''t be written is lost'
same 'lost bytes are counted' "$(counts observed_files.lost-bytes 1000000 && echo yes)" yes
rm full/bytes/*
mount -o remount,size=64m full
at client curl -s -i -o got http://10.1.0.2/files/file
at client curl -s -o /dev/null http://10.1.0.2:8080/
until_true 100 'sessions have ended' ended sessions.jsonl 2
until_true 100 'sessions have ended' ended full/rest.jsonl 1
cmp got full/bytes/*.server
ok $? 'with room again all is written: bytes'
same 'and sessions' "$(session sessions.jsonl '"lost_bytes" in s[1]') $(session full/rest.jsonl '(s[-1]["server_port"], s[-1]["why"])')" "False (8080, 'closed')"
prey_ends
same 'it ends with 0' "$status" 0

rm -f sessions.jsonl
rules kept <<'END'
firewall f forward default accept { }
service web on any tcp/80 { mode observe; sessions to "sessions.jsonl"; stream to "kept" limit 1MiB }
END
prey prey --bridge a:b --control "$PWD/control" kept.pbc
for i in 1 2 3; do fetches "file $i crosses" client 10.1.0.2; done
until_true 100 'three sessions have ended' ended sessions.jsonl 3
same 'the directory keeps its limit, by its oldest files; no byte is lost' \
    "$([ "$(du -s -B 1 --apparent-size kept | cut -f 1)" -le $((1048576 + 4096)) ] && echo small) $(counts observed_files.removed 10 && echo removed) $(counted observed_files.lost-bytes) $(
        session sessions.jsonl '[x["from_server"]["bytes"] > 2000000 for x in s]')" 'small removed 0 [True, True, True]'
tail -c 100000 payload | cmp - <(cat $(ls -tr kept/*.server | tail -n 2) | tail -c 100000)
ok $? 'the newest bytes are there'
prey_ends

rm -f sessions.jsonl
rules flood <<'END'
limits { observed 500; observed_bytes 1MiB }
firewall f forward default accept { }
service web on any tcp/80 { mode observe; sessions to "sessions.jsonl"; stream to "flood" }
END
prey prey --bridge a:b --workers 2 --control "$PWD/control" flood.pbc
mac=$(at server cat /sys/class/net/eth0/address)
at client "$tools/flood" eth0 "$mac" 10.1.0.2 80 syn 10000 1 >sent
until_true 100 'the flood has come' counts observed.packets "$(tr -dc 0-9 <sent)"
at client curl -s -i -o got http://10.1.0.2/files/file
whole() { grep -q '"status":200' sessions.jsonl; }
until_true 100 'a session of two sides ends' whole
cmp got flood/*-10.1.0.1-*.server
ok $? 'beside a flood a connection of two sides is observed whole'
same 'connections are bounded, and those that gave way are counted' \
    "$([ "$(counted observed.live)" -le 1000 ] && echo bounded) $(counts observed.evicted 4000 && echo evicted) $(counted observed.full)" 'bounded evicted 0'
# Each has a line, once it is written, or the writing thread was too slow for it.
all_told() {
    local lines=$(grep -c '"why":"table-full"' sessions.jsonl) evicted=$(counted observed.evicted)
    [ "$lines" -le "$evicted" ] && [ $((lines + $(counted observed_files.lost-events))) -ge "$evicted" ]
}
until_true 100 'each of them is told' all_told && ok 0 'each of them is told'
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
