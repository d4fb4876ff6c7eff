#!/bin/bash
# The language: promises, tried on the built programs, one line each. B: the build
# folder. Read from top to bottom it says what the rule language does today.
set -u
. tests/lib/accept.sh

rules() { cat >"$1.prey"; }             # NAME: rules from standard input
capture() { cat >"$1.notes"; "$tools/mkcap" "$1.notes" "$1.pcap"; } # NAME: frames from standard input

# ---- tests in the language ----

rules shop <<'END'
edition 1
set office  = 192.0.2.0/24, 2001:db8:1::/48
set admins  = (office, 198.51.100.7) except 192.0.2.66
ports web   = 80, 443, 8000-8080
meter syns  = 200/s burst 400 per source
schedule work = mon-fri 08:00-18:00
pool shop {
  balance maglev
  server a 10.0.0.11:8443 weight 5
  server b 10.0.0.12:8443 weight 3
  server c 10.0.0.13:8443 weight 1
  server d 10.0.0.14:8443 backup
}
pool canary { server e 10.0.0.21:8443 }
service www on 203.0.113.10 tcp/443 {
  mode passthrough
  when from office -> canary
  else -> shop
}
firewall edge default drop {
  drop tcp flags has syn lacks ack over syns as SYN_FLOOD
  accept icmp6 type nd
  accept tcp from admins to self port 22 as SSH
  accept tcp to 203.0.113.10 port web as WEB
  accept udp to self port 123 during work as TIME
  reject tcp port 113 with rst as IDENT
}
test "admins may ssh, nobody else" {
  expect accept by SSH: tcp 192.0.2.9:50000 -> self:22 syn
  expect drop by default: tcp 198.18.0.1:50000 -> self:22 syn
  expect drop by default: tcp 192.0.2.66:50000 -> self:22 syn
  expect pool canary: tcp 192.0.2.9:50000 -> 203.0.113.10:443 syn
  expect accept by WEB: tcp 198.18.0.1:50000 -> 203.0.113.10:443 syn
  expect forward by WEB: tcp 198.18.0.1:50000 -> 203.0.113.10:443 syn
  expect split shop 5:3:1 within 2% over 10000 flows
}
test "a flood is cut" {
  repeat 2000 within 1s: tcp 198.18.0.9:50000 -> 203.0.113.10:443 syn
  expect drop by SYN_FLOOD: tcp 198.18.0.9:50000 -> 203.0.113.10:443 syn
  after 10s
  expect accept by WEB: tcp 198.18.0.9:50000 -> 203.0.113.10:443 syn
}
test "hours" {
  at mon 09:00
  expect accept by TIME: udp 198.18.0.9:123 -> self:123
  at sat 09:00
  expect drop: udp 198.18.0.9:123 -> self:123
}
test "the backup serves when nobody else can" {
  server shop/a down; server shop/b down; server shop/c down
  expect server shop/d: tcp 198.18.0.1:50000 -> 203.0.113.10:443 syn
}
test "yesterday's traffic" {
  replay "yesterday.pcap" drop >= 50%
}
END
capture yesterday <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 443 syn
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50001 > 22 syn
eth / ip4 198.18.0.2 > 203.0.113.10 / udp 50000 > 53
END
call preyc --check shop.prey
says 'tests in a rule file are run by --check and counted' 0 '^shop.prey: good: 6 rules, 2 sets, 1 service, 5 tests passed$' out
call preyc shop.prey -o shop.pbc
[ "$status" -eq 0 ] && [ -s shop.pbc ] && [ "$(cat out)" = 'shop.prey: good: 6 rules, 2 sets, 1 service, 5 tests passed' ] && [ ! -s err ]
ok $? 'passing tests are told in one line when compiling'

