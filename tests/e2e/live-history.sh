#!/usr/bin/env bash
# The programs that ran last (preyctl history): since when, how, by whom, with the text of their rules; preyctl rollback brings one
# back, on trial, too. In the manager's folder they outlive a restart; without one they are gone with the process.
set -u
EXEC=user
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
link client eth0 prey eth0
address client eth0 10.1.0.1/24
address prey eth0 10.1.0.2/24
version() { # N: rules that count port N
    printf 'include "common.prey"\nfirewall edge in default accept { count udp port %s as PORT_%s }\n' "$1" "$1" >"v$1.prey"
    "$bin/preyc" "v$1.prey" --with-text -o "v$1.pbc" >/dev/null || exit 1
}
echo '# what all have in common' >common.prey
for n in $(seq 1 14); do version "$n"; done
says() { # SENTENCE ANSWER ARGUMENT...: preyctl
    local sentence=$1 answer=$2
    shift 2
    ctl "$@"
    word=$(sed -n 's/.*: preyctl confirm \([a-z]\{8\}\)$/\1/p' out)
    same "$sentence" "$status $(cat out err | sed 's/: preyctl confirm [a-z]\{8\}$/: preyctl confirm WORD/')" "$answer"
}
lists() { # SENTENCE LINE...: the history, without times
    ctl history
    same "$1" "$(awk '{ $2 = $3 ~ /^[0-9][0-9]:/ ? "" : $2; print }' out | sed -E 's/^([0-9]+) +[0-9:]+ */\1 /; s/  +/ /g')" "$(printf '%s\n' "${@:2}")"
}

cp v1.pbc edge.pbc
prey prey --name edge -i eth0 --monitor --watch edge.pbc
one() { [ "$(ctl history && wc -l <out)" = "$1" ]; }
until_true 50 'the start is in it' one 1
lists 'a start' '0 start 1 rule edge.pbc'
says 'there is none before it' '2 preyctl: rollback: the history has no other program' rollback
says 'its text, with what it includes' "0 # v1.prey:
$(cat v1.prey)
# common.prey:
$(cat common.prey)" history 0
says 'a load' '0 v2.pbc runs' load v2.pbc
says 'the same once more' '0 v2.pbc runs' load v2.pbc
cp v3.pbc edge.pbc
until_true 100 'the file is watched' told '^reloaded: edge.pbc: '
says 'a reload that brings its program' '0 edge.pbc runs' reload v4.pbc
lists 'each is told once, how and by whom' '0 reload 1 rule edge.pbc by root' '1 watch 1 rule edge.pbc' '2 load 1 rule v2.pbc by root' '3 start 1 rule edge.pbc'
says 'the text of another' "0 # v2.prey:
$(cat v2.prey)
# common.prey:
$(cat common.prey)" history 2
ctl history 2 --json
same 'as JSON' "$(python3 -c 'import json; print(json.load(open("out"))["text"].splitlines()[0])')" '# v2.prey:'
"$bin/preyc" v5.prey -o v5.pbc >/dev/null
says 'a program without its text' '0 v5.pbc runs' load v5.pbc
says 'is told so' '2 preyctl: v5.pbc has no rule text; compile it with its text: preyc RULES.prey --with-text -o FILE.pbc' history 0

# Back.
says 'the one before' '0 edge.pbc runs' rollback
ctl status
same 'it is in force' "$(ctl history 0 && sed -n 1p out)" '# v4.prey:'
hears 'the log says so' '^reloaded: edge.pbc: 1 rule, 0 services, rolled back by user 0$'
says 'the third before' '0 v2.pbc runs' rollback 4
ctl history 0
same 'it is in force, too' "$(sed -n 1p out)" '# v2.prey:'
says 'more than ran' '2 preyctl: rollback: the history has 7 programs, including the running one' rollback 7
says 'no number' '2 preyctl: `-1` isn'\''t an option of rollback: preyctl rollback [N] [--save] [--confirm D]' rollback -1
says 'no number either' '2 preyctl: `two` isn'\''t a number: preyctl rollback [N] [--save] [--confirm D]' rollback two
says 'nor is none' '2 preyctl: `number`, how many programs to go back, must be a whole number from 1 to 9' rollback 0
says 'two' '2 preyctl: usage: preyctl history [N]' history 1 2

