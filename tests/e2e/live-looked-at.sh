#!/usr/bin/env bash
# Looking at what runs (preyctl flows, explain, trace, capture): what is there is shown, whatever comes as a filter, to many
# at once, and traffic goes on.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
rules shop <<'RULES'
interface outer = "wan"
pool web { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 backup }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
firewall edge on outer in default accept {
  drop tcp to port 81 as CLOSED
  accept tcp to 10.1.0.100 port 80 as WEB
}
RULES
refused() { # SENTENCE LINE: with status 2
    same "$1" "$status $(cat err)" "2 preyctl: $2"
}
words() { tr -s ' ' <out; }
listed() { # SENTENCE FILTER... -- WANTED: protocols, states, services, and the last line
    local sentence=$1 filter=
    shift
    while [ "$1" != -- ]; do filter="$filter $1"; shift; done
    ctl flows $filter
    same "$sentence" "$(words | awk '/^(tcp|icmp|udp) /{ printf "%s %s %s, ", $1, $4, $5 } END { print }')" "$2"
}
prey prey -i wan -i lan --monitor --workers 2 --format json shop.pbc
listed 'no flows' -- '0 flows'
background client bash -c 'exec 3<>/dev/tcp/10.1.0.100/80; echo >held; sleep 600'
until_true 100 'a connection is held' test -s held
at client ping -c1 -W 20 10.1.0.2 >/dev/null

# Flows.
until_true 100 'all flows are there' sh -c "ip netns exec $id-prey $bin/preyctl flows | grep -q '^2 flows'"
listed 'by protocol and port' tcp to port 80 -- 'tcp established shop, 1 of 2 flows'
# What this machine sends itself the kernel sees, too.
[ "${EXEC-}" = kernel ] && ways=two-way || ways=one-way
listed 'by address' from 10.1.0.1 icmp -- "icmp $ways -, 1 of 2 flows"
listed 'what no flow is' from 10.9.0.0/16 -- '0 of 2 flows'
ctl flows --limit 1
same 'so many at most' "$(tail -1 out)" '1 flow: there may be more'
ctl flows tcp --json
same 'as JSON' "$(python3 -c "
import json
f = json.load(open('out'))
print(f['service'], f['server'], f['state'], f['other']['port'], f['idle_ms'] <= f['age_ms'] < 60000)")" 'shop web/one established 80 True'

# Filters that are none.
ctl flows tcp prot 80
same 'a word that is no condition is shown' "$status $(grep -c 'did you mean `port`' err)" '2 1'
ctl flows state established
refused 'state is not asked' 'a filter takes only conditions on packets: no `state` or `flows over`'
ctl flows tcp flags has syn
refused 'flows have no flags' '`flags` can'\''t be asked of flows, which have only protocols, addresses, ports and VLANs'
ctl flows 'tcp } firewall more default drop {'
refused 'nor is it more than one rule' '`tcp } firewall more default drop {` isn'\''t a filter: write conditions, as in a rule'
ctl trace tcp --count 0
refused 'nothing is no number of packets' '--count: `0` isn'\''t a number of at least 1'

# What would become of a packet.
ctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.100:80 syn on outer'
same 'a new flow' "$(sed 1d out)" '  state new: there is no flow
  CLOSED  no   destination port is 80, not 81 (shop.prey:5)
  WEB     yes  accept (shop.prey:6)
  service shop, else -> web (shop.prey:3)
  web  round_robin: in turn -> one (weight 1 of 1, up)
  passthrough to 10.2.0.2:80
verdict: forward  rule WEB  service shop  server web/one
leaves   lan'
ctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.100:80 syn on outer' --json
same 'and asking has changed nothing' "$(python3 -c "
import json
e = json.load(open('out'))
print(e['verdict'], e['rule'], e['server'], e['leaves']['interface'])")" 'forward WEB web/one lan'
ctl flows tcp --json
port=$(python3 -c "import json; print(json.load(open('out'))['opener']['port'])")
ctl explain "tcp 10.1.0.1:$port -> 10.1.0.100:80 ack on wan" --json
same 'its flow, by the clock on the wall' "$(python3 -c "
import json
e = json.load(open('out'))
print(e['flow']['began'][:16] >= '2026' and e['flow']['began'] == e['now']['since'])")" True
ctl explain "tcp 10.1.0.1:$port -> 10.1.0.100:80 ack on wan"
same 'a flow goes on' "$(sed -n 's/since [0-9:.]*/since TIME/; /^now/,$p' out | sed 's/source 10.2.0.1:[0-9]*/source OURS/')" \
    'now      web/one, by its flow since TIME | a new flow would go to web/one: in turn -> one (weight 1 of 1, up)