cp shop.pbc keep.pbc
sed 's/except 192.0.2.66/except 192.0.2.67/' shop.prey >slip.prey
call preyc slip.prey -o shop.pbc
says 'a slip in a set fails the test that would catch it, by name' 1 '^slip.prey:[0-9]+:3: error: test "admins may ssh, nobody else": expected drop by default, but found accept by SSH \[E0701\]$' err
says 'it shows the packet as it was built' 1 '^note: the packet.*: tcp 192.0.2.66:50000 > 192.0.0.8:22 SYN, 54 bytes, state new$' err
says 'and the rule that decided, with its line' 1 '^   23 \|   accept tcp from admins to self port 22 as SSH$' err
says 'the last line names the failed tests' 1 '^slip.prey: 1 of 5 tests failed: "admins may ssh, nobody else"$' err
cmp -s shop.pbc keep.pbc
ok $? 'a failing test leaves the program that was there'
sed 's/to 203.0.113.10 port web/to 203.0.113.10 port 80/' shop.prey >slip.prey
call preyc --check slip.prey
says 'the rule that was expected shows the first condition that failed' 1 '`WEB` doesn.t match: destination port is 443, not 80' err
sed 's/weight 5/weight 1/' shop.prey >slip.prey
call preyc --check slip.prey
says 'a changed weight fails the split' 1 'in 10000 flows is more than 2 percentage points away from the expected share' err
sed 's/burst 400/burst 4000/' shop.prey >slip.prey
call preyc --check slip.prey
says 'a changed meter fails the flood, with the tokens that it has' 1 '`SYN_FLOOD` doesn.t match: syns has [0-9]+ tokens for 198.18.0.9' err
sed 's/mon-fri/mon-sat/' shop.prey >slip.prey
call preyc --check slip.prey
says 'a changed schedule fails the hours, with the time' 1 '^note: the packet, sat 09:00: ' err
sed 's/by SSH:/by SHH:/' shop.prey >slip.prey
call preyc --check slip.prey
says 'a test that names an unknown rule is told which one is meant' 1 'did you mean `SSH`' err
call preyc --check --format=json slip.prey
says 'diagnostics of tests are JSON like all others' 1 '"code":"E0201"' out
call preyc --check --format=json shop.prey
[ "$status" -eq 0 ] && python3 -c 'import json
d = json.load(open("out"))
assert len(d["tests"]) == 5 and all(t["passed"] for t in d["tests"]), d["tests"]' 2>err
ok $? 'JSON carries the result of every test'
call preyc --dump=bytecode shop.prey
[ "$status" -eq 0 ] && ! grep -q 'admins may ssh' out
ok $? 'tests leave nothing in the program'
mkdir -p sub && cp shop.prey yesterday.pcap sub/
call preyc --check sub/shop.prey
says 'captures are found beside the rule file' 0 '5 tests passed' out
call preyc shop.prey -o yesterday.pcap
[ "$status" -eq 2 ] && [ "$(head -c 4 yesterday.pcap | od -An -tx1 | tr -d ' ')" = "$(head -c 4 sub/yesterday.pcap | od -An -tx1 | tr -d ' ')" ]
ok $? 'the output never replaces a capture that a test replays'
rm yesterday.pcap
call preyc --check shop.prey
says 'a capture that is not there is a diagnostic' 1 'E0711' err
{
    echo 'firewall f default drop { accept icmp6 type nd; accept tcp port 22 as SSH }'
    for i in $(seq 1 1000); do echo "test \"t$i\" { expect accept by SSH: tcp 192.0.2.1:$i -> self:22 syn; expect drop: udp 192.0.2.1:$i -> self:22 }"; done
} >many.prey
call timeout 60 preyc --check many.prey
says 'a thousand tests take no time worth a name' 0 '1000 tests passed' out


# ---- sets and lists ----

awk 'BEGIN { for (i = 0; i < 1000000; i++) { a = i * 2654435761 % 4294967296
    printf "%d.%d.%d.%d\n", int(a / 16777216), int(a / 65536) % 256, int(a / 256) % 256, a % 256 } }' >million.txt
rules million <<'END'
set many = file "million.txt"
firewall f default accept { drop from many as LISTED }
END
call preyc --stats -o million.pbc million.prey
says 'a set of a million addresses compiles' 0 'tables of large sets' out
[ "$(stat -c %s million.pbc)" -le 16000000 ]
ok $? 'its program has at most 16 bytes an address'
capture million <<'END'
eth / ip4 158.55.121.177 > 192.0.2.1 / udp 1 > 2
eth / ip4 158.55.121.178 > 192.0.2.1 / udp 1 > 2
END
call preyrun --pcap million.pcap --verdicts - million.pbc
says 'a member is matched' 0 '^1.drop.LISTED' out
says 'the address beside it is not' 0 '^2.accept.default' out
sed -i '765432s/.*/10.0.0.300/' million.txt
call preyc --check million.prey
says 'one bad line among a million is named' 1 '^million.txt:765432:1: error: .*E0612' err
rules algebra <<'END'
set lan   = 10.0.0.0/8, 10.1.0.0/16, 192.0.2.0-192.0.2.9, 192.0.2.5-192.0.2.20
set none  = 192.0.2.1 except 192.0.2.0/24
set apart = 10.0.0.0/8 except 192.0.2.0/24
names shops = "*.shop.example", "www.shop.example"
firewall f default accept { drop from lan, none, apart }
END
call preyc --check algebra.prey
says 'a member inside another is told' 0 '^algebra.prey:1:25: warning: .*inside.*W0303' err
says 'members that overlap are told' 0 '^algebra.prey:1:59: warning: .*overlaps.*W0303' err
says 'so is an `except` that leaves nothing' 0 '^algebra.prey:2:13: warning: .*W0301' err
says 'and one that removes nothing' 0 '^algebra.prey:3:31: warning: .*W0302' err
says 'names of hosts and globs are checked too' 0 '^algebra.prey:4:33: warning: .*inside.*W0303' err
rules hosts <<'END'
names shops = "shop_1.example", "a.*.example", "192.0.2.1"
firewall f default accept { }
END
call preyc --check hosts.prey
says 'what is no name of a host is an error' 1 '^hosts.prey:1:15: error: .*E0309' err

# ---- meters and time ----

