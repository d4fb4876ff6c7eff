#!/usr/bin/env bash
# What stays at the end: --on-exit closed keeps guard rules; --on-exit open leaves a bridge carrying, by a program in the
# kernel, until --cleanup or the next start; a fault or a kill leaves it shut.
set -u
EXEC=user # what is left closed is pinned, on a file system that its namespaces do not show; live-kernel-ends has it
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

across left right
web right
head -c 3000000 /dev/urandom >web-right/file
rules shut <<'END'
firewall f forward default drop { accept arp }
END
rules service <<'END'
pool farm { server one 10.1.0.9 }
service web on 10.1.0.100 tcp/80 { mode passthrough keep source; -> farm }
END
tables() { at prey nft list tables; }
crosses() { [ "$(at left curl -s -m 2 http://10.1.0.2/)" = right ]; }
state() { cat "/run/prey/$(stat -L -c %i "/run/netns/$id-prey")/"* 2>/dev/null | grep -c '^+'; }
promiscuous() { ip -n "$id-prey" -d -o link show "$1" | grep -c PROMISC; }
# Of its links: filters, clsact, promiscuous.
left_behind() {
    for d in a b; do
        at prey tc filter show dev "$d" ingress | grep -c 'across'
        at prey tc qdisc show dev "$d" | grep -c clsact
        promiscuous "$d"
    done | tr -d '\n'
}

# closed
prey prey -i a --on-exit closed service.pbc
prey_ends
same 'closed: guard rules stay' "$status|$(tables | sort | tr '\n' ,)" '0|table netdev prey_a,table netdev prey_a_peers,'
at prey "$bin/preyrun" --cleanup 2>out
same 'closed: --cleanup takes them away' "$?|$(tables)|$(state)" '0||0'

# open
same 'nothing is there before' "$(left_behind)" 000000
prey prey --bridge a:b --on-exit open shut.pbc
crosses
same 'the rules let nothing cross' "$?" 1
prey_ends
same 'open: it ends with 0, without guard rules' "$status|$(tables)" '0|'
same 'open: a filter on each port' "$(left_behind)" 111111
until_true 50 'open: frames cross' crosses && ok 0 'open: frames cross'
at left curl -s -m 20 'http://[fd00:1::2]/files/file' | cmp -s - web-right/file
ok $? 'open: 3 MB arrive as they are'
prey prey --bridge a:b --on-exit open shut.pbc
cp prey.err out
has 'open: the next start says what it takes away' 'undone: the way across a bridge `a/b`'
same 'open: the next start takes it away' "$(left_behind | tr -d '\n')" "00$(promiscuous a)00$(promiscuous b)"
crosses
same 'open: the rules hold again' "$?" 1
prey_killed
crosses
same 'a kill shuts it' "$?" 1
prey prey --bridge a:b --on-exit open shut.pbc
prey_ends
at prey "$bin/preyrun" --cleanup --name a 2>out
same 'open: --cleanup shuts it' "$?|$(left_behind)|$(state)" '0|000000|0'
crosses
same 'and nothing crosses' "$?" 1

# Who had a clsact and promiscuous links keeps them.
for d in a b; do
    at prey tc qdisc add dev "$d" clsact
    ip -n "$id-prey" link set dev "$d" promisc on
done
prey prey --bridge a:b --on-exit open shut.pbc
prey_ends
at prey "$bin/preyrun" --cleanup 2>out
same "what was others' stays" "$?|$(left_behind)" '0|011011'
exit $failed