leaves   lan, source OURS'
ctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.2:81 syn on wan'
same 'what a rule drops' "$(tail -1 out)" 'verdict: drop  rule CLOSED'
ctl explain 'tcp 10.1.0.1:50000 -> self:22 syn on wan'
same 'this machine is known' "$(sed -n 's/.*  tcp/tcp/p; $p' out)" 'tcp 10.1.0.1:50000 > 10.1.0.2:22 SYN  54 bytes
verdict: accept  rule default'
ctl explain 'tcp 10.1.0.1:50000 -> 10.1.0.2:81 syn on nix'
refused 'an interface that is none' '`nix` is neither an interface that this preyrun serves nor another interface of this machine'
ctl explain 'tcp 10.1.0.1:50000 -> 10.2.0.2:81 syn on wan out on lan'
same 'where it leaves is not said, but asked of routes' "$status $(grep -c 'leave out .out on lan.' err)" '2 1'
ctl explain 'tcp 10.1.0.1 -> 10.1.0.2:81'
same 'a packet that is none' "$status $(grep -c "needs the source's port" err)" '2 1'

# Packets as they come.
looks() { # NAME COMMAND...: one that looks on, in NAME.out, by the time it does
    local name=$1
    shift
    background prey "$bin/preyctl" "$@" >"$name.out" 2>"$name.err"
    until_true 100 "$name looks on" grep -q "^$workers the packets" "$name.err"
}
[ "${EXEC-}" = kernel ] && workers='1 worker shows' || workers='2 workers show' # more than one are user space's
looks trace trace tcp source port 5081, 5080 to port 80, 81 --count 4
tracer=$last
looks capture capture tcp source port 5081, 5080 to port 80, 81 -w seen.pcap --count 4 --snap 60
capturer=$last
at client python3 -c "
import socket
s = socket.socket()
s.bind(('', 5081))
s.setblocking(False)
s.connect_ex(('10.1.0.2', 81))" # one SYN, and no second
at client curl -s -m 60 --local-port 5080 http://10.1.0.100 >/dev/null
wait "$tracer"
same 'each with its verdict' "$? $(awk '{ print $3, $4, $5, $11 }' trace.out | head -2 | tr '\n' ',') $(tail -1 trace.err)" \
    '0 drop CLOSED - SYN,forward WEB web/one SYN, 4 packets'
wait "$capturer"
same 'as many in a file' "$? $(tail -1 capture.err) $(frames_of seen.pcap)" '0 4 packets 4'
looks order trace tcp to port 80 --json
for i in $(seq 20); do ask client 10.1.0.100 >/dev/null; done
twenty_end() { [ "$(grep -o '10.1.0.1:[0-9]* .* FIN' order.out | sort -u | wc -l)" = 20 ]; }
until_true 100 'twenty connections end' twenty_end
kill "$last"
wait "$last" 2>/dev/null
# Of a connection its first packet is this process's, others are the kernel's where that judges.
same 'and a connection in its order, by the clock, too' "$(python3 - <<'END'
import json
began = {}
for line in open("order.out"):
    seen = json.loads(line)
    source, kind = seen["packet"].split()[1], seen["packet"].split()[4]
    if kind != "ACK": # alone, it need not wait for what comes before
        began.setdefault(source, {}).setdefault(kind, seen["time"])
print(set((*c, list(c.values()) == sorted(c.values())) for c in began.values()))
END
)" "{('SYN', 'PSH', 'FIN', True)}"
ctl trace udp port 9 --for 10ms
same 'for so long' "$status $(tail -1 err)" '0 0 packets'
same 'with what became of them' "$(grep -ac 'drop  rule CLOSED  server -  reason -' seen.pcap)" 1

