#!/usr/bin/env bash
# `mode observe`, live: what crosses a bridge is observed beside all rules. Bytes of both halves are those that nginx, curl and
# nc have on disk; sessions, branches, a reload, made-up segments, the end, a directory that others may write to.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=0 # a recording of a few megabytes a run is not what this is about

across client server
web server
payload 2000000 server

# watches NAME OPTIONS...: rules with a service that watches.
watches() {
    local name=$1
    shift
    rules "$name" <<END
firewall edge forward default accept { drop tcp to port 81 }
service watch on any tcp/any {
  mode observe
  sessions to "sessions.jsonl" limit 1MiB
  $*
}
END
}
session() { # EXPRESSION OF s, a list of the sessions
    python3 -c 'import json, sys
s = [json.loads(l) for l in open("sessions.jsonl")]
print(eval(sys.argv[1]))' "$1"
}
ended() { [ -e sessions.jsonl ] && [ "$(wc -l <sessions.jsonl)" -ge "$1" ]; }

watches all 'stream to "bytes" limit 64MiB; when path "/at" -> ignore; when reply bytes payload at 0 is x"48454c4c4f" -> pass'
prey prey --bridge a:b --workers 1 --record film --control "$PWD/control" --stats 127.0.0.1:8404 --format json all.pbc

