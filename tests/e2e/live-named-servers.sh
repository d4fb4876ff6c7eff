#!/usr/bin/env bash
# Servers by name: the addresses that dnsmasq gives, as they move; flows that stand; name servers that are silent, that say nothing, or this machine.
# EXEC=kernel: live-named-servers-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/names.sh
site one two
head -c 200000 /dev/zero >web-two/large
name_files
rules shop <<'END'
pool web { drain 30s; server a name "app.example.net":80; server b name "other.example.net":80 }
pool six { server s name "six.example.net":80 ip6 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
service proxied on 203.0.113.10 tcp/81 { mode proxy; -> web }
service of_six on fd00:5::1 tcp/80 { mode passthrough; -> six }
firewall f forward default drop { accept tcp to 203.0.113.10; accept tcp to fd00:5::1 }
END
ip -n "$id-client" route add 203.0.113.0/24 via 10.1.0.2
ip -n "$id-client" -6 route add fd00:5::/64 via fd00:1::2
prey prey -i wan -i lan shop.pbc
is_ready prey || exit 1
digest() { ctl status --json; python3 -c 'import json; p = json.load(open("out"))["program"]; print(p["digest"], p["file_differs"])'; }
programs() { ctl program --list; wc -l <out; }
was=$(digest)
same 'a start does not wait for names' "$(state web a address) $(state web a host) $(state web a health): $(state web a why)" \
    '- app.example.net down: its address isn'\''t known yet'
same 'no connection goes to a server without an address' "$(ask client 203.0.113.10)" 'failed: 7'
ok "$(grep -c 'web/a' prey.err)" 'the start says nothing of a way to it'

names '10.2.0.3 app.example.net' 'fd00:2::3 six.example.net'
serve_names
until_true 200 'a name has an address' is web a address 10.2.0.3
same 'connections go there' "$(ask client 203.0.113.10)" two
pasts() { ctl status --json; python3 -c 'import json; print(sum(s["health"] == "past" for p in json.load(open("out"))["pools"] for s in p["servers"]))'; }
same 'a server whose address nobody knew is no past one' "$(pasts)" 0
same 'and those of a proxy' "$(ask client 203.0.113.10:81)" two
until_true 100 'a name has an address of IPv6' is six s address fd00:2::3
same 'and those of IPv6' "$(ask client '[fd00:5::1]')" two
same 'a name that does not exist has none' "$(state web b health): $(state web b why)" 'down: its address isn'\''t known yet'
hears 'the address is told' '^names: web/a: app\.example\.net is 10\.2\.0\.3 now$'
ctl status
has 'the status says what a name is' 'a +unchecked .*  app\.example\.net is 10\.2\.0\.3'
has 'and which has no address' 'b +down .*  other\.example\.net: its address isn'\''t known yet'
ctl impact shop.pbc
same 'the same rules would change nothing' "$(grep -c -e 'web/a' -e 'other server' out)" 0
same 'it is the same program' "$(digest)" "$was"
ctl impact shop.pbc
same 'and would change no server' "$status $(grep -cE '^pools|drain|reset|move' out)" '0 0'
has 'impact shows what a name is now' '^names +app\.example\.net  10\.2\.0\.3$'
has 'and which has no address' '^ +other\.example\.net  no address: '

# A talk goes on, while its server moves.
names '10.2.0.2 app.example.net' '10.2.0.3 app.example.net' 'fd00:2::3 six.example.net'
sleep 7
same 'a server keeps its address while its name has it' "$(state web a address)" 10.2.0.3
ip netns exec "$id-client" curl -s -m 60 --limit-rate 20k -o fetched "http://203.0.113.10/files/large" &
fetch=$!
pids="$pids $fetch"
sleep 1
names '10.2.0.2 app.example.net' 'fd00:2::3 six.example.net'
until_true 200 'a name moves' is web a address 10.2.0.2
hears 'that is told, too' '^names: web/a: app\.example\.net is 10\.2\.0\.2 now; it was 10\.2\.0\.3$'
same 'new connections go there' "$(ask client 203.0.113.10)" one
wait "$fetch"
same 'a connection that stands goes on at the server before' "$? $(stat -c %s fetched)" '0 200000'

# Names that say nothing, or this machine.
names '127.0.0.1 app.example.net' '203.0.113.10 app.example.net' 'fd00:2::3 six.example.net'
sleep 7
same 'an address that no other machine has, or a service, changes nothing' "$(state web a address) $(ask client 203.0.113.10)" '10.2.0.2 one'
names '10.2.0.2 nothing.example.net'
sleep 7
same 'nor does an answer without an address' "$(state web a address) $(ask client 203.0.113.10)" '10.2.0.2 one'
silence
hears 'a silent name server is told' '^names: [a-z]*\.example\.net: .*; known addresses stay$'
same 'and changes nothing' "$(state web a address) $(ask client 203.0.113.10)" '10.2.0.2 one'

# Another program with the same name, a trial, a save.
rules shop2 <<'END'
pool web { drain 30s; server a name "app.example.net":80; server z 10.2.0.3:80 weight 0 }
service shop on 203.0.113.10 tcp/80 { mode passthrough; -> web }
firewall f forward default drop { accept tcp to 203.0.113.10 }
END
ctl load shop2.pbc --confirm 4s
same 'a program on trial has the address at once' "$status $(ask client 203.0.113.10)" '0 one'
until_true 100 'the program before comes back' grep -q 'because nobody has confirmed' prey.err
same 'with its address' "$(state web a address) $(ask client 203.0.113.10) $(digest)" "10.2.0.2 one $was"
ctl load shop2.pbc --save
same 'a program that is saved is the one that was compiled' "$status $(cmp shop.pbc shop2.pbc && echo same)" '0 same'
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