# By what became of them, too: --only, as of a replay.
syns() { # PORT...: a SYN to each, and no second
    at client python3 -c "
import socket, sys
for port in sys.argv[1:]:
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('10.1.0.2', int(port)))" "$@"
}
ends_by_signal() { # PID
    kill "$1"
    wait "$1"
}
verdicts_in() { awk '!/more came/ { print $3, $4 }' "$1" | tr '\n' ','; } # FILE: verdicts and rules of a trace
ctl trace --only 'drop, rule SSH, server web/ten'
refused 'names that are none' '--only: no rule is called `SSH`, no server is called `web/ten`'
ctl capture -w refused.pcap --only 'not dropped'
refused 'a word that is none' '--only: `dropped` is none of accept, drop, reject, forward, pass, held, rule NAME, service NAME, server POOL/SERVER, reason NAME, otherwise, not'
ctl trace --only 'drop, otherwise'
refused 'nothing was recorded' '--only otherwise is only possible for recordings, which get a second verdict: use preyrun --replay DIR'
ctl trace --only
refused 'no words' '--only takes words: '"'drop, rule SSH'"
looks all trace tcp to port 81, 82 --count 5
all=$last
looks counted trace tcp to port 81, 82 --only 'rule CLOSED' --count 2
counted=$last
looks chosen trace tcp to port 81, 82 --only 'drop rule CLOSED, service shop'
chosen=$last
looks json trace tcp to port 81, 82 --only 'not accept' --json
json=$last
looks kept capture tcp to port 81, 82 --only drop -w only.pcap --json
kept=$last
syns 82 81 82 81 82
wait "$all" "$counted"
same 'as many are shown' "$? $(verdicts_in counted.out)" '0 drop CLOSED,drop CLOSED,'
ends_by_signal "$chosen"
same 'those that it takes, and how many it left out' "$? $(verdicts_in chosen.out) $(tail -1 chosen.err)" '0 drop CLOSED,drop CLOSED, 2 packets; --only left out 3'
ends_by_signal "$json"
same 'as JSON' "$? $(python3 -c "
import json
seen = [json.loads(line) for line in open('json.out')]
print([s['rule'] for s in seen[:-1]], seen[-1])")" "0 ['CLOSED', 'CLOSED'] {'shown': 2, 'left_out': 3}"
ends_by_signal "$kept"
same 'and in a file' "$? $(frames_of only.pcap) $(cat kept.out) $(tail -1 kept.err)" '0 2 {"shown":2,"left_out":3} 2 packets; --only left out 3'
# One that is looked for among many more than a trace shows.
looks rare trace --only drop --count 1
rare=$last
burst() {
    at client python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3000):
    s.sendto(bytes(20), ('10.1.0.2', 9))"
    syns 81
    is_over "$rare"
}
until_true 20 'the rare one comes' burst
wait "$rare"
same 'packets that are left out take no place' "$? $(verdicts_in rare.out) $(grep -oE 'left out [0-9,]+' rare.err | tr -d , | awk '{ print ($3 > 1500) }')" '0 drop CLOSED, 1'
# Names are those of the program that judges: the rule is another number now, and WEB is gone.
rules moved <<'RULES'
interface outer = "wan"
pool web { balance round_robin; server one 10.2.0.2:80; server two 10.2.0.3:80 backup }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
firewall edge on outer in default accept {
  accept tcp to port 82 as FIRST
  drop tcp to port 81 as CLOSED
}
RULES
looks all trace tcp to port 81, 82 --count 4
all=$last
looks named trace tcp to port 81, 82 --only 'rule CLOSED, rule WEB'
named=$last
syns 82 81
until_true 100 'one comes before' grep -q CLOSED named.out
ctl load moved.pbc
until_true 100 'a name that is gone is told' grep -q '^--only: no rule is called `WEB` in the program that has taken over' named.err
syns 82 81
wait "$all"
ends_by_signal "$named"
same 'and after a reload the rule of that name' "$status $? $(verdicts_in named.out) $(tail -1 named.err)" '0 0 drop CLOSED,drop CLOSED, 2 packets; --only left out 2'

# What comes as a filter may be anything; sixteen may look on, whether they read or not.
printf 'firewall a default drop { accept tcp port 9 as NINE }' | rules nine
cat >rude.py <<'END'
import array, fcntl, json, os, socket, struct, sys, time
path, service, filter = sys.argv[1], *(open(p, "rb").read() for p in sys.argv[2:])
def memory(data, seal=True):
    fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    if seal:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd
def ask(fd=None, **question):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(path)
    body = json.dumps(question).encode()
    with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    s.sendmsg([b"q" + struct.pack("<I", len(body)) + body], with_it)
    return s
def heard(s, kinds=b"e"):
    def bytes_of(n):
        data = b""
        while len(data) < n:
            data += s.recv(n - len(data)) or sys.exit("it hung up")
        return data
    while True:
        kind, n = struct.unpack("<cI", bytes_of(5))
        said = bytes_of(n).decode(errors="replace")
        if kind in kinds:
            return said
