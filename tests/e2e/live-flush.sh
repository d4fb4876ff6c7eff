#!/usr/bin/env bash
# Guard rules that another program takes away or changes are set again at once, with a line that names it; what it does
# to other tables is nobody's business here.
set -u
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
prey prey -i eth0 shop.pbc
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
    is_told() { [ "$(grep -c '^preyrun: guard rules were changed by nft (pid [0-9]*); they are set again$' prey.err)" = "$said" ]; }
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
same 'the service answers' "$(at client curl -s -m 5 http://10.1.0.100/)" one
prey_ends
same 'it ends with 0' "$status" 0
same 'nothing is left' "$(at prey nft list tables)" ''
exit $failed
