#!/usr/bin/env bash
# Guard rules that another program takes away or changes are set again at once, with a line that names it; what it does
# to other tables is nobody's business here. They are of programs before, too, and a reload that they cannot follow is refused.
set -u
EXEC=user # guard rules hide nothing for flows that drain: programs take what is theirs
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space client prey one
lan switch 1 client prey one
web one
rules shop <<'END'
pool farm { server one 10.1.0.3:80 }
service www on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }
END
prey prey -i eth0 --allow-unjudged 'od"d' shop.pbc
table() { at prey nft list table netdev prey_eth0 | sed 's/packets [0-9]* bytes [0-9]*//'; }
table >before
same 'there are guard rules' "$(grep -c counter before | sed 's/[1-9][0-9]*/some/')" some
said=0
# again SENTENCE COMMAND...: somebody does that, it is undone, and one more line says who
again() {
    local sentence=$1
    shift
    at prey "$@"
    said=$((said + 1))
    is_told() { [ "$(grep -c '^preyrun: guard rules were changed by nft (pid [0-9]*); prey puts them back$' prey.err)" = "$said" ]; }
    is_back() { table | cmp -s - before; }
    until_true 100 "$sentence: it is told" is_told && until_true 100 "$sentence: the rules are back" is_back &&
        ok 0 "$sentence: told, and the rules are back"
}
again 'all rules of the machine are flushed' nft flush ruleset
again 'the table is deleted' nft delete table netdev prey_eth0
again 'a chain is flushed' nft flush chain netdev prey_eth0 guard
again 'a rule is added' nft add rule netdev prey_eth0 guard accept
at prey nft add table inet other
at prey nft delete table inet other
again 'flushed once more, after what concerns nobody' nft flush ruleset
# Flows of a program before may drain: what hides them stays, also where rules are set again.
hides() { table | grep -q "$1"; }
rules shop <<'END'
pool farm { drain 1h; server two 10.1.0.4:80 }
service www on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }
END
kill -HUP "$prey"
until_true 100 'a reload is made' hides 10.1.0.4
hides 10.1.0.3
ok $? 'replies of a server that drains are hidden'
table >before
again 'flushed while one drains' nft flush ruleset
# A reload whose guard rules cannot be said leaves the program that runs, and its rules.
link prey 'od"d' client odd
rules shop <<'END'
pool farm { server one 10.1.0.3:80 }
service www on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }
nat home { masquerade from 10.5.0.0/24 out on "od\"d" }
END
kill -HUP "$prey"
until_true 100 'a reload that cannot be guarded is refused' grep -q 'reload: .*can'\''t name the interface .od"d.*; the old program keeps running' prey.err &&
    ok 0 'a reload that cannot be guarded is refused'
same 'and why' "$(grep -c 'can'\''t name the interface .od"d.' prey.err)" 1
same 'the rules stay as they were' "$(table | cmp - before && echo same)" same
rules shop <<'END'
pool farm { server one 10.1.0.3:80 }
service www on 10.1.0.100 tcp/80 { mode passthrough; announce; -> farm }
END
kill -HUP "$prey"
is_taken() { tail -n 1 prey.err | grep -q reloaded; }
until_true 100 'the next good one is taken' is_taken && ok 0 'the next good one is taken'
same 'the service answers' "$(at client curl -s -m 20 http://10.1.0.100/)" one
prey_ends
same 'it ends with 0' "$status" 0
same 'nothing is left' "$(at prey nft list tables)" ''
exit $failed
