#!/usr/bin/env bash
# Live logs (--log): an event is a line, as text or as JSON, on standard error, in the system's log or in a file that is opened
# again at SIGHUP; a flood of them is bounded and counted, and a full disk ends nothing.
set -u
EXEC=user # so that no line says who judges
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
until_true 100 'there is a carrier' sh -c "ip -n $id-prey link show eth0 | grep -q 'state UP'"
rules noisy <<'RULES'
firewall edge in default accept { count udp port 9 log as NOISE }
RULES

# launch SETUP OPTION...: as prey does, with something mounted first, and not waited for.
launch() {
    local setup=$1
    shift
    : >prey.out >prey.err
    ip netns exec "$id-prey" sh -c "$setup; exec \"\$@\"" sh "$bin/preyrun" --workers 1 --exec user -i eth0 --monitor --format json "$@" noisy.pbc \
        >>prey.out 2>prey.err </dev/null &
    prey=$!
    pids="$pids $prey"
}
told() { until_true 100 "$1: in $2" grep -q "$1" "$2"; } # WHAT FILE
# noise COUNT: so many datagrams that the rule logs.
noise() {
    at client python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range($1): s.sendto(b'x', ('10.1.0.2', 9))"
}
reloads() { # FILE: a good one and a bad one
    kill -HUP "$prey"
    told 'noisy.pbc: 1 rule' "$1"
    mv noisy.pbc good.pbc
    echo garbage >noisy.pbc
    kill -HUP "$prey"
    told 'not a compiled prey program' "$1"
    mv good.pbc noisy.pbc
}
# Times, durations and processes left out.
plain() { sed -E 's/[0-9]{4}-[0-9-]{5}/DAY/; s/[0-9:]{8}\.[0-9]{3}/TIME/; s/after .*/after T/' "$1"; }

# As text on standard error.
prey prey -i eth0 --monitor --log text --format json noisy.pbc
noise 1
told NOISE prey.err
ip -n "$id-client" link set eth0 down
told 'has no carrier' prey.err
ip -n "$id-prey" link set eth0 down
told 'is down' prey.err
ip -n "$id-client" link set eth0 up
ip -n "$id-prey" link set eth0 up
told 'is back' prey.err
reloads prey.err
prey_ends
same 'text: each event is a line with its time' "$(plain prey.err | sed 's/10.1.0.1:[0-9]*/10.1.0.1:PORT/')" \
    'TIME  ready: eth0: eth0 by packet, 1 worker, noisy.pbc; packets to this machine itself are only counted
TIME  NOISE  count  udp 10.1.0.1:PORT > 10.1.0.2:9  43 bytes
TIME  link: eth0 has no carrier; until it has one, replies of its connections leave by the routes
TIME  link: eth0 is down; until it is up, replies of its connections leave by the routes, and other packets for it are lost
TIME  link: eth0 is back
TIME  reloaded: noisy.pbc: 1 rule, 0 services
TIME  refused: reload: noisy.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc; the old program keeps running
TIME  ended: eth0: SIGTERM after T'

# As JSON in a file, which is moved away, as logrotate does.
launch : --log json:log.json
told '"ready"' log.json
noise 1
told NOISE log.json
mv log.json old.json
reloads log.json
prey_ends
same 'a file: standard error stays empty' "$(cat prey.err)" ''
same 'a file: nobody else may read it' "$(stat -c %a log.json)" 640
same 'JSON: an object a line, and a moved file is opened anew' "$(cat old.json log.json | python3 -c '
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    print(o["event"], "time" in o, *(sorted(set(o) - {"event", "time"})))')" \
    'ready True text
log True bytes packet place rule verdict
reloaded True text
refused True text
ended True text'
launch : --log text:log.text
told 'ready' log.text
prey_ends
same 'a file as text has the day, too' "$(plain log.text | head -1 | cut -c1-22)" 'DAY TIME  ready: eth0:'

# A flood: bounded, and every event is a line or counted by one.
prey prey -i eth0 --monitor --log json --format json noisy.pbc
noise 6000
told 'left out' prey.err
truncate -s 0 prey.out
prey_ends
same 'a flood is bounded, and what was left out is said' "$(python3 - <<'END'
import json, re
lines = [json.loads(l) for l in open("prey.err")]
said = sum(l["event"] == "log" for l in lines)
out = sum(int(re.match(r"\d+", l["text"])[0]) for l in lines if "left out" in l.get("text", ""))
events = json.load(open("prey.out"))["log"]["events"]
print(said < 6000, out > 0, said + out == events or (said, out, events))
END
)" 'True True True'

# The system's log: here a socket of our own in the place of /dev/log.
cat >syslog.py <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
s.settimeout(60) # it ends by itself, however this script does
open("syslog.bound", "w")
line = ""
while "ended" not in line:
    line = s.recv(4096).decode()
    with open("syslog.out", "a") as out: out.write(line + "\n")
END
mkdir -p dev
launch 'mount -t tmpfs none dev && for d in null urandom; do touch dev/$d; mount --bind /dev/$d dev/$d; done; mount --move dev /dev
        (python3 syslog.py 2>/dev/null &) ; while [ ! -e syslog.bound ]; do sleep 0.02; done' --log text:syslog
