#!/usr/bin/env bash
# A resolver that was taken over: it floods preyrun with answers, which goes on serving, and it says what no resolver says.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
between one
name_files
serve --host-record=a.example.net,10.2.0.2
rules shop <<'END'
set bad = live names "a.example.net"
pool web { server a name "a.example.net":80 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
firewall f forward default drop { drop from bad; accept tcp to 203.0.113.10 }
END
prey prey -i wan -i lan shop.pbc
is_ready prey || exit 1
until_true 200 'a name has an address' is web a address 10.2.0.2
moves() { grep -c '^names: web/a: ' prey.err; }

before=$(moves) begun=$(date +%s)
for i in 1 2 3; do
    python3 "$top/tests/e2e/live/resolver.py" "$(resolver)" flood 8 >"sent-$i" 2>&1 &
    floods[i]=$!
    pids="$pids $!"
done
floods() { [ "$(cat sent-* | grep -c floods)" = 3 ]; }
until_true 50 'answers flood in' floods
answers=0
while kill -0 "${floods[1]}" 2>/dev/null; do
    ctl status
    [ "$status" != 0 ] || ! kill -0 "${floods[1]}" 2>/dev/null || answers=$((answers + 1))
done
wait "${floods[@]}"
lasted=$(($(date +%s) - begun))
ok $((answers < 3)) 'preyctl is answered while answers flood in'
ok $(($(awk '$1 ~ /^[0-9]/ { sum += $1 } END { print sum + 0 }' sent-*) < 20000)) 'there were very many'
ok $(($(moves) - before > lasted + 2)) 'a server moves once a second at most'
until_true 300 'and is where its name is once they end' is web a address 10.2.0.2
same 'and is where its name is once they end' "$(state web a address)" 10.2.0.2

was=$(resolver)
python3 "$top/tests/e2e/live/resolver.py" "$was" lie
hears 'a resolver that says what none says is ended' '^names: the process that looks up names sent an invalid message and was ended; preyrun starts another$'
another() { [ -n "$(resolver)" ] && [ "$(resolver)" != "$was" ]; }
until_true 200 'and another one asks' another
same 'and another one asks' "$(another && state web a address)" 10.2.0.2
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
