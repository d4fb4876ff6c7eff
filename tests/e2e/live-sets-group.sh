#!/usr/bin/env bash
# --sets-group GROUP:SET: members of a Unix group ask about these live sets and change them, and nothing else, whatever they say they are;
# by the primary or another group, with several groups, over reloads and a takeover; they can't hold up root. EXEC=kernel: live-sets-group-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/takeover.sh
. "$top/tests/e2e/live/sets.sh"

between one
questions=$top/runtime/ctl/question.def
# Users of their own, by numbers alone; preyctl where they can read it.
open_folder
cp "$bin/preyctl" "$open"
chmod 755 "$open/preyctl"
rules shop <<'END'
set caught = live size 1000 never 10.66.0.0/16
set listed = live size 10
set other = live size 10
firewall f forward default accept {
  drop from caught
  drop from listed
  drop from other
}
END
rules few <<'END'
set other = live size 10
firewall f forward default accept { drop from other }
END

# What is no group and no list of sets is no start.
wrong() { # SENTENCE VALUE WORDS
    at prey timeout 20 "$bin/preyrun" -i wan -i lan --exec "$EXEC" --sets-group "$2" shop.pbc >out 2>err
    same "$1" "$? $(head -1 err)" "2 preyrun: --sets-group: $3"
}
wrong 'an unknown group is no start' no-such-group:caught '`no-such-group` isn'\''t a group of this machine'
wrong 'an empty list is none' 12346: '`` isn'\''t a list of live sets, such as caught,listed'
wrong 'a group for all that is not mapped is none' 65534:caught '`65534` is the kernel'\''s overflow group, which any group of another namespace can be: create a group for this'

