#!/usr/bin/env bash
# A program of the user's in the middle of connections that cross a bridge (`-> program "SOCKET"`): both samples of
# rules-examples/in-the-middle, what is told of it, whom `reject` refuses, a reload, a program that dies, and none.
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

samples=$top/rules-examples/in-the-middle
across left right
head -c 20000000 /dev/urandom >file
cc -O2 -o middle "$samples/middle.c" || exit 2
wire() { # NAME CLAUSES
    rules "$1" <<END
firewall f forward default accept { }
service wire on any tcp/7 { mode proxy inline; $2
  when bytes payload at 0 is x"4e4f" -> reject
  else -> program "$work/middle.sock" }
END
}
wire wire ''

ends=$top/tests/e2e/live/middle.py
background right python3 "$ends" serve >peers
# echoed TEXT [ADDRESS]: what comes back of it, or what went wrong.
echoed() { at left timeout 20 python3 "$ends" echo "$1" "${2:-10.1.0.2}"; }
program() { # COMMAND...: the program in the middle, into $program
    "$@" "$work/middle.sock" >told 2>&1 </dev/null &
    program=$!
    pids="$pids $program"
    until_true 100 'it listens' test -S "$work/middle.sock"
}
over() { kill "$program" 2>/dev/null; wait "$program" 2>/dev/null; rm -f "$work/middle.sock"; }

until_true 100 'the server is there' at right python3 -c 'import socket; socket.create_connection(("10.1.0.2", 7)).close()'
prey prey --bridge a:b --format json wire.pbc
same 'without a program nobody gets through' "$(echoed hello)" 'Connection reset by peer'
for command in "$work/middle" "python3 $samples/middle.py"; do
    # shellcheck disable=SC2086
    program $command
    for a in 10.1.0.2 fd00:1::2; do
        same "${command##*/} gets what the client says, and changes it ($a)" "$(echoed 'hello there' "$a")" 'HELLO THERE'
    done
    same 'the server sees the client' "$(tail -n 2 peers | tr '\n' ' ')" '10.1.0.1 fd00:1::1 '
    same 'who is rejected is reset' "$(echoed 'NO way')" 'Connection reset by peer'
    over
done
same 'it was told who goes where, of both streams' "$(sed -E 's/ [0-9]+ (to|from)/ P \1/; s/ +$//' told | sort | uniq -c | tr -s ' ')" \
    "$(printf ' 1 %s\n' '10.1.0.1 P from 10.1.0.2 7 vlans' '10.1.0.1 P to 10.1.0.2 7 vlans' 'fd00:1::1 P from fd00:1::2 7 vlans' 'fd00:1::1 P to fd00:1::2 7 vlans')"

program "$work/middle"
same '20 MB there and back arrive as the program makes them' "$(at left timeout 60 python3 "$ends" file file 10.1.0.2)" True

# One that lasts: it is listed, and a reload leaves it.
background left python3 "$ends" lasts 10.1.0.2 >lasts
until_true 100 'it has begun' grep -q TICK lasts
ctl flows tcp
has 'its flow is listed with both ends' '10\.1\.0\.1:[0-9]+ +10\.1\.0\.2:7 +open +wire'
ctl status
has 'where connections go is told' "service wire  any tcp/7  proxy inline  -> reject, program \"$work/middle.sock\"   "
wire again 'max flows 1000;'
ctl load again.pbc
same 'a reload takes other rules' "$status" 0
before=$(grep -c TICK lasts)
goes_on() { [ "$(grep -c TICK lasts)" -gt $((before + 3)) ]; }
until_true 100 'it goes on' goes_on
same 'who was there goes on under them' "$(grep -vc TICK lasts)" 0
same 'and who comes gets through' "$(echoed hello)" HELLO
pkill -P "$program" 2>/dev/null
over
until_true 100 'its end is told' grep -q reset lasts
same 'the death of the program is a reset for both' "$(tail -n 1 lasts)" 'Connection reset by peer'

wire elsewhere ''
sed -i "s#$work/middle.sock#/run/systemd/private#" elsewhere.prey
"$bin/preyc" elsewhere.prey -o elsewhere.pbc >/dev/null
ctl load elsewhere.pbc
same 'a socket elsewhere is refused at a reload' "$status $(cat out err | grep -c "a program's socket must be below /run/prey")" '2 1'
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
same 'ends are counted' "$(python3 -c 'import json; e = json.load(open("prey.out"))["proxy"]["ended_by"]; print(e["rejected"], e["program"] > 1, e["done"] > 5)')" '2 True True'
exit $failed