def said(name, *a, **b):
    print(name + ":", heard(ask(*a, **b)))
said("garbage", memory(b"garbage" * 100), ask="flows")
said("half a program", memory(filter[:len(filter) // 2]), ask="trace")
said("one byte is another", memory(filter[:200] + bytes([filter[200] ^ 1]) + filter[201:]), ask="capture")
said("nothing", memory(b""), ask="flows")
said("it may change", memory(filter, False), ask="trace")
said("a pipe", os.pipe()[0], ask="trace")
said("a device", os.open("/dev/zero", os.O_RDONLY), ask="trace")
said("too large", memory(b"x" * (2 << 20)), ask="flows")
said("the rules themselves", memory(service), ask="trace")
said("no number", memory(filter), ask="trace", count=-1)
said("no words", memory(filter), ask="trace", only=1)
said("no frame", ask="explain", frame="0g")
all = [ask(ask="trace" if i % 2 else "capture") for i in range(16)]
for one in all:
    heard(one, b"te")
said("the seventeenth", ask="trace")
print("sixteen look on", flush=True)
sys.stdin.readline()
all.pop().close() # the rest reads nothing
for i in range(100):
    if heard(ask(ask="trace", count=1, ns=1)) == "00 packets":
        print("a place is free again")
        break
    time.sleep(0.1)
END
mkfifo go
exec 9<>go
background prey python3 rude.py /run/prey/"$(stat -L -c %i "/run/netns/$id-prey")"/wan.sock shop.pbc nine.pbc <go >rude.out 2>&1
rude=$last
until_true 100 'sixteen look on' grep -q 'sixteen look on' rude.out
at client python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(20000):
    s.sendto(bytes(200), ('10.1.0.2', 9))"
same 'traffic goes on beside them' "$(ask client 10.1.0.100)" one
echo >&9
wait "$rude"
same 'each is told what is wrong' "$(sed 's/truncated: .*/truncated/' rude.out)" 'garbage: 2the filter: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc
half a program: 2the filter: truncated
one byte is another: 2the filter: damaged: digest doesn'\''t match
nothing: 2the filter: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc
it may change: 2the filter: the program sent with the question isn'\''t in a sealed memory file, which preyctl uses
a pipe: 2the filter: the program sent with the question isn'\''t in a sealed memory file, which preyctl uses
a device: 2the filter: the program sent with the question isn'\''t in a sealed memory file, which preyctl uses
too large: 2the filter: larger than 1048576 bytes
the rules themselves: 2a filter takes only conditions on packets: no services, translation, pools or checks
no number: 2`count`, `ns` and `snap` must be numbers of at least 1, and `snap` of at most 262144
no words: 2`only` must be a string, such as "drop, rule SSH"
no frame: 2`frame` must be a packet of up to 9216 bytes, each as two digits 0-9a-f
the seventeenth: 216 other commands such as trace are running, which is the limit: run the command again when one has ended
sixteen look on
a place is free again'
exec 9>&-
rm go
prey_sums 'looked at'

# What nobody could look at is counted: preyrun stands still while packets come. What comes later is shown behind them.
printf 'interface outer = "wan"\nfirewall edge on outer in default accept { drop udp to port 7 as SEVEN }' | rules seven
workers='1 worker shows'
prey prey -i wan -i lan --monitor --format json seven.pbc
looks many capture udp to port 7, 8 -w many.pcap --count 5100
many=$last
halted="$prey $(cat "/proc/$prey/task/$prey/children")"
kill -STOP $halted
at client python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(5000):
    s.sendto(bytes(20), ('10.1.0.2', 7))"
kill -CONT $halted
more_come() {
    at client python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(200):
    s.sendto(bytes(20), ('10.1.0.2', 8))"
    is_over "$many"
}
until_true 100 'so many are shown' more_come
missed=$(tail -1 many.err | tr -d , | grep -oE '[0-9]+ (more|of all)' | awk '{ n += $1 } END { print n + 0 }')
truncate -s 0 prey.out
prey_ends
shown=$(tcpdump -n -r many.pcap udp port 7 2>/dev/null | wc -l) judged=$(by_rule SEVEN)
echo "# judged $judged, shown $shown, missed $missed"
[ "$judged" -gt 0 ] && [ $((shown + missed)) -ge "$judged" ] && { [ "${EXEC:-}" != kernel ] || [ "$missed" -gt 0 ]; }
ok $? 'what was judged is shown, or counted'
exit $failed