at client curl -s -i -o got --limit-rate 40M http://10.1.0.2/files/file
at client curl -s -o /dev/null http://10.1.0.2/at
until_true 100 'two sessions have ended' ended 1
cmp got bytes/*-10.1.0.2-80.server
ok $? 'what nginx sent is what curl has, and what was observed'
same 'what is ignored has no session, and none has a hole' \
    "$(session '[(x["path"], x["why"], x["branch"], x["status"], x["from_server"]["holes"]) for x in s]')" \
    "[('/files/file', 'closed', 'stream', 200, 0)]"
same 'the session has its bytes and its round trips' \
    "$(session 's[0]["from_server"]["bytes"] > 2000000 and 0 < s[0]["handshake_us"] < 5000000 and s[0]["from_server"]["rtt"]["measured"] > 10')" True

# Upward, over IPv6, into nc's file.
at server timeout 20 nc.openbsd -6 -l -N -p 9000 >up </dev/null &
pids="$pids $!"
listener=$!
until_true 100 'nc listens' at server sh -c 'ss -ltn | grep -q :9000'
at client timeout 20 nc.openbsd -N fd00:1::2 9000 <payload
wait "$listener"
until_true 100 'its session has ended' ended 2
cmp up bytes/*-fd00_1__2-9000.client && cmp up payload
ok $? 'what nc wrote to disk is what was observed of the client'

# A server that greets first, and a port that the firewall drops.
at server sh -c 'printf HELLO | timeout 20 nc.openbsd -l -N -p 9001' >greeted &
pids="$pids $!"
until_true 100 'nc listens' at server sh -c 'ss -ltn | grep -q :9001'
at client timeout 20 nc.openbsd -d 10.1.0.2 9001 >hello
at client timeout 1 nc.openbsd -w 1 10.1.0.2 81 </dev/null
until_true 100 'its session has ended' ended 3
same "the server's first bytes choose: told, but without bytes; what is dropped is not observed" \
    "$(session '[(x["server_port"], x["branch"], "files" in x) for x in s[2:]]') $(ls bytes | grep -c -e -9001 -e -81)" \
    "[(9001, 'pass', False)] 0"

# Another program, while a connection is open: it goes on; then it is left open.
at server timeout 60 nc.openbsd -l -N -p 9002 >long &
pids="$pids $!"
until_true 100 'nc listens' at server sh -c 'ss -ltn | grep -q :9002'
mkfifo words
at client timeout 60 nc.openbsd -N 10.1.0.2 9002 <words &
pids="$pids $!"
exec 9>words
echo before >&9
until_true 100 'the first line is there' grep -q before long
ctl --control "$PWD/control" flows --json
same 'an open connection is among the flows, as observed' \
    "$(grep '"observed":true' out | python3 -c 'import json, sys
for x in map(json.loads, sys.stdin): print(x["service"], x["other"]["port"], x["state"], x["up_bytes"])')" \
    'watch 9002 observed 7'
at prey curl -s http://127.0.0.1:8404/ >page
at prey curl -s http://127.0.0.1:8404/metrics >metrics
same 'the page and the metrics have them' \
    "$(grep -c 'Observed connections' page) $(grep -o 'prey_observed_files_total{what="sessions"} 3' metrics) $(grep -c '^prey_observed_sessions_total' metrics)" \
    '1 prey_observed_files_total{what="sessions"} 3 1'
same 'so do the metrics of the service, with what it could not watch by reason' \
    "$(grep -c -e '^prey_observe_service_sessions_total{service="watch"} [1-9]' -e '^prey_observe_service_live{service="watch"} 1$' \
        -e '^prey_observe_service_bytes_total{service="watch"} [1-9]' \
        -e '^prey_observe_service_left_out_total{service="watch",reason="memory"} 0$' metrics)" 4
ctl --control "$PWD/control" status
same 'and the status' "$(grep -c '^observe watch  1 of [0-9]* connections open, [0-9,]* bytes' out)" 1
ctl --control "$PWD/control" counters observed_files
same 'files are counted' "$(awk '{ print $1, $2 }' out | grep -e sessions -e lost | tr '\n' ' ')" \
    'observed_files.sessions 3 observed_files.lost-events 0 observed_files.lost-sessions 0 observed_files.lost-bytes 0 '
watches again 'stream to "bytes" limit 32MiB; when path "/at" -> ignore; when path "/" -> pass'
cp again.pbc all.pbc
kill -HUP "$prey"
until_true 100 'a reload is made' grep -q '^reloaded' prey.err
echo after >&9
until_true 100 'the second line is there' grep -q after long
prey_ends
same 'a connection goes on across a reload, and is told as open at the end' \
    "$(session '(s[-1]["server_port"], s[-1]["why"], s[-1]["from_client"]["bytes"])') $(tr '\n' ' ' <bytes/*-9002.client)" \
    "(9002, 'still-open', 13) before after "
exec 9>&-

# The recording of it all gives the same sessions and bytes; times of the wall are told to a few milliseconds.
"$bin/preyrun" --replay film --observed again >said 2>&1
same 'a replay of the recording writes the same sessions and bytes' "$? $(python3 -c 'import glob, json, os, re
def plain(name): return re.sub("-[0-9]{8}T[0-9.]+-", "-", name)
def told(file): return [{k: plain(v) if k == "files" else v for k, v in json.loads(l).items() if k not in ("begin", "end")} for l in open(file)]
def halves(folder): return {plain(os.path.basename(f)): open(f, "rb").read() for f in glob.glob(folder + "/*[rt]")}
print(told("sessions.jsonl") == told("again/sessions.jsonl"), halves("bytes") == halves("again/bytes"), len(halves("bytes")) >= 4)')" '0 True True True'
"$bin/preyrun" --replay film --observed later --from 2100-01-01 >said 2>&1
same 'with --from nothing of before' "$(cat later/sessions.jsonl 2>/dev/null | wc -l)" 0
echo 'firewall edge forward default accept { }' | rules nobody
prey prey --bridge a:b --record blind nobody.pbc
prey_ends
"$bin/preyrun" --replay blind --observed later >said 2>&1
same 'a recording of rules that watch nothing' "$? $(grep -c -e '--observed: no service of these programs is in mode observe' said)" '2 1'
rm -rf film blind

# As a capture of complete segments, by a program that comes in place of one that watches nothing.
echo 'firewall edge forward default accept { }' | rules plain
watches ng 'stream to "segments" as pcapng'
mv sessions.jsonl earlier.jsonl # a reload may not go on with lines of another run
prey prey --bridge a:b --workers 2 plain.pbc
cp ng.pbc plain.pbc
kill -HUP "$prey"
until_true 100 'a reload is made' grep -q '^reloaded' prey.err
port=$(at client curl -s -i -o got -w '%{local_port}' http://10.1.0.2/files/file)
at client curl -s -o /dev/null 'http://[fd00:1::2]/'
until_true 100 'sessions have ended' ended 2
prey_ends
if command -v tshark >/dev/null; then
    tshark -r segments/*.pcapng -o tcp.check_checksum:TRUE -Y 'tcp.analysis.flags or tcp.checksum.status == 0' >said 2>/dev/null
    same 'made-up segments are complete, in order, with good sums' "$(head -n 3 said)" ''
    tshark -r segments/*.pcapng -q -z "follow,tcp,raw,10.1.0.1:$port,10.1.0.2:80" 2>/dev/null | grep -P '^\t' | tr -d '\t\n' | xxd -r -p >followed
    cmp got followed
    ok $? 'tshark follows them to the bytes that curl has'
fi

# A mirror port: a switch that learns nothing gives prey what the two say to each other.
space a1 a2 tap
lan hub 3 a1 a2 tap
ip -n "$id-hub" link set dev bridge type bridge ageing_time 0
for n in 1 2 3; do ip -n "$id-hub" link set dev "port$n" type bridge_slave learning off; done
web a2
ln payload web-a2/file
echo 'service tap on any tcp/80 { mode observe; sessions to "tapped.jsonl"; stream to "tapped" }' | rules tap
prey tap -i eth0 --monitor --workers 2 tap.pbc
at a1 curl -s -i -o got http://10.3.0.2/files/file
until_true 100 'its session has ended' test -s tapped.jsonl
prey_ends
cmp got tapped/*.server
ok $? 'on a mirror port, with --monitor, what curl has is what was observed'
at a1 curl -s -i -o got http://10.3.0.2/files/file
ok $? 'and the two go on without prey'

# A directory that others may write to is refused, and so is one outside the folders for it.
mkdir -m 777 open
watches open 'stream to "open"'
at prey timeout 20 "$bin/preyrun" --bridge a:b open.pbc >said 2>&1
same 'a directory that others may write to is refused' "$? $(grep -c 'other users may write to this directory; to fix it, run: chmod go-w' said)" '2 1'
watches outside 'stream to "/usr/share/bytes"'
at prey timeout 20 "$bin/preyrun" --bridge a:b outside.pbc >said 2>&1
same 'so is one outside the folders for such files' "$? $(grep -c 'bytes of connections must be below /var/log' said)" '2 1'
exit $failed