# On trial.
says 'back, on trial' '0 edge.pbc runs; v2.pbc comes back in 5 min 0 s unless you run: preyctl confirm WORD' rollback --confirm 5m
of_trial=$word
ctl history
same 'which is told' "$(head -n 1 out | grep -c 'rollback .*  (on trial)$')" 1
says 'no other meanwhile' '2 preyctl: rollback: the running program isn'\''t confirmed yet: run preyctl confirm first' rollback
ctl confirm "$of_trial"
ctl history
same 'until it is confirmed' "$(head -n 1 out | grep -c 'by root$')" 1
ctl load v6.pbc --confirm 1s
awaits 'because nobody has confirmed'
ctl history
same 'one that nobody confirmed, and the one that came back' "$(head -n 2 out | sed -E 's/  +/ /g; s/^([0-9]) [0-9:]+ /\1 /')" \
    '0 returned 1 rule edge.pbc
1 load 1 rule v6.pbc by root (never confirmed)'
# The trial, and the entry of what runs before it, are passed over.
says 'the one before is one that was confirmed' '0 v2.pbc runs' rollback
says 'and back' '0 edge.pbc runs' rollback
says 'saved' '0 v2.pbc runs, and is saved as edge.pbc' rollback --save 1
cmp edge.pbc v2.pbc
ok $? 'that is the file then'

# The user who logged in.
if [ -w /proc/self/loginuid ] && (echo 64999 >/proc/self/loginuid) 2>/dev/null; then
    sh -c "echo 64999 >/proc/self/loginuid && exec ip netns exec $id-prey $bin/preyctl load v7.pbc" >out
    ctl history
    same 'who logged in is told, whoever it is now' "$(head -n 1 out | grep -c '  by root, logged in as user 64999$')" 1
    ctl history --json
    same 'as JSON' "$(python3 -c 'import json; p = json.load(open("out"))["programs"][0]; print(p["uid"], p["login"], p["how"], p["kept"], p["number"])')" '0 64999 load True 0'
else
    echo 'ok - who logged in # SKIP this machine does not let us say who'
fi
for n in 8 9 10 11 12 13 14; do ctl load "v$n.pbc"; done
ctl history
same 'there are ten at most' "$(wc -l <out) $(tail -n 1 out | cut -c1)" '10 9'
says 'the oldest comes back, too' '0 edge.pbc runs' rollback 9
prey_ends
prey prey --name edge -i eth0 --monitor edge.pbc
until_true 50 'the start is in it' one 1
ctl load v6.pbc --confirm 1s
awaits 'because nobody has confirmed'
says 'trials alone: none' '2 preyctl: rollback: the history has no other program, except for unconfirmed trials: run preyctl history to list the trials, or preyctl rollback N to use one' rollback
says 'unless it is said which' '0 v6.pbc runs' rollback 1
prey_ends
prey prey --name edge -i eth0 --monitor edge.pbc
until_true 50 'the start is in it' one 1
ok $? 'without a folder of the manager a restart knows none of them'
prey_ends

# With one.
mkdir state
export STATE_DIRECTORY=$work/state
cp v1.pbc edge.pbc
prey prey --name edge -i eth0 --monitor edge.pbc
for n in 2 3 4 5 6 7 8 9 10 11 12; do ctl load "v$n.pbc"; done
same 'its folder is for its owner alone, and bounded' "$(stat -c %a state/edge.history) $(ls state/edge.history | wc -l) $(stat -c %a state/edge.history/* | sort -u)" '700 20 600'
same 'no key is among it' "$(grep -rlE 'PRIVATE KEY' state)" ''
prey_ends
prey prey --name edge -i eth0 --monitor edge.pbc
until_true 50 'the start is in it' one 10
lists 'a restart knows them' '0 start 1 rule edge.pbc' $'1 load 1 rule v12.pbc by root' '2 load 1 rule v11.pbc by root' '3 load 1 rule v10.pbc by root' '4 load 1 rule v9.pbc by root' \
    '5 load 1 rule v8.pbc by root' '6 load 1 rule v7.pbc by root' '7 load 1 rule v6.pbc by root' '8 load 1 rule v5.pbc by root' '9 load 1 rule v4.pbc by root'
