#!/usr/bin/env bash
# Addresses that prey answers for move here: a neighbour that knew another MAC for them learns ours at the start, by the
# reload that adds them, and again when the link has come back.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey
lan switch 1 client prey
rules announce <<'END'
pool farm {
  source 10.1.0.50, fd00:1::50
  server one 10.1.0.3
  server one6 fd00:1::3
}
service web on 10.1.0.100, fd00:1::100 tcp/80 {
  mode passthrough
  announce
  -> farm
}
service quiet on 10.1.0.101 tcp/80 {
  mode passthrough
  -> farm
}
END
ours=$(at prey cat /sys/class/net/eth0/address)
old=02:00:00:00:00:99
knows() { # ADDRESS MAC: the client has it so
    ip -n "$id-client" neigh show "$1" | grep -q "lladdr $2"
}
forget() {
    for a in 10.1.0.50 10.1.0.100 10.1.0.101 fd00:1::50 fd00:1::100; do
        ip -n "$id-client" neigh replace "$a" lladdr $old dev eth0 nud stale
    done
}
forget
prey prey -i eth0 announce.pbc
for a in 10.1.0.50 10.1.0.100 fd00:1::50 fd00:1::100; do
    until_true 50 "$a is announced at the start" knows $a "$ours" && ok 0 "$a is announced at the start"
done
knows 10.1.0.101 $old
ok $? 'an address that is not announced is not'
answers() { # ADDRESS
    ctl explain "arp 10.1.0.8 -> $1"
    grep -E '^  (no )?answer' out
}
same 'who asks for it is told whether anybody answers' "$(answers 10.1.0.100)
$(answers 10.1.0.101)
$(answers 10.1.0.50)
$(answers 10.1.0.77)
$(answers "$(ip -n "$id-prey" -4 -o address show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')" | cut -d: -f1,2)" '  answered: service web announces 10.1.0.100
  no answer: service quiet has the address 10.1.0.101, but no `announce`
  answered: a `nat` translates to 10.1.0.50
  no answer: this machine doesn'\''t answer for 10.1.0.77
  answered: by this machine'"'"'s network stack'
forget
ip -n "$id-prey" link set eth0 down
awaits "eth0 is down"
ip -n "$id-prey" link set eth0 up
for a in 10.1.0.50 10.1.0.100 fd00:1::50 fd00:1::100; do
    until_true 50 "$a is announced when the link has come back" knows $a "$ours" && ok 0 "$a is announced when the link has come back"
done
forget
# Both at once.
service=$(cat "/proc/$prey/task/$prey/children")
kill -STOP $service
ip -n "$id-prey" link set eth0 down
ip -n "$id-prey" link set eth0 up
kill -CONT $service
until_true 50 'a link that was away for a moment counts, too' knows 10.1.0.50 "$ours" && ok 0 'a link that was away for a moment counts, too'
for a in 10.1.0.100 fd00:1::50 fd00:1::100; do until_true 50 "so $a is announced again" knows $a "$ours"; done
forget
# What a reload adds, and nothing else.
rules announce <<'END'
pool farm {
  source 10.1.0.50, 10.1.0.51, fd00:1::50
  server one 10.1.0.3
  server one6 fd00:1::3
}
service web on 10.1.0.100, 10.1.0.102, fd00:1::100 tcp/80 {
  mode passthrough
  announce
  -> farm
}
END
for a in 10.1.0.51 10.1.0.102; do ip -n "$id-client" neigh replace $a lladdr $old dev eth0 nud stale; done
kill -HUP "$prey"
for a in 10.1.0.51 10.1.0.102; do
    until_true 50 "$a is announced by the reload that adds it" knows $a "$ours" && ok 0 "$a is announced by the reload that adds it"
done
knows 10.1.0.100 $old
ok $? 'one that was announced before is not announced once more'
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
