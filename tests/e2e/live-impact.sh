#!/usr/bin/env bash
# preyctl impact against what then happens: flows that would be cut off are, those on a server that goes drain or move, the
# others stay; and nothing changes by asking.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one two
address client eth0 10.1.0.8/24 10.1.0.9/24
found() { # SENTENCE EXPRESSION WANTED: of the answer as JSON, j; flows of a rule are F(rule), their beginnings B(rule)
    same "$1" "$(python3 -c "
import json
j = json.load(open('out'))
F = lambda rule: sum(v['flows'] for v in j['verdicts'] if v['rule'] == rule)
B = lambda rule: sum(v['anew'] for v in j['verdicts'] if v['rule'] == rule)
print($2)" 2>&1)" "$3"
}
offer() { # NAME RULE POOL
    rules "$1" <<RULES
interface outer = "wan"
interface inner = "lan"
pool shop {
  balance round_robin
  source 10.2.0.50
  drain 5m
  $3
}
service web on 10.1.0.100 tcp/9000, udp/53 { mode passthrough; announce; -> shop }
firewall edge in default accept {
  $2
}
RULES
}
both='server one 10.2.0.2
  server two 10.2.0.3'
offer now 'accept state established as OPEN' "$both"
offer alone 'drop tcp from 10.1.0.1 on inner as NEVER
  drop tcp from 10.1.0.9 on outer as NOT_OURS' 'server one 10.2.0.2 weight 3'
offer ports 'accept state established as OPEN' 'server one 10.2.0.2:9000 weight 3
  server two 10.2.0.3:9001'
offer later 'accept state established as OPEN
  drop tcp from 10.1.0.8 as NOT_OURS' "$both"

# Connections that are held, and say at each line how many of them are answered.
cat >held.py <<'PY'
import selectors, socket, sys, time
if sys.argv[1] == "serve":
    s, all = socket.create_server(("", 9000), backlog=200), selectors.DefaultSelector()
    all.register(s, selectors.EVENT_READ)
    while True:
        for k, _ in all.select():
            if k.fileobj is s:
                all.register(s.accept()[0], selectors.EVENT_READ)
                continue
            try:
                data = k.fileobj.recv(100)
                k.fileobj.sendall(data)
            except OSError:
                data = b""
            if not data:
                all.unregister(k.fileobj)
                k.fileobj.close()
count, source = int(sys.argv[2]), sys.argv[3]
held = [socket.create_connection(("10.1.0.100", 9000), 10, (source, 0)) for _ in range(count)]
def answered():
    for c in held:
        try:
            c.sendall(b"x")
        except OSError:
            pass
    until, n = time.monotonic() + 1.5, 0
    for c in held:
        c.settimeout(max(until - time.monotonic(), 0.01))
        try:
            n += len(c.recv(100)) > 0
        except OSError:
            pass
    return n
print(answered(), flush=True)
for _ in sys.stdin:
    print(answered(), flush=True)
PY
for s in one two; do background $s python3 held.py serve; udp $s 53; done
holds() { # NAME COUNT SOURCE: on descriptor $4
    mkfifo "say-$1"
    at client python3 held.py hold "$2" "$3" <"say-$1" >"heard-$1" 2>&1 &
    pids="$pids $!"
    eval "exec $4>say-$1"
    until_true 150 "$1: they are held" grep -q . "heard-$1"
}
answers() { # NAME DESCRIPTOR: how many, now
    local before
    before=$(wc -l <"heard-$1")
    echo >&"$2"
    one_more() { [ "$(wc -l <"heard-$1")" -gt "$before" ]; }
    until_true 150 "$1: they are counted" one_more "$1"
    tail -1 "heard-$1"
}

