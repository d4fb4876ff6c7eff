#!/usr/bin/env bash
# preyctl sets NAME feed over takeovers: who is hung up on sends again what was not answered, and the feed goes on with the process
# that judges then. Where no process comes it ends with a sentence.
set -u
EXEC=user
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/takeover_ends.sh"

between one
rules shop <<'END_OF_RULES'
set caught = live size 200_000 never 10.66.0.0/16
firewall f forward default accept { drop from caught }
END_OF_RULES
prey prey -i wan -i lan --exec user shop.pbc
is_ready prey || exit 1
members() { at prey "$bin/preyctl" sets --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["sets"][0]["members"])'; }
feed() { timeout 100 ip netns exec "$id-prey" "$bin/preyctl" "$@" sets caught feed; }
socket=/run/prey/$(stat -L -c %i "/run/netns/$id-prey")/wan.sock

# One between the two hangs up on the first few: at once, within the question, within the answer; then it is not there for a while.
cat >between.py <<'PY'
import array, os, select, socket, sys, time
path, to = sys.argv[1:]
def listen():
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    return s
def question(c):
    return socket.recv_fds(c, 1 << 20, 1)
def ask(got, fds):
    s = socket.socket(socket.AF_UNIX)
    s.connect(to)
    socket.send_fds(s, [got], fds)
    return s
ears = listen()
print("listens", flush=True)
for how in "at once", "asked", "answered", "gone", "good":
    c, _ = ears.accept()
    if how != "at once":
        got, fds, _, _ = question(c)
    if how == "answered": # but for its end
        c.send(ask(got, fds).recv(1 << 20)[:-5])
    if how == "gone":
        ears.close()
        os.unlink(path)
    if how == "good":
        s = ask(got, fds)
        while True:
            n = s.recv(1 << 20)
            c.send(n)
            if b"e" in n: break
    c.close()
    if how == "gone":
        time.sleep(0.3)
        ears = listen()
os.unlink(path)
PY
at prey python3 between.py "$work/between.sock" "$socket" >between.out 2>&1 &
pids="$pids $!"
until_true 100 'one between them listens' grep -q listens between.out
printf '+192.0.2.1\n+10.66.0.1\n+192.0.2.2\n' | feed --control "$work/between.sock" >out 2>err
same 'a feed that is hung up on four times goes on' "$? $(cat out err)" '1 caught: 2 kept, 1 refused
preyctl: line 2: `+10.66.0.1`: `never` contains it, or a part of it
preyctl: preyrun hung up: another process answers, and the feed continues with that process'
same 'and all members are there' "$(members)" 2
printf '+192.0.2.3\n' | feed --control "$work/between.sock" >out 2>err
same 'a feed that finds no process ends at once' "$? $(cat err)" "2 preyctl: no preyrun listens at $work/between.sock"

# Takeovers.
python3 -u -c '
import os, time
n = 0
while n < 190000 and not os.path.exists("enough") or n < 4000:
    print(*("+11.%d.%d.%d 1h" % (i >> 16, i >> 8 & 255, i & 255) for i in range(n, n + 20)), sep="\n", flush=True)
    n += 20
    time.sleep(0.001)
open("lines", "w").write(str(n))
' | feed >fed 2>fed.err &
feeder=$!
fed_some() { [ "$(members)" -gt "$1" ]; }
until_true 300 'members come' fed_some 100
for n in 1 2 3; do takes_over "takeover $n"; done
touch enough
wait $feeder
same 'a feed over three takeovers ends with 0' "$? $(sort -u fed.err | grep -v 'another process answers')" '0 '
same 'all its members are there' "$(members)" "$(($(cat lines) + 2))"
echo "# hung up on $(wc -l <fed.err) times, of $(cat lines) lines: $(cat fed)"

# No process comes.
mkfifo open_end
feed <open_end >last 2>last.err &
feeder=$!
exec 7>open_end
printf '+192.0.2.3\n' >&7
has_three() { at prey "$bin/preyctl" sets caught has 192.0.2.3 >seen; }
until_true 100 'a line counts' has_three
stops
printf '+192.0.2.4\n' >&7
exec 7>&-
wait $feeder
same 'a feed ends where no process comes' "$? $(cat last last.err)" '2 caught: 1 added
preyctl: no preyrun runs in this network namespace; to reach one elsewhere, use --control PATH'