told ready syslog.out
noise 1
told NOISE syslog.out
prey_ends
told ended syslog.out
same 'syslog: facility, severity and name stand in front' "$(plain syslog.out | sed "s/\[$prey\]/[PROCESS]/; s/10.1.0.1:[0-9]*/10.1.0.1:PORT/")" \
    '<29>preyrun[PROCESS]: ready: eth0: eth0 by packet, 1 worker, noisy.pbc; packets to this machine itself are only counted
<29>preyrun[PROCESS]: NOISE  count  udp 10.1.0.1:PORT > 10.1.0.2:9  43 bytes
<29>preyrun[PROCESS]: ended: eth0: SIGTERM after T'

# A full disk: said once where a person may see it, and counted; when there is room again, the log says what it lacks.
mkdir -p disk
launch 'mount -t tmpfs -o size=8k none disk && head -c 4096 /dev/zero >disk/other' --log text:disk/log
until_true 100 'ready on a small disk' nsenter -m -t "$prey" grep -q ready "$work/disk/log"
dealt_with() { # COUNT events: each is in the log, or was not written
    truncate -s 0 prey.out
    kill -USR1 "$prey"
    until_true 50 'counters are printed' grep -q '^}' prey.out
    [ $(($(number live log_lost) + $(nsenter -m -t "$prey" grep -c 'NOISE .* 43 bytes$' "$work/disk/log"))) -ge "$1" ]
}
noise 300
told 'No space' prey.err
until_true 100 'the disk is full for all of them' dealt_with 300
nsenter -m -t "$prey" rm "$work/disk/other"
noise 1
until_true 100 'the log goes on' nsenter -m -t "$prey" grep -q 'were not written' "$work/disk/log"
nsenter -m -t "$prey" cat "$work/disk/log" >disk.log
truncate -s 0 prey.out
prey_ends
same 'a full disk is said once' "$(cat prey.err)" 'preyrun: --log: disk/log: No space left on device; lines that can'\''t be written are counted'
same 'it ends with 0, and each event was written or counted' "$status $(python3 - <<'END'
import json, re
lines = open("disk.log").read().splitlines()
whole = sum(bool(re.search(r"NOISE .* 43 bytes$", l)) for l in lines)
lost = sum(int(re.search(r"(\d+) lines? before", l)[1]) for l in lines if " before this one " in l)
events = json.load(open("prey.out"))["log"]["events"]
counted = json.load(open("prey.out"))["live"]["log_lost"]
print("equal" if whole + lost == events and lost == counted else (whole, lost, events, counted))
END
)" '0 equal'

# Standard error that nobody reads: no line is waited for; once it is read again, the log says what it lacks.
mkfifo pipe
cat >reader.py <<'END'
import fcntl, os, time
fd = os.open("pipe", os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)
open("reader.there", "w")
until = time.monotonic() + 60
while not os.path.exists("reader.go") and time.monotonic() < until: time.sleep(0.02)
with open("piped.out", "wb", 0) as out:
    while some := os.read(fd, 65536): out.write(some)
END
python3 reader.py &
reader=$!
pids="$pids $reader"
launch 'exec 2>pipe' --log text
serves() { at prey "$bin/preyctl" status >status.out 2>/dev/null; }
until_true 100 'it serves though nobody reads' serves
noise 300
lost() {
    truncate -s 0 prey.out
    kill -USR1 "$prey"
    until_true 50 'counters are printed' grep -q '^}' prey.out
    [ "$(number live log_lost)" -gt 0 ]
}
until_true 50 'lines that nobody reads are counted' lost
serves
ok $? 'a pipe that is full holds nothing up'
touch reader.go
noise_told() {
    noise 1
    grep -q 'were not written' piped.out
}
until_true 50 'the log goes on where it is read' noise_told
truncate -s 0 prey.out
prey_ends
wait "$reader"
same 'it ends with 0, and each line was written or counted' "$status $(python3 - <<'END'
import json, re
lines = open("piped.out").read().splitlines()
whole = sum(bool(re.search(r"NOISE .* 43 bytes$", l)) for l in lines)
lost = sum(int(re.search(r"(\d+) lines? before", l)[1]) for l in lines if " before this one " in l)
j = json.load(open("prey.out"))
print("equal" if whole + lost == j["log"]["events"] and lost == j["live"]["log_lost"] else (whole, lost, j["log"]["events"], j["live"]["log_lost"]))
END
)" '0 equal'

# Standard error on a full disk.
launch 'exec 2>/dev/full' --log text
until_true 100 'it serves though nothing can be told' serves
noise 3
until_true 50 'what cannot be told is counted' lost
truncate -s 0 prey.out
prey_ends
same 'and it ends with 0' "$status" 0

# What cannot be opened.
for to in "$work" none/log; do
    launch : --log "text:$to"
    wait "$prey"
    same "--log $to is refused" "$? $(cut -c1-20 prey.err)" "2 preyrun: --log: $(echo "$to" | cut -c1-4)"
done
exit $failed
