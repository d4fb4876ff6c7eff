#!/usr/bin/env bash
# The control socket and preyctl: who may ask, what is said to those who may not, and that garbage, half a question and a
# hundred clients at once disturb nobody.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey wan
address client eth0 10.1.0.1/24
address prey wan 10.1.0.2/24
rules none <<'RULES'
firewall edge in default accept { count udp port 9 as NINE }
RULES
sockets=/run/prey/$(stat -L -c %i "/run/netns/$id-prey")

refused() { # SENTENCE LINE: with status 2
    same "$1" "$status $(cat err)" "2 preyctl: $2"
}

ctl status
refused 'where none runs, that is said' 'no preyrun runs in this network namespace; to reach one elsewhere, use --control PATH'
prey prey -i wan --monitor --format json none.pbc
ctl status
same 'the one that runs is asked' "$status $(grep -c none.pbc out)" '0 1'
same 'the socket is for its user alone' "$(stat -c %a "$sockets/wan.sock")" 600
ctl status --json
same 'as JSON, a line' "$(python3 -c 'import json; print(json.load(open("out"))["instance"]["name"])') $(wc -l <out)" 'wan 1'

ctl counters live.watched
same 'numbers by name' "$status $(tr -s ' ' <out | tr '\n' ' ')" '0 live.watched 0 live.watched_bytes 0 '
ctl servers
same 'no servers, no lines' "$status $(cat out err)" '0 '
ctl top
refused 'top needs a terminal' 'top needs a terminal; for other programs, use `preyctl status --json`'
(until_true 100 'top draws' grep -q none.pbc top.out && printf q) | timeout 60 script -qefc "ip netns exec $id-prey $bin/preyctl top" top.out >/dev/null
same 'top draws, and ends by q' "$? $(grep -c none.pbc top.out)" '0 1'

# Several: a socket that something listens at is as good as one.
background prey python3 -c "
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind('$sockets/lan.sock')
s.listen()
time.sleep(60)"
other=$last
ctl_lists() { ctl status && grep -q several err; }
until_true 100 'the other one listens' ctl_lists
refused 'of several one has to be named' 'several preyrun processes run here; choose one with --name: lan, wan'
ctl --name wan counters live.watched_b
same 'which is asked' "$status $(tr -s ' ' <out)" '0 live.watched_bytes 0'
kill "$other"
wait "$other" 2>/dev/null
rm "$sockets/lan.sock"

# Who may not.
chmod 666 "$sockets/wan.sock"
chmod 755 "$sockets"
timeout 60 ip netns exec "$id-prey" setpriv --reuid 65534 --clear-groups "$bin/preyctl" --control "$sockets/wan.sock" status >out 2>err
status=$?
refused 'another user is refused, in words' 'user 65534 may not ask: only root and user 0, who started preyrun, may'
chmod 600 "$sockets/wan.sock"

# What is no question, all at once with one that is.
cat >rude.py <<'END'
import json, socket, struct, sys
path = sys.argv[1]
def client(data=b""):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(path)
    try:
        s.sendall(data)
    except BrokenPipeError:
        pass
    return s
def question(o):
    body = o if isinstance(o, bytes) else json.dumps(o).encode()
    return b"q" + struct.pack("<I", len(body)) + body
def heard(s):
    """The words of the end, or `nothing`."""
    data = b""
    try:
        while more := s.recv(65536):
            data += more
            at = 0
            while len(data) >= at + 5 and len(data) >= at + 5 + struct.unpack_from("<I", data, at + 1)[0]:
                n = struct.unpack_from("<I", data, at + 1)[0]
                if data[at:at + 1] == b"e":
                    return data[at + 5:at + 5 + n].decode()
                at += 5 + n
    except ConnectionResetError:
        pass
    return "nothing"
half = client(question({"ask": "seen"})[:9])
print("garbage:", heard(client(b"GET / HTTP/1.1\r\n\r\n")))
print("no JSON:", heard(client(question(b"seen"))))
print("a list:", heard(client(question([]))))
print("deep:", heard(client(question(b'{"ask":' + b"[" * 60000))))
print("too long:", heard(client(b"q\xff\xff\xff\x7f" + b" " * 100000)))
print("unknown:", heard(client(question({"ask": "riddle"}))))
print("no word:", heard(client(question({}))))
pipelined = client(question({"ask": "seen"}) * 3)
pipelined.shutdown(socket.SHUT_WR)
ends = b""
while more := pipelined.recv(65536):
    ends += more
