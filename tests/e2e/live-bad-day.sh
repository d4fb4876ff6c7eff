#!/usr/bin/env bash
# What one asks on a bad day: who was dropped in the last minutes, by which rule, how often (preyctl dropped), and who sends
# most (preyctl talkers).
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
rules day <<'RULES'
pool web { server one 10.2.0.2:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
firewall edge default accept {
  drop udp to 10.1.0.100 port 81 as CLOSED
  reject udp to 10.1.0.100 port 82 as SHUN
  drop udp to 10.1.0.100 port 99 as FLOOD
}
firewall rest on "wan" forward default drop { }
RULES
sed '1i # a line more\n' day.prey | rules later
mac=$(at prey cat /sys/class/net/wan/address)
sends() { printf '%s\n' "$@" | at client python3 "$top/tests/e2e/live/bad_day.py" eth0 "$mac"; } # LINE...
# rows [AWK]: who, verdict, by what, by which interface, to which port, how often; of those that the condition takes.
rows() { awk "\$NF ~ /:/ && (${1:-1}) { by = \$4; for (i = 5; i <= NF - 3; i++) by = by \" \" \$i; print \$2, \$3, by, \$(NF - 2), \$(NF - 1), \$1 }" out; }
# lists COUNT AWK OPTION...: so many packets of rows of that kind are told of.
lists() {
    ctl dropped --limit 5000 "${@:3}"
    [ "$(rows "$2" | tr -d '~,' | awk '{ n += $NF } END { print n + 0 }')" -ge "$1" ]
}
refused() { # SENTENCE LINE: with status 2
    same "$1" "$status $(cat err)" "2 preyctl: $2"
}

prey prey -i wan -i lan --format json day.pbc
ctl dropped
same 'nothing was dropped' "$status $(cat out)" '0 0 packets in the last 10 min'
sends '10.1.0.7 81 4' '10.1.0.8 82 3' '10.1.0.9 81 2' '10.1.0.6 81 5 3' '10.1.0.7 85 1 8 10.2.0.9' '10.1.0.1 1500 7'
until_true 100 'all is told of' lists 15 1
same 'who was dropped, by what, how often' "$(rows)" '10.1.0.6 drop bad-udp-length wan 81 5
10.1.0.7 drop CLOSED wan 81 4
10.1.0.8 reject SHUN wan 82 3
10.1.0.9 drop CLOSED wan 81 2
10.1.0.7 drop default of rest wan 85 1'
same 'and how much in all' "$(tail -1 out)" '15 packets in the last 10 min'
ctl dropped --limit 2 --for 30s
same 'of the last minute, the most alone' "$(rows | cut -d' ' -f1 | tr '\n' ' ')$(tail -1 out)" '10.1.0.6 10.1.0.7 15 packets in the last 1 min; 2 of 5 rows: --limit N shows more'
ctl dropped --json
same 'as JSON' "$(python3 -c "
import json
all = [json.loads(l) for l in open('out')]
print([(r['rule'], r['default'], r['reason'], r['packets'], r['estimated'], r['others'], r['passed']) for r in all[:2] + all[4:]])
print(sorted(all[0]), all[0]['last'][:3])")" "[(None, None, 'bad-udp-length', 5, False, False, False), ('CLOSED', None, None, 4, False, False, False), (None, 'rest', None, 1, False, False, False)]
['default', 'estimated', 'interface', 'last', 'others', 'packets', 'passed', 'port', 'reason', 'rule', 'service', 'source', 'verdict'] 202"
ctl dropped --for 11m
refused 'counts are of ten minutes' 'drops are counted for 10 minutes: --for takes up to 10m'
ctl dropped from 10.1.0.7
same 'a filter is none of its words' "$status $(grep -c 'preyctl dropped \[--for D\] \[--limit N\]' err)" '2 1'

# Who sends most.
talks() { # OPTION... -- LINE...: who talks while these are sent; seen.out is what it says, seen.err what beside
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    background prey "$bin/preyctl" talkers "${options[@]}" >seen.out 2>seen.err
    until_true 100 'it looks on' grep -q 'shows\? the packets$' seen.err
    sends "$@"
    wait "$last"
    status=$?
}
talks udp --for 1s -- '10.1.0.7 1500 20' '10.1.0.8 81 60' '10.1.0.9 1500 120'
same 'who sends most, where to, and by which rule' "$status $(tail -1 seen.err)|$(tr -s ' ' <seen.out | sed 's/ in [0-9.]* m*s$//' | tr '\n' '|')" '0 200 packets looked at|200 packets, 8,400 bytes||source packets bytes share|10.1.0.9 120 5,040 60.0 %|10.1.0.8 60 2,520 30.0 %|10.1.0.7 20 840 10.0 %||destination packets bytes share|10.1.0.100 200 8,400 100.0 %||rule packets bytes share|default 140 5,880 70.0 %|CLOSED 60 2,520 30.0 %|'
talks from 10.1.0.0/28 udp --for 1s --limit 1 --bytes --json -- '10.1.0.7 1500 900' '10.1.0.8 81 100' 'forged 99 2000' '10.1.0.7 1500 900' '10.1.0.8 81 100'
same 'of those that a filter takes, an estimate' "$status $(python3 -c "
import json
all, *rows = [json.loads(l) for l in open('seen.out')]
print([(r['of'], r['name'], r['estimated'], r['share'] > 0.7) for r in rows], all['seen'] < all['packets'], 1400 < all['packets'] < 2600 or all)")" "0 [('source', '10.1.0.7', True, True), ('destination', '10.1.0.100', True, True), ('rule', 'default', True, True)] True True"
background prey "$bin/preyctl" talkers udp --for 1h --json >seen.out 2>seen.err
until_true 100 'it looks on' grep -q 'shows\? the packets$' seen.err
sends '10.1.0.7 1500 2'
kill -TERM "$last"
wait "$last"
same 'interrupted, it says what it has seen' "$? $(tail -1 seen.err) $(grep -c '"of":"source"' seen.out)" '0 2 packets looked at 1'
ctl talkers --only drop
same 'it takes no --only' "$status $(grep -c 'isn'\''t an option of talkers' err)" '2 1'
ctl talkers --count 3
same 'packets are not counted' "$status $(grep -c 'isn'\''t an option of talkers' err)" '2 1'

# Rules have names: after a reload their rows go on.
ctl load later.pbc
sends '10.1.0.7 81 2'
until_true 100 'one is dropped again' lists 6 '$2 == "10.1.0.7" && $4 == "CLOSED"'
same 'another program goes on with the rows' "$(rows '$2 == "10.1.0.7"')" '10.1.0.7 drop CLOSED wan 81 6
10.1.0.7 drop default of rest wan 85 1'

# A flood of forged sources is one row, or few, and takes nobody's place.
sends 'forged 99 4000' '10.1.0.9 81 3' 'forged 99 4000'
until_true 100 'the flood is told of' lists 2000 '$4 == "FLOOD"'
until_true 100 'and who came beside it' lists 5 '$2 == "10.1.0.9"'
same 'beside a flood, who was dropped before and meanwhile' "$(rows '$2 ~ /^10[.]1[.]0[.][79]$/ && $4 == "CLOSED"')" '10.1.0.7 drop CLOSED wan 81 6
10.1.0.9 drop CLOSED wan 81 5'
same 'most of a flood is of others, an estimate' "$(rows '$2 == "others" && $4 == "FLOOD" && $1 ~ /^~/' | cut -d' ' -f1-5)" 'others drop FLOOD wan 99'
prey_ends
same 'it ends with 0' "$status" 0
told=$(rows '$4 == "FLOOD"' | tr -d '~,' | awk '{ n += $NF } END { print n + 0 }')
is=$(by_rule FLOOD)
same 'estimates come near' "$(python3 -c "print(abs($told - $is) < $is / 5)" || echo "$told of $is")" True

# What is only watched is told of as such.
rules watched <<'RULES'
firewall edge in default accept { drop udp to port 83 as SELF }
RULES
prey prey -i wan -i lan --monitor watched.pbc
sends '10.1.0.7 83 2 8 10.1.0.2'
until_true 100 'it is told of' lists 2 1
same 'what passed all the same' "$(rows)" '10.1.0.7 watched SELF wan 83 2'
exit $failed