rules metered <<'END'
meter seven = 7/h
meter line  = 10Gbit/s per flow entries 1000
schedule work = mon-fri 08:00-12:30, 13:30-18:00 zone "Europe/Paris"
limits { rejects 50/s; flows 20_000 }
timeouts { tcp established 1h }
hash key "our own"
firewall f default drop {
  accept icmp6 type nd
  drop over line as GREEDY
  accept udp to port 53 within seven log 1/s as SEVEN
  accept tcp to port 80 during work          as OPEN
  drop tcp to port 80 during not work        as SHUT
}
END
capture metered <<'END'
repeat 4 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
after 515s
repeat 2 eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
after 10000s
eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
END
call preyc --werror metered.prey -o metered.pbc
ok "$status" 'meters, schedules, limits, timeouts and a hash key compile'
call preyrun --pcap metered.pcap --verdicts - metered.pbc
[ "$(tail -n +2 out | cut -f 2,3 | tr '\t\n' ': ')" = 'accept:SEVEN drop:default drop:default drop:default accept:SEVEN drop:default accept:OPEN drop:SHUT ' ]
ok $? 'seven an hour are one every 514.3 seconds; office hours are by the clock in Paris'
call preyrun --pcap metered.pcap metered.pbc
says 'the summary says how often a meter was asked' 0 '^meters +seven: 2 within, 4 over' out
call preyrun --pcap metered.pcap --explain 2 metered.pbc
says 'explain says that there is no token' 0 'SEVEN +no +seven has no token' out
call preyrun --pcap metered.pcap --explain 8 metered.pbc
says 'explain says that it is not time' 0 'OPEN +no +it isn'\''t work' out
for wrong in 'E0320 burst 0:meter m = 1/s burst 0' 'E0322 one prefix length:meter m = 1/s per source/24' \
    'E0330 a zone that is none:schedule s = 08:00-18:00 zone "Europe/Pariss"' 'E0620 a limit twice:limits { flows 5000; flows 6000 }' \
    'E0135 an unknown key:timeouts { tpc 5s }' 'E0331 hours that are none:schedule s = 08:00-08:00'; do
    name=${wrong%%:*}
    printf '%s\nfirewall f default accept { drop over m }\n' "${wrong#*:}" >wrong.prey
    call preyc --check wrong.prey
    says "${name#* } is an error of its own" 1 "\[${name%% *}\]" err
done

# ---- one layout ----

printf '# kept\nset  s=192.0.2.1   # why\nfirewall f default accept{drop from s\n}\n' >loose.prey
call preyc --fmt loose.prey
says 'preyc --fmt prints the one layout' 0 '^set s = 192\.0\.2\.1  # why$' out
cp out tidy.prey
call preyc --fmt tidy.prey
cmp -s out tidy.prey
ok $? 'what is formatted stays so'
call preyc --fmt --check loose.prey tidy.prey
says 'with --check it names the files that differ, for CI' 1 '^loose\.prey$' out
call preyc --fmt -w loose.prey tidy.prey
[ "$status" -eq 0 ] && [ ! -s out ] && [ ! -s err ] && cmp -s loose.prey tidy.prey
ok $? 'with -w it rewrites them'
printf 'set s = \n' >half.prey
cp half.prey half.keep
call preyc --fmt -w half.prey
[ "$status" -eq 1 ] && grep -q E0103 err && cmp -s half.prey half.keep
ok $? 'a file with syntax errors is reported and left alone'
call preyc --fmt --check "$top"/rules-examples/*.prey
[ "$status" -eq 0 ] && [ ! -s out ]
ok $? 'the examples are in that layout'

# ---- diagnostics for other programs ----

printf 'set office = 10.0.0.0/8\nset idle = 10.0.0.1\nfirewall f default accept { drop from "\303\251", offfice }\n' >wrong.prey
sed -i 's/"[^"]*", //' wrong.prey
call preyc --check --format=sarif wrong.prey
[ "$status" -eq 1 ] && python3 "$top/tests/accept/sarif.py" 2>err
ok $? '--format=sarif is SARIF 2.1.0, with places, explanations and the fix as an edit'
call preyc --check --format=json wrong.prey
[ "$status" -eq 1 ] && python3 -c 'import json
d = json.load(open("out"))
assert d["errors"] == 1 and d["warnings"] >= 1 and d["complete"] is True
assert d["diagnostics"][0]["file"] == "wrong.prey"' 2>err
ok $? '--format=json has every diagnostic, and counts them'
sed 's/offfice/office/' wrong.prey >warns.prey
call preyc --check warns.prey
says 'a warning lets the rules pass' 0 'W0201' err
call preyc --check --werror --format=sarif warns.prey
says '--werror does not, in any format' 1 '"ruleId":"W0201","ruleIndex":[0-9]+,"level":"error"' out

# ---- what an editor and a reader need ----

make -C "$top" --no-print-directory -n install PREFIX=/usr DESTDIR="$work/staged" >out 2>err
grep -q 'editors/vim' out
ok $? 'make install brings the Vim files'
for f in syntax ftdetect ftplugin indent; do
    [ -s "$top/editors/vim/$f/prey.vim" ]
    ok $? "there is a Vim file for $f"
done
[ -s "$top/docs/guide/reference/language/README.md" ]
ok $? 'the reference is there'

exit $failed
