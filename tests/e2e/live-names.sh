#!/usr/bin/env bash
# Live sets of names (`live names`): the addresses that dnsmasq gives, as they change; names of hosts(5); name servers that are silent, that lie,
# that give too much. EXEC=kernel: live-names-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
. "$top/tests/e2e/live/sets.sh"

between one
ip -n "$id-client" route add default via 10.1.0.2
name_files '10.1.0.9 written.example.net'
keeps_state
cat >rules.prey <<'END'
set caught = live names "bad.example.net", "worse.example.net", "written.example.net" never 10.1.0.250 keep
firewall f forward default accept { drop from caught }
END
"$bin/preyc" rules.prey -o rules.pbc >/dev/null || exit 1
says() { # SENTENCE COMMAND...: true
    local sentence=$1
    shift
    "$@"
    ok $? "$sentence"
}
members() { at prey "$bin/preyctl" sets caught --json | python3 -c 'import json, sys
print(*sorted(m["member"] + ("" if m["until"] is None else "!") for m in map(json.loads, sys.stdin)))'; }
are() { [ "$(members)" = "$*" ]; }

names '10.1.0.1 bad.example.net' '10.1.0.77 worse.example.net' 'fd00:1::1 worse.example.net'
serve_names
prey_with rules.pbc
is_ready prey || exit 1
until_true 100 'the addresses of names are members' are 10.1.0.1 10.1.0.77 10.1.0.9 fd00:1::1
says 'their packets are dropped' gone
ctl sets caught has 10.1.0.1
has 'the answer names the name' '^caught has 10\.1\.0\.1: .*bad\.example\.net$'
ctl sets caught add 10.1.0.3
same 'nobody is added by hand' "$status $(cat err)" '2 preyctl: caught: its members are the addresses of its host names, and only DNS changes them'
same 'nothing fails' "$(of_set caught members names failing fault)" "4 3 0 "
same 'the resolver has no capability' "$(awk '/^Cap(Eff|Prm|Bnd)/ { print $2 }' "/proc/$(resolver)/status" | sort -u | tr '\n' ' ')" \
    '0000000000000000 '
same 'and a filter of system calls' "$(awk '/^Seccomp:/ { print $2 }' "/proc/$(resolver)/status")" 2
same 'and no file' "$(find "/proc/$(resolver)/fd" -lname '/*' ! -lname '/dev/*' ! -lname "$work/*" ! -lname '/tmp/*' | wc -l)" 0

# A name moves. The address before stays for ten minutes.
names '10.1.0.2 bad.example.net' '10.1.0.77 worse.example.net' 'fd00:1::1 worse.example.net'
until_true 150 'a name that moves has its new address in the set' are '10.1.0.1!' 10.1.0.2 10.1.0.77 10.1.0.9 fd00:1::1
says 'the address before stays for a while' gone
names '10.1.0.2 bad.example.net' '10.1.0.2 worse.example.net' '10.1.0.1 worse.example.net'
until_true 150 'an address that comes back stays for good' are 10.1.0.1 10.1.0.2 '10.1.0.77!' 10.1.0.9 'fd00:1::1!'

# Addresses that may not get in.
names '127.0.0.1 bad.example.net' '10.1.0.250 bad.example.net' '10.1.0.2 worse.example.net'
hears 'an address that no other machine has is told' '^names: caught: not added: bad\.example\.net has the address 10\.1\.0\.250 (and 1 other), which'
until_true 150 'names without it keep theirs' are '10.1.0.1!' 10.1.0.2 '10.1.0.77!' 10.1.0.9 'fd00:1::1!'
same 'they are no members, and counted' "$(of_set caught refused)" 2

# A silent name server.
silence
hears 'a silent name server is told' '^names: [a-z]*\.example\.net: .*; known addresses stay$'
same 'the set says so' "$(of_set caught failing)" 1
same 'what was known stays' "$(members)" '10.1.0.1! 10.1.0.2 10.1.0.77! 10.1.0.9 fd00:1::1!'
serve_names
hears 'it answers again' '^names: all names have answers again$'

# More addresses than a name may have, and none.
mapfile -t lines < <(for i in $(seq 0 1499); do echo "10.3.$((i >> 8)).$((i & 255)) bad.example.net"; done)
names "${lines[@]}" '10.1.0.2 worse.example.net'
hears 'an answer of 1,500 addresses is told' '^names: bad\.example\.net: .*1500 addresses, more than 1024; known addresses stay$'
ctl sets
has 'the table says it, too' '^caught: bad\.example\.net keeps its old addresses: .*1500 addresses'
same 'and none of them is a member' "$(members)" '10.1.0.1! 10.1.0.2 10.1.0.77! 10.1.0.9 fd00:1::1!'
names '10.1.0.2 worse.example.net'
again() { [ "$(grep -c "names: all names have answers again" "$work"/prey.err)" -eq 2 ]; }
until_true 150 'an answer without addresses is one' again && ok 0 'an answer without addresses is one'
same 'and what others have stays' "$(members)" '10.1.0.1! 10.1.0.2 10.1.0.77! 10.1.0.9 fd00:1::1!'

# Another hosts(5).
printf '127.0.0.1 localhost\n10.1.0.10 written.example.net\n' >hosts
until_true 150 'another hosts(5) is read' are '10.1.0.1!' 10.1.0.10 10.1.0.2 '10.1.0.77!' '10.1.0.9!' 'fd00:1::1!'

# A stop, and a start without a name server: kept members stay.
silence
prey_ends
same 'it ends with 0' "$status" 0
says 'its resolver ends, too' test -z "$(resolver)"
prey_with rules.pbc
is_ready prey || exit 1
says 'kept addresses are in force before the first answer' gone 10.1.0.2
hears 'what has no answer is told' '^names: [a-z]*\.example\.net: .*; known addresses stay$'
same 'all stay' "$(members)" '10.1.0.1! 10.1.0.10 10.1.0.2 10.1.0.77! 10.1.0.9! fd00:1::1!'
prey_ends
exit $failed