socket=/run/prey/$(stat -L -c %i "/run/netns/$id-prey")/wan.sock
prey_with shop.pbc
is_ready prey || exit 1
same 'without the option the socket is its owner'"'"'s' "$(stat -c %a "$socket") $(stat -c %a "${socket%/*}")" '600 700'
prey_ends

prey_with --sets-group 12346:caught,missing --sets-group 12347:listed shop.pbc
is_ready prey || exit 1
same 'with it only groups come beside' "$(python3 - "$socket" <<'PY'
import os, struct, sys
b = os.getxattr(sys.argv[1], "system.posix_acl_access")[4:]
print(*("%d:%d:%d" % e if e[0] == 8 else "%d:%d" % e[:2] for e in (struct.unpack_from("<HHI", b, i) for i in range(0, len(b), 8))))
PY
)" '1:6 4:0 8:2:12347 8:2:12346 16:2 32:0'
hears 'a set that is missing is told' 'notice: --sets-group lets group 12346 change missing, but the rules have no live set of that name$'

# as USER GROUP GROUPS ARGUMENT...: preyctl as this user
as() {
    local uid=$1 gid=$2 groups=$3
    shift 3
    case $groups in -) groups=--clear-groups ;; *) groups=--groups=$groups ;; esac
    timeout 60 ip netns exec "$id-prey" setpriv --reuid "$uid" --regid "$gid" "$groups" --no-new-privs "$open/preyctl" "$@" >out 2>err </dev/null
    status=$?
}
# may STATUS SENTENCE WORDS ARGUMENT...: the same as user 12345 of group 12346, with what is told
may() {
    local wanted=$1 sentence=$2 words=$3
    shift 3
    as 12345 12346 - "$@"
    same "$sentence" "$status $(cat err out)" "$wanted $words"
}
told_may='preyctl: user 12345 may only ask about and change these live sets: caught,missing'
may 0 'a member is added' 'caught: 2 added' sets caught add 192.0.2.1 192.0.2.2 for 1h comment 'from a log'
may 2 'no flow ends by a group' 'preyctl: users of --sets-group may change sets, but not end flows: leave out `cut`' sets caught add 192.0.2.3 cut
may 0 'and removed' 'caught: 1 removed' sets caught remove 192.0.2.1
may 1 'never holds for all' 'preyctl: 10.66.0.1: `never` contains it, or a part of it
caught: 1 refused' sets caught add 10.66.0.1
as 12345 12346 - sets caught has 192.0.2.2
same 'has' "$status $(grep -c '^caught has 192.0.2.2: .*by user 12345 since .*: from a log$' out)" '0 1'
as 12345 12346 - sets caught
same 'list' "$status $(grep -c '^192.0.2.2  *.* user 12345 ' out)" '0 1'
as 12345 12346 - sets --json
same 'of all sets those of the group are shown' "$status $(python3 -c 'import json; print(*[s["set"] for s in json.load(open("out"))["sets"]])')" '0 caught'
as_stdin() { timeout 60 ip netns exec "$id-prey" setpriv --reuid 12345 --regid 12346 --clear-groups "$open/preyctl" "$@" >out 2>err; }
printf '+192.0.2.3 1h\n-192.0.2.2\n' | as_stdin sets caught feed
same 'feed' "$? $(cat err out)" '0 caught: 1 added, 1 removed'
printf '198.51.100.0/24\n' | as_stdin sets caught replace
same 'replace' "$? $(cat err out)" '0 caught replaced by user 12345: 1 member, 1 before'
hears 'the event has the user' 'sets: caught replaced by user 12345: 1 member, 1 before$'
may 0 'flush' 'caught flushed by user 12345: 0 members, 1 before' sets caught flush
may 2 'a set that the program lacks' 'preyctl: missing: the running program has no such live set' sets missing add 192.0.2.1
for set in listed other nothing; do
    for op in "add 192.0.2.1" "remove 192.0.2.1" "has 192.0.2.1" flush; do
        may 2 "$op: not of $set" "$told_may" sets $set $op
    done
    may 2 "no list of $set" "$told_may" sets $set
    printf '192.0.2.1\n' | as_stdin sets $set replace
    same "no replace of $set" "$? $(cat err)" "2 $told_may"
    printf '+192.0.2.1\n' | as_stdin sets $set feed
    same "no feed of $set" "$? $(head -1 err)" "2 $told_may"
done

# Primary, other, both and no groups.
as 12345 1 12346 sets caught add 192.0.2.9
same 'another group than the primary counts' "$status $(cat err out)" '0 caught: 1 added'
as 12345 1 100,12347,12346 sets listed add 192.0.2.9
same 'and so do several' "$status $(cat err out)" '0 listed: 1 added'
as 12345 1 12347 sets caught add 192.0.2.9
same 'each for its sets' "$status $(cat err out)" '2 preyctl: user 12345 may only ask about and change these live sets: listed'
as 12346 12345 - sets caught add 192.0.2.9
same 'a user of that number is no group' "$status $(grep -c 'only root, the user who started preyrun, and groups of --sets-group may ask' err)" '2 1'
as 12345 12346 - --name wan sets caught has 192.0.2.9
same '--name' "$status" 0
as 12345 12346 - --control "$socket" status
same 'status is refused' "$status $(cat err)" "2 $told_may"
same 'nothing beside the socket can be read or written' "$(at prey setpriv --reuid 12345 --regid 12346 --clear-groups \
    find "${socket%/*}" ! -path "${socket%/*}" \( -readable -o \( -writable ! -path "$socket" \) \))" ''
same 'or made there' "$(at prey setpriv --reuid 12345 --regid 12346 --clear-groups touch "${socket%/*}/new" 2>/dev/null; echo $?)" 1

# Each question of the table, by its word, with names that would be let in: only `sets` is answered, and of it only what was walked above.
cat >raw.py <<'PY'
import array, json, os, re, socket, struct, sys
def ask(question, path=sys.argv[1]):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    b = question if isinstance(question, bytes) else json.dumps(question).encode()
    s.sendall(b"q" + struct.pack("<I", len(b)) + b)
    got = b""
    while True:
        n = s.recv(1 << 20)
        if not n: return got, None
        got += n
        at = 0
        while len(got) >= at + 5 and len(got) >= at + 5 + struct.unpack_from("<I", got, at + 1)[0]:
            size = struct.unpack_from("<I", got, at + 1)[0]
            if got[at] == ord("e"): return got[:at], got[at + 5:at + 5 + size].decode()
            at += 5 + size
may = "2user 12345 may only ask about and change these live sets: caught,missing"
rows = re.findall(r'^\w*QUESTION\(\w+, "(\w+)"', open(sys.argv[2]).read(), re.M)
assert len(rows) > 15 and "sets" in rows
for row in rows:
    if row == "sets": continue
    for more in ({}, {"set": "caught"}, {"op": "list", "set": "caught"}, {"force": True}, {"uid": 0, "gid": 0, "group": 12346}):
        got, end = ask({"ask": row, **more})
        print("ok" if not got and end == may else "not ok", "-", f"`{row}` {json.dumps(more)} is refused", end)
for question in ({"ask": "sets", "op": "list"}, {"ask": "sets", "op": "list", "set": ["caught"]}, {"ask": "sets", "op": "flush", "set": ""},
                 {"ask": "sets", "op": "list", "set": "caught,missing"}, {"ask": "sets", "op": "list", "set": "caught,"},
                 {"ask": "sets", "op": "list", "set": "CAUGHT"}, {"ask": "sets", "op": "list", "set": "caught ", "uid": 0},
                 {"ask": "sets", "op": "flush", "set": "other", "sets": "caught"}, {"ask": "SETS"}, {"ask": "nothing"}, {}, {"ask": 7}):
    got, end = ask(question)
    print("ok" if not got and end == may else "not ok", "-", f"{json.dumps(question)} is refused", end)
# Names that stand twice: the first one counts, for all.
got, end = ask(b'{"ask":"sets","op":"flush","set":"other","set":"caught"}')
print("ok" if end == may else "not ok", "- the first of two names counts", end)
got, end = ask(b'{"ask":"sets","ask":"stop","op":"list","set":"caught"}')
print("ok" if end and end[0] == "0" else "not ok", "- the first of two questions counts", end)
# What is sent about the sender is the kernel's to check, and nobody asks for it.
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendmsg([b"q\0\0\0\0"], [(socket.SOL_SOCKET, 2, struct.pack("3i", os.getpid(), 0, 0))])
    print("not ok - another user's number goes out")
except PermissionError:
    print("ok - nobody sends another user's number")
PY
as_python() { at prey setpriv --reuid "$1" --regid "$2" --clear-groups /usr/bin/python3 - "${@:3}"; }
as_python 12345 12346 "$socket" "$questions" <raw.py >seen 2>&1
same 'all questions were asked' "$(grep -c . seen) $(grep -c Traceback seen)" "$((5 * ($(grep -c 'QUESTION(' "$questions") - 2) + 15)) 0"
while read -r line; do case $line in 'ok - '*) ok 0 "${line#ok - }" ;; *) ok 1 "$line" ;; esac done <seen

# A namespace of users in which somebody is root, or calls a group of its own 12346.
at prey setpriv --reuid 12399 --regid 12399 --clear-groups unshare -r "$open/preyctl" --control "$socket" sets caught flush >out 2>err
same 'root of a namespace of its own is nobody' "$? $(grep -c 'only root, the user who' err)" '2 1'
at prey setpriv --reuid 12399 --regid 12399 --clear-groups /usr/bin/python3 - "$open/preyctl" "$socket" >out 2>err <<'PY'
import ctypes, os, sys
assert ctypes.CDLL(None).unshare(0x10000000) == 0
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/gid_map", "w").write("12346 12399 1")
os.execv(sys.argv[1], ["preyctl", "--control", sys.argv[2], "sets", "caught", "flush"])
PY
same 'and so is a group that is called so there' "$? $(grep -c 'only root, the user who' err)" '2 1'

# Many at once leave room for others.
cat >crowd.py <<'PY'
import socket, struct, sys, time
question = b'{"ask":"sets"}'
def is_answered(s):
    try:
        s.sendall(b"q" + struct.pack("<I", len(question)) + question)
    except BrokenPipeError: # refused before, which is still read
        pass
    got = s.recv(1 << 16)
    assert got[:1] == b"j" or b"this user has 3 connections" in got, got
    return got[:1] == b"j"
def connection():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(sys.argv[1])
    return s
held = [s for s in [connection() for _ in range(100)] if is_answered(s)]
print(len(held), flush=True)
while all(map(is_answered, held)): # who asks again stays
    time.sleep(1)
PY
ip netns exec "$id-prey" setpriv --reuid 12345 --regid 12346 --clear-groups /usr/bin/python3 - "$socket" <crowd.py >crowd 2>&1 &
crowd=$!
pids="$pids $crowd"
until_true 200 'a user has many connections' grep -q '^[0-9]' crowd
same 'of which three stay' "$(tail -1 crowd)" 3
may 2 'another one of this user is told so' 'preyctl: this user has 3 connections to the control socket, which is the limit: run the command again when one has ended' sets caught
as 12344 12346 - sets caught add 192.0.2.77
same 'another user of the group has a place' "$status $(cat err out)" '0 caught: 1 added'
ctl sets
same 'and so has root' "$status" 0
kill "$crowd"
wait "$crowd" 2>/dev/null
placed() { as 12345 12346 - sets caught; [ "$status" = 0 ]; }
until_true 100 'its places are free again' placed

# A feed that stays open holds no place.
mkfifo lines
trap : PIPE # a feed that ends early is a failure, and no end of all
timeout 60 ip netns exec "$id-prey" setpriv --reuid 12345 --regid 12346 --clear-groups "$open/preyctl" sets caught feed <lines >fed 2>&1 &
feed=$!
pids="$pids $feed"
exec 7>lines
echo '+192.0.2.50' >&7
has_50() { ctl sets caught has 192.0.2.50; [ "$status" = 0 ]; }
until_true 100 'a feed adds' has_50
ctl reload
same 'a reload goes on' "$status" 0
same 'a notice after it' "$(until_true 100 'the notice comes again' eval '[ "$(grep -c "lets group 12346 change missing" prey.err)" = 2 ]'; echo $?)" 0
echo '+192.0.2.51' >&7
has_51() { ctl sets caught has 192.0.2.51; [ "$status" = 0 ]; }
until_true 100 'the feed, too' has_51
exec 7>&-
wait "$feed"
same 'and ends' "$? $(cat fed)" '0 caught: 2 added'

# Another program without the set, and back.
ctl load few.pbc
may 2 'rules without the set' 'preyctl: caught: the running program has no such live set' sets caught add 192.0.2.1
as 12345 12346 - sets --json
same 'show none' "$status $(python3 -c 'import json; print(json.load(open("out"))["sets"])')" '0 []'
ctl rollback
may 0 'and come back' 'caught: 1 added' sets caught add 192.0.2.99

# The options of a process that takes over count.
cp prey.err before.err
old=$prey
prey_with --takeover --sets-group 12347:caught shop.pbc
is_ready prey || exit 1
until_true 100 'the process before has gone' eval '! kill -0 $old 2>/dev/null'
as 12345 12346 - --control "$socket" sets caught
same 'after a takeover without the group it is refused' "$status $(grep -c 'only root, the user who' err)" '2 1'
as 12345 12347 - sets caught has 192.0.2.99
same 'and the new one is let in' "$status" 0
prey_ends
same 'the socket is gone' "$([ -e "$socket" ]; echo $?)" 1