prey prey -i wan -i lan --monitor --workers 2 --format json now.pbc
holds ours 20 10.1.0.1 8
holds theirs 12 10.1.0.9 9
same 'all are answered' "$(cat heard-ours heard-theirs | tr '\n' ' ')" '20 12 '
for port in 5001 5002 5003 5004; do talk client 10.1.0.100 53 $port; done >talked
seen() { python3 -c "
import json
j = json.load(open('out'))
print(sum(s['flows'] for p in j['pools'] for s in p['servers'] if s['server'] == 'shop/$1' and not p['past']))"; }
ctl status --json
on_two=$(seen two)
udp_on_two=$(grep -c '^two' talked)

# The same program changes nothing.
ctl impact now.pbc
same 'the same one: all stay' "$status $(grep '^flows' out)" '0 flows     36 live: 36 stay on their servers'

# Another port is a difference, too; connections keep theirs.
ctl impact ports.pbc
same 'servers with other ports' "$(grep -E '^(pools|flows)' out | tr -s ' ')" 'pools shop one weight 1 -> 3 port of the service -> 9000 two port of the service -> 9001
flows 36 live: 36 stay on their servers'

# One that cuts some off and has a server less.
ctl impact alone.pbc
same 'it reads as a page' "$status $(grep -c . err)" '0 0'
grep -q '^rules     narrowed' out && grep -q '^pools     shop   one weight 1 -> 3   - two$' out &&
    grep -q '^          12 would now be dropped by NOT_OURS (alone.prey:12)$' out &&
    grep -qE '^load it:  preyctl load alone.pbc --confirm 5m       the old program comes back at [0-9:]{5} unless you run: preyctl confirm$' out
ok $? 'with what changes for packets, pools, flows, and how it is loaded' || sed 's/^/# /' out
cp out page.txt
ctl impact alone.pbc --json
found 'flows: all, judged, cut off, and none by a rule of the other interface' "j['flows']['live'], j['flows']['judged'], j['flows']['refused'], F('NOT_OURS'), F('NEVER')" '36 36 12 12 0'
found 'of the others those on the server that goes' "j['flows']['drain'] + j['flows']['move'] <= $on_two, j['flows']['move']" "True $udp_on_two"
drain=$(python3 -c "import json; print(json.load(open('out'))['flows']['drain'])")
found 'the compiler speaks, too' "j['diff']['widened'], len(j['diff']['regions']), j['capacity']['translated']" 'False 4 [129024, 64512]'
# What no firewall says, but goes dark without it; and no port is needed where nothing is translated.
sed 's/ announce;/ idle 1h;/; s/mode passthrough/mode dsr l2/; s/source 10.2.0.50//' now.prey >dark.prey
"$bin/preyc" dark.prey -o dark.pbc 2>err || sed 's/^/# /' err
ctl impact dark.pbc
same 'what a service says besides' "$(sed -n '/changed *service web/,/changed *pool/p' out | grep ' [-+] ' | tr -s ' ' | tr '\n' ';')" ' - mode passthrough; - announce; + mode dsr l2; + idle 1h;'
same 'no capacity where nothing is translated' "$(grep ^capacity out)" 'capacity  no service translates any more (there was room for 129,024 flows)'
# What `load` would refuse, and what it would not, without a file that is made by asking.
printf 'pool shop { server one 10.2.0.2 }\nservice web on 10.1.0.100 tcp/9000 { mode proxy; access log common "%s/there/a.log"; -> shop }\n' "$PWD" >logs.prey
mkdir there && "$bin/preyc" logs.prey -o logs.pbc 2>err || sed 's/^/# /' err
ctl impact logs.pbc
refused=$(sed -n 's/^refused *//p' out)
same 'an access log where none may lie' "$status $(case $refused in *there/a.log:*'an access log must be below /var/log'*) echo told;; esac)" '1 told'
ctl load logs.pbc
same 'load says the same' "$status $(case $(cat err) in *"$refused"*) echo alike;; esac)" '2 alike'
sed -i 's|/there/|/|' logs.prey && "$bin/preyc" logs.prey -o logs.pbc 2>err || sed 's/^/# /' err
ctl impact logs.pbc
same 'one beside the program' "$status $(grep -c '^refused' out) $(ls a.log 2>&1 | grep -c 'No such')" '0 0 1'
echo 'of others' >a.log
ctl impact logs.pbc
same 'one that holds lines of others' "$status $(sed -n 's/^refused.*a.log: //p' out | cut -d: -f1)" '1 the file has lines of another program'
rm a.log
same 'nothing has changed by asking' "$(answers ours 8) $(answers theirs 9)" '20 12'

# What then happens.
ctl load alone.pbc
same 'it is loaded' "$status" 0
same 'what was to be cut off is, and nothing else' "$(answers ours 8) $(answers theirs 9)" '20 0'
ctl flows --json
same 'as many drain as was said' "$(python3 -c "
import json
print(sum(f['protocol'] == 'tcp' and f.get('server') == 'shop/two' and '10.1.0.9' not in str(f['opener']) for f in map(json.loads, open('out'))))" 2>&1)" "$drain"
for port in 5001 5002 5003 5004; do talk client 10.1.0.100 53 $port; done >talked
same 'and what was to move has moved' "$(shares <talked)" ' 4 one '

# Back; and one by which flows go on, though no other could begin so.
ctl load now.pbc
exec 9>&-
holds others 12 10.1.0.8 9
ctl impact later.pbc --json
found 'none is cut off, twelve couldn'\''t begin' "j['flows']['refused'], F('NOT_OURS'), B('NOT_OURS')" '0 0 12'
ctl load later.pbc
same 'so it is' "$(answers ours 8) $(answers others 9)" '20 12'
at client curl -s -m 2 --interface 10.1.0.8 http://10.1.0.100:9000/
same 'and no other begins' $? 28

# What is no program, what would be refused, and a reload in between.
ctl impact /dev/null
same 'no program' "$status $(cat err)" '2 preyctl: /dev/null: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc'
ctl impact now.prey
same 'rules as text' "$status $(cat err)" '2 preyctl: now.prey is a rule file, not a compiled program; compile it first: preyc now.prey -o now.pbc'
exec 8>&- 9>&-
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