print("three in a row:", ends.count(b"e\1\0\0\0000"))
pipelined.close()
leaver = client(question({"ask": "seen"}))
leaver.close()
crowd = [client() for _ in range(100)]
for c in crowd:
    try:
        c.sendall(question({"ask": "seen"}))
    except BrokenPipeError:
        pass
words = [heard(c) for c in crowd]
good = sum(w == "0" for w in words) # some who asked before may not be gone yet
print("a hundred:", "about 64" if 58 <= good <= 64 else good, "answered,", len({w for w in words if w != "0"}), "other word")
for w in sorted({w for w in words if w != "0"}):
    print("the others:", w)
for c in crowd:
    c.close()
half.sendall(question({"ask": "seen"})[9:])
print("the other half:", heard(half))
END
python3 rude.py "$sockets/wan.sock" >rude.out 2>&1
same 'each of them is told' "$(cat rude.out)" "garbage: 2not a valid question: use preyctl
no JSON: 2not a valid question: use preyctl
a list: 2not a valid question: use preyctl
deep: 2not a valid question: use preyctl
too long: 2the question is longer than 65,536 bytes: use a shorter filter
unknown: 2this preyrun ($("$bin/preyctl" --version | cut -d' ' -f2)) doesn't know the question \`riddle\`
no word: 2this preyrun ($("$bin/preyctl" --version | cut -d' ' -f2)) doesn't know the question \`\`
three in a row: 3
a hundred: about 64 answered, 1 other word
the others: 2the control socket has 64 connections, which is the limit: run the command again when one has ended
the other half: 0"
ctl status
same 'and the next one is answered' "$status" 0

prey_ends
same 'it ends with 0, and its socket is gone' "$status $(ls "$sockets" 2>/dev/null)" '0 '

# A path that is said: what stands there is left alone, but for what a killed one left.
cp rude.py kept.py
ip netns exec "$id-prey" timeout 60 "$bin/preyrun" -i wan --monitor --control rude.py none.pbc >out 2>err </dev/null
same 'a file that exists is no socket to take' "$? $(grep -v '^--exec auto' err)" \
    "2 preyrun: control socket $work/rude.py: the path is in use: choose another with --control PATH"
cmp rude.py kept.py
ok $? 'that file is as it was'
prey prey -i wan --monitor --control ask.sock --confirm 1m --stats 127.0.0.1:8404 none.pbc
kill -HUP "$prey"
ctl --control ask.sock status
same 'until it is confirmed, status says when it ends' "$(grep -c 'unless you run: preyctl confirm' out)" 1
left() { at prey curl -s http://127.0.0.1:8404/metrics | awk '$1 == "prey_to_be_confirmed_seconds" { print $2 }'; }
seconds=$(left)
[ "${seconds:-0}" -gt 0 ] && [ "$seconds" -le 60 ]
ok $? 'and a metric how long that is'
until_true 100 'a reload is refused until it is confirmed' grep -q 'isn'\''t confirmed yet: run preyctl confirm first; the old program keeps running' prey.err
ctl --control ask.sock confirm
refused 'not without its word' 'not confirmed: run preyctl confirm WORD with the word printed when this trial began, or preyctl confirm --force'
word=$(sed -n 's/^ready: .*; preyrun stops in 60.0 s unless you run: preyctl confirm //p' prey.err)
ctl --control ask.sock confirm "$word"
same 'a start is confirmed' "$status $(cat out)" '0 confirmed: none.pbc keeps running'
until_true 50 'then the metric is 0' sh -c "ip netns exec $id-prey curl -s http://127.0.0.1:8404/metrics | grep -qx 'prey_to_be_confirmed_seconds 0'" && ok 0 'then the metric is 0'
ctl --control ask.sock confirm "$word"
refused 'once' 'nothing needs to be confirmed'
ctl --control ask.sock status
same 'a socket elsewhere is asked' "$status" 0
prey_killed
ctl --control ask.sock status
refused 'a dead one is named' 'no preyrun listens at ask.sock'
prey prey -i wan --monitor --name two --control ask.sock none.pbc
ctl --control ask.sock status
same 'what a killed one left gives way' "$status $(head -1 out | cut -d' ' -f1,2)" '0 two: none.pbc'
prey_ends
same 'its name is gone with it' "$status $(ls ask.sock 2>/dev/null)" '0 '

# A start that nobody confirms.
prey prey -i wan --monitor --confirm 1s none.pbc
wait "$prey"
same 'what nobody confirms ends with 1' "$? $(grep -c 'nobody has confirmed the start: preyrun stops' prey.err) $(ls "$sockets" 2>/dev/null)" '1 1 '