says 'and brings one back' '0 v11.pbc runs' rollback 2
prey_killed
prey prey --name edge -i eth0 --monitor edge.pbc
ctl history
same 'so does one after a kill' "$(sed -n 2p out | grep -c ' rollback .* v11.pbc ')" 1
place=$(python3 -c 'import json; print([json.loads(l)["place"] for l in open("state/edge.history/list")][3])')
cp v14.pbc "state/edge.history/$place.pbc"
ctl rollback 3
same 'what lies there in the place of another is refused' "$status $(cat err)" '2 preyctl: rollback: v12.pbc: the file kept in the history has another program'
head -c 300 v14.pbc >"state/edge.history/$place.pbc"
ctl rollback 3
same 'so is a part of one' "$status $(grep -c 'rollback: v12.pbc: truncated' err)" '2 1'
# Of a later version and of one before, by whatever way it comes.
of_version() { # STEP FROM TO: the version follows 8 bytes and a digest
    python3 - "$@" <<'PY'
import hashlib, struct, sys
b = bytearray(open(sys.argv[2], "rb").read())
have = struct.unpack_from("=I", b, 40)[0]
struct.pack_into("=I", b, 40, have + int(sys.argv[1]))
b[8:40] = hashlib.blake2b(b[40:], digest_size=32).digest()
open(sys.argv[3], "wb").write(b)
PY
}
version=$(od -An -tu4 -j40 -N4 v14.pbc | tr -d ' ')
of_version "-$version" v14.pbc other.pbc
ctl load other.pbc
read -r oldest newest < <(sed -n 's/.* this prey reads versions \([0-9]*\) to \([0-9]*\);.*/\1 \2/p' err)
for other in $((newest + 1)) $((oldest - 1)); do
    of_version "$((other - version))" v14.pbc other.pbc
    cp other.pbc "state/edge.history/$place.pbc"
    refusal="format version $other, but this prey reads versions $oldest to $newest; recompile the rules: preyc RULES.prey -o FILE.pbc"
    [ "$other" -lt "$newest" ] || refusal="$refusal with this version's preyc, or upgrade prey (a later version made the file)"
    says "version $other: no rollback" "2 preyctl: rollback: v12.pbc: $refusal" rollback 3
    says "version $other: no load" "2 preyctl: other.pbc: $refusal; edge.pbc keeps running" load other.pbc
    at prey "$bin/preyrun" --name other -i eth0 other.pbc 2>err
    same "version $other: no start" "$? $(cat err)" "2 preyrun: other.pbc: $refusal"
done
rm "state/edge.history/$place.pbc"
ctl rollback 3
same 'and none' "$status $(cat err)" '2 preyctl: rollback: v12.pbc isn'\''t kept: No such file or directory'
prey_ends
python3 - <<'PY'
import json
lines = [json.loads(l) for l in open("state/edge.history/list")]
bad = ["garbage", "[]", "{}", "\x01\xff", json.dumps({**lines[0], "place": 10}), json.dumps({**lines[0], "place": -1}),
       json.dumps({**lines[0], "how": "magic"}), json.dumps({**lines[0], "digest": "zz"}), json.dumps({**lines[0], "rules": 1e30}), "[" * 2000]
good = [json.dumps(lines[1]), json.dumps({**lines[1], "program": "twice"})]
open("state/edge.history/list", "wb").write("\n".join(bad + good).encode("latin-1") + b"\n")
PY
prey prey --name edge -i eth0 --monitor edge.pbc
until_true 50 'what is left of a damaged list' one 2
ctl history
same 'is what is whole' "$(wc -l <out) $(grep -c twice out)" '2 0'
rm -r state/edge.history
echo >state/edge.history
ctl load v13.pbc
same 'a folder that can'\''t be made keeps no load from running' "$status $(cat out)" '0 v13.pbc runs'
hears 'but is told' '^preyrun: history: v13.pbc isn'\''t kept: '
ctl history
same 'there, too' "$(head -n 1 out | grep -c '(not kept)$')" 1
says 'and does not come back' '0 v14.pbc runs' load v14.pbc
says 'which is told as well' '2 preyctl: rollback: v13.pbc isn'\''t kept: there was no room for it, or writing it failed' rollback
for other in $oldest $newest; do
    of_version "$((other - version))" v14.pbc other.pbc
    says "version $other loads" '0 other.pbc runs' load other.pbc
done
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
