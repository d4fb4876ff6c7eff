#!/usr/bin/env bash
# Servers set by hand (preyctl set): weights, drains, up and down hold at once, outlive reloads while there is a server of
# that name, and `file` takes them back. A drain cuts nothing before its bound.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two
page() { # NAME SERVER... (of pool web; the file's weights)
    local name=$1
    shift
    {
        echo 'pool web { balance round_robin; on down reset'
        printf '  server %s\n' "$@"
        echo '}'
        echo 'service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }'
    } | rules "$name"
}
sets() { # SENTENCE ANSWER WORD...: preyctl set web/WORD...
    local sentence=$1 answer=$2
    shift 2
    ctl set "web/$@"
    same "$sentence" "$status $(cat out err)" "$answer"
}
serves() { # SENTENCE SHARES: of six connections
    same "$1" "$(for i in 1 2 3 4 5 6; do ask client 10.1.0.100; done | shares)" "$2"
}
reloads() { # NAME
    : >prey.err
    cp "$1.pbc" shop.pbc
    kill -HUP "$prey"
    awaits 'reloaded: shop.pbc'
}

page both 'one 10.2.0.2:80 weight 2' 'two 10.2.0.3:80'
page alone 'two 10.2.0.3:80'
cp both.pbc shop.pbc
prey prey -i wan -i lan --format json shop.pbc
serves 'the file says' ' 4 one 2 two '
sets 'a weight' '0 web/two: weight 4 by hand, 1 in the file' two weight 4
serves 'it holds at once' ' 2 one 4 two '
awaits 'user 0 has set web/two: weight 4 by hand, 1 in the file'
sets 'a weight of 0' '0 web/one: weight 0 by hand, 2 in the file' one weight 0
serves 'takes nothing new' ' 6 two '
reloads both
serves 'a reload keeps it' ' 6 two '
reloads alone
reloads both
serves 'of a server that was gone for a while nothing is kept' ' 2 one 4 two '
sets 'the file again' '0 web/two: weight 1, as in the file' two file
serves 'is the file again' ' 4 one 2 two '
ctl set web/two weight 1 --json
same 'a weight as JSON' "$status $(cat out)" '0 {"server":"web/two","by_hand":"weight","up":true,"weight":1,"weight_of_file":1}'
ctl set web/two file
sets 'down' '0 web/one: down by hand' one down
serves 'down serves nobody' ' 6 two '
sets 'up' '0 web/one: up by hand, whatever its checks report; weight 2, as in the file' one up
serves 'up serves again' ' 4 one 2 two '
ctl set web/one drain 1m --json
same 'as JSON' "$status $(cat out)" '0 {"server":"web/one","by_hand":"drain","up":true,"weight":0,"weight_of_file":2}'
serves 'what drains takes nothing new' ' 6 two '
ctl status
has 'status counts it beside those that are up' '^pool web .* 2 of 2 up, 1 draining$'

offered() { PATH=$bin:$PATH at prey bash "$top/tests/lib/complete.sh" "$1"; }
same 'TAB knows the servers' "$(offered 'preyctl --name wan set web/')" 'web/one web/two'
same 'and the instance' "$(offered 'preyctl --name ')" wan

# Wrong ones change nothing.
for wrong in 'web/none weight 1' 'web weight 1' 'web/one weight 1001' 'web/one weight x' 'web/one drain 5' 'web/one sideways' 'web/one up 5s' 'web/one'; do
    ctl set $wrong
    same "set $wrong: $(cat err)" "$status $(cat out)" '2 '
done
cat >asks.py <<'END'
import json, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
def ask(**question):
    # Documents, and the words of the end behind them.
    body, heard = json.dumps(question).encode(), []
    s.sendall(b"q" + struct.pack("<I", len(body)) + body)
    answers = s.makefile("rb")
    while True:
        kind, n = struct.unpack("<cI", answers.read(5))
        heard.append(answers.read(n).decode())
        if kind == b"e":
            return heard
def weight():
    return [x["weight"] for p in json.loads(ask(ask="seen")[0])["pools"] for x in p["servers"]][1]
print(ask(ask="set", server="web/one", to="drain", ns=1.5)[-1])
seen = [weight()]
for n in 7, 8, 4:
    ask(ask="set", server="web/two", to="weight", weight=n)
    seen.append(weight())
print(*seen)
ask(ask="set", server="web/two", to="file")
END
ip netns exec "$id-prey" python3 asks.py /run/prey/"$(stat -L -c %i "/run/netns/$id-prey")"/*.sock >asks.out
same 'a bound that is no number of nanoseconds is refused' "$(head -1 asks.out)" '2`ns`, the time of a drain, must be a whole number of nanoseconds up to 4e18'
same 'whoever asks right after setting sees it' "$(tail -1 asks.out)" '1 7 8 4'
serves 'and change nothing' ' 6 two '

# Transfers, while their server drains.
payload 64000000 one two
slowly() { # NAME RATE: from server one
    sets "$1: only server one" '0 web/two: weight 0 by hand, 1 in the file; no server of web takes new connections now' two weight 0
    sets "$1: which serves" '0 web/one: weight 2, as in the file' one file
    rm -f "$1.got"
    background client curl -s --limit-rate "$2" -o "$1.got" -w '%{time_total} %{size_download}\n' http://10.1.0.100/files/file >"$1.said"
    until_true 100 "$1: a transfer has begun" test -s "$1.got"
}
slowly whole 48M
sets 'a drain without a bound' '0 web/one: it drains; its flows continue until they end; no server of web takes new connections now' one drain
wait "$last"
cmp -s whole.got payload
ok $? 'lets a transfer end'
slowly cut 8M
sets 'a drain with a bound' '0 web/one: it drains, for at most 1.0 s; no server of web takes new connections now' one drain 1s
wait "$last"
same 'resets what is left' "$?" 56
awk '{ exit !($1 >= 1) }' cut.said
ok $? 'and nothing before its time'
awaits 'web/one has drained for its set time: its remaining flows are reset'
prey_ends
same 'it ends with 0' "$status" 0
