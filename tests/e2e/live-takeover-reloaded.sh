#!/usr/bin/env bash
# preyctl takeover, and a crash, of an instance whose rules were exchanged while it ran: with other meters, services, servers, translation
# and limits. Flows of rules before go on by what those said, to the worker that has them; so they do after the next reload and the next
# takeover. A takeover of rules on trial neither confirms them nor loses the way back.
set -u
EXEC=user
. tests/e2e/live/takeover.sh

echoes one two
# `gone` is for TCP alone: a datagram of a service or server that is gone belongs to nobody, while TCP drains.
rules first <<'END'
limits { flows 20_000 }
pool farm { source 10.2.0.77-10.2.0.78; server one 10.2.0.2; server two 10.2.0.3 }
pool old { source 10.2.0.79; drain 10m; server one 10.2.0.2; server two 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
service gone on 10.1.0.101 tcp/9000 { mode passthrough; announce; -> old }
nat home { masquerade from 10.1.0.0/24 to 10.2.0.2 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  accept tcp to port 9000 state new as TCP
  accept udp to port 9000 as UDP
}
END
# A meter by network asks for other owners than the first rules did; a service, its servers and the statement of the nat are gone.
rules second <<'END'
limits { flows 3_000 }
meter calm = 100000/s burst 100000 per source/24,/64
pool farm { source 10.2.0.77-10.2.0.78; server one 10.2.0.2; server two 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
service other on 10.1.0.102 tcp/9000 { mode passthrough; announce; -> farm }
nat home { masquerade from 10.1.0.0/24 to 10.2.0.3 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  accept tcp to port 9000 state new within calm as TCP
  accept udp to port 9000 within calm as UDP
}
END
rules third <<'END'
limits { flows 40_000 }
pool farm { source 10.2.0.77-10.2.0.78; server one 10.2.0.2; server two 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
nat home { masquerade from 10.1.0.0/24 to 10.2.0.9 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  drop flows over 1000 per source
  accept tcp to port 9000 state new as TCP
  accept udp to port 9000 as UDP
}
END
taken() { # SENTENCE OPTION...
    local sentence=$1 was
    was=$(owner)
    shift
    takes() { ctl takeover "$@"; ! grep -q 'a reload is in progress' err; }
    until_true 300 "$sentence: the reload is through" takes "$@"
    same "$sentence: it is taken over" "$status $(cat err) $(grep -c "^process [0-9]* has taken over from $was\$" out)" '0  1'
}
loaded() { # RULES OPTION...
    ctl load "$@"
    [ "$status" = 0 ] || { ok 1 "$1 is loaded"; sed 's/^/# /' out err; }
}
talk() { # WAY ADDRESS...: into the file `talked`, until `enough` is there
    rm -f enough talked talked_tcp
    at client python3 "$takeover" "$1" 150 "${@:2}" >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
    at client env PROTOCOLS=tcp python3 "$takeover" "$1" 150 10.1.0.101 >talked_tcp 2>&1 &
    other=$!
    pids="$pids $other"
    until_true 300 'all connections of the service that goes are open' grep -q open talked_tcp
}
talked() { # SENTENCE
    touch enough
    wait "$talker" "$other"
    sed -n '/^#/p' talked talked_tcp
    same "$1: no byte is lost or another" "$(grep -hv '^#' talked talked_tcp)" "open
True 0 lost 0 other 0 under way
open
True 0 lost 0 other 0 under way"
}
over() {
    prey=$(owner)
    ctl stop
    until_true 300 "$1: it ends" ends_itself "$prey"
    same "$1: and undoes all" "$(at prey nft list tables | grep -c prey)" 0
}

for workers in 1 2 3; do
    say="$workers worker$([ $workers = 1 ] || echo s)"
    prey prey -i wan -i lan --workers $workers first.pbc
    talk talk 10.1.0.100 10.2.0.2 10.2.0.3
    loaded second.pbc
    taken "$say, second rules"
    loaded third.pbc
    taken "$say, third rules"
    taken "$say, third rules again"
    loaded first.pbc
    taken "$say, first rules"
    talked "$say"
    talk talk 10.1.0.100 10.2.0.3
    loaded second.pbc
    taken "$say, flows of first rules after takeovers"
    talked "$say, flows that began after takeovers"
    same "$say: no frame was lost" "$(grep -c 'lost' prey.err)" 0
    over "$say"
done

# ---- guard rules of flows of rules before ----

prey prey -i wan -i lan --workers 2 first.pbc
talk talk 10.1.0.100 10.2.0.3
loaded second.pbc
guarded() { at prey nft list ruleset | grep -c '10\.1\.0\.101'; }
was=$(guarded)
[ "$was" -gt 0 ]
ok $? 'the host is kept from packets of a service that is gone'
taken 'second rules'
same 'and is after a takeover' "$(guarded)" "$was"
talked 'and its flows go on'
over 'guard rules'

# ---- a crash ----

prey prey -i wan -i lan --workers 2 first.pbc
talk slow 10.1.0.100 10.2.0.2 10.2.0.3
loaded second.pbc
sleep 2.5 # in which the state is written once more
was=$(owner)
kill -KILL "$(pgrep -P "$was" -x prey-service)"
until_true 600 'after a crash another service judges' judges_again "$was"
loaded third.pbc
taken 'after a crash'
talked 'after a crash'
over 'after a crash'

# ---- rules on trial ----

digest() { at prey "$bin/preyctl" --json status | sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p'; }
waits() { ctl status && grep -q 'confirm' out; }
back() { ctl status && [ "$status" = 0 ] && ! grep -q confirm out && [ "$(digest)" = "$of_first" ]; }
prey prey -i wan -i lan --workers 2 first.pbc
talk talk 10.1.0.100 10.2.0.3
of_first=$(digest)
loaded second.pbc --confirm 20s
of_second=$(digest)
taken 'on trial'
waits
ok $? 'it still waits to be confirmed'
same 'and runs what is on trial' "$(digest)" "$of_second"
until_true 600 'nobody confirms: the rules that were in force before the takeover come back' back &&
    ok 0 'nobody confirms: the rules that were in force before the takeover come back'
loaded second.pbc --confirm 5m
word=$(sed -n 's/.*preyctl confirm \([a-z]*\).*/\1/p' out | tail -n 1)
taken 'on trial again'
ctl confirm "$word"
same 'the word that was printed before the takeover confirms' "$status $(digest)" "0 $of_second"
taken 'confirmed'
waits && ok 1 'nothing waits any more' || ok 0 'nothing waits any more'
talked 'on trial'

# ---- what is not handed over ----

mkdir -m 700 recorded
was=$(owner)
ctl takeover --record recorded
same 'a recording that would begin with flows of rules before: refused, and it goes on' \
    "$status $(grep -c 'flows of previous rules are still open' err) $(owner)" "2 1 $was"
rules none <<'END'
firewall ways forward default accept { drop tcp to port 9 }
END
loaded none.pbc --allow-unjudged wan,lan
ctl takeover
same 'rules that follow no connection, behind some that did: refused, and it goes on' \
    "$status $(grep -c 'previous rules tracked connections' err) $(owner)" "2 1 $was"
over 'the last one'
exit $failed
