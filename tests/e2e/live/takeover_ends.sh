# What tests of takeovers share whose connections end in prey (takeover_proxy.py), sourced after takeover.sh.
clients=$top/tests/e2e/live/takeover_proxy.py

needs_plain

serves() { # what clients ask for, in `one`
    background one python3 "$clients" serve >served
    until_true 100 'the server listens' grep -q listens served
}
ends_rules() { # PROXY-SESSIONS WORDS LINES: services whose connections end here, with words of the first, and more lines
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=a.example -keyout key -out cert 2>said || cat said
    rules ends <<END
limits { flows 20_000; proxy_sessions $1 }
pool echo { server one 10.2.0.2:9000 }
pool web { server one 10.2.0.2:9001 }
service plain on 10.1.0.2 tcp/1000 { mode proxy; $2 -> echo }
service http on 10.1.0.2 tcp/1001 { mode proxy http; -> web }
service tls on 10.1.0.2 tcp/1002 { mode proxy tls cert "$work/cert" key "$work/key"; -> echo }
service https on 10.1.0.2 tcp/1003 { mode proxy http tls cert "$work/cert" key "$work/key"; -> web }
$3
END
}
sends_on() { # a client, prey that sends on, and a server of two addresses
    between one
    ip -n "$id-client" route add default via 10.1.0.2
    at prey sysctl -q -w net.ipv4.ip_forward=1
    address one eth0 10.2.0.3/24
    serves
}
others() { # how many sessions how many processes before it serve: `3 of 2`
    at prey "$bin/preyctl" status --json | python3 -c '
import json, sys
before = json.load(sys.stdin)["instance"].get("before", [])
print(sum(int(b["sessions"]) for b in before), "of", len(before))'
}
others_are() { [ "$(others)" = "$1" ]; }
befores() { # the processes that serve sessions and judge no more
    local p n=0
    for p in $(ip netns pids "$id-prey"); do [ "$(cat "/proc/$p/comm" 2>/dev/null)" != preyrun-before ] || is_over "$p" || n=$((n + 1)); done
    echo $n
}
befores_are() { [ "$(befores)" = "$1" ]; }
takes_over() { # SENTENCE OPTION...: $prey is the process then
    local was sentence=$1
    shift
    was=$(owner)
    kctl takeover "$@"
    same "$sentence" "$status $(grep -v notice: err) $(grep -c "^process $(owner) has taken over from $was\$" out)" '0  1'
    prey=$(owner)
}
holds() { # N HOST PORT: connections that stay open
    rm -f let-go ask held
    at client python3 "$clients" hold "$1" "$2" "$3" >held 2>&1 &
    holder=$!
    pids="$pids $holder"
    until_true 300 "$1 connections are open" grep -qs open held
}
answered() { # how many of those are answered now
    local lines
    lines=$(wc -l <held)
    printf x >>ask
    until_true 300 'they are asked' lines_are $((lines + 1))
    tail -n 1 held
}
lines_are() { [ "$(wc -l <held)" -ge "$1" ]; }
lets_go() { touch let-go; wait "$holder"; }
asks() { # PORT: one more connection, through the one that judges now
    touch say
    at client python3 "$clients" late 1 10.2.0.2 "$1" none | tail -n 1
}
stops() { ctl stop; until_true 300 'it ends' is_over "$prey"; }
# five_takeovers HOST: while a client talks to it, until the first process serves what began there, and nothing else. all_talked: the client
# ends, and has lost nothing. first_ends: so does the first process. $say begins their sentences.
five_takeovers() {
    at client python3 "$clients" talk 240 "$1" >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 600 'all connections are open' grep -q open talked
    for n in 1 2 3 4 5; do
        before=$(number proxy.sessions)
        takes_over "$say: takeover $n"
        [ "$(number proxy.sessions)" -ge "$((before - 60))" ]
        ok $? "$say: what was counted goes on, $n"
    done
    # 4 downloads and 4 that last began in the first process
    until_true 300 "$say: HTTP that was kept alive has come to the new one" others_are '8 of 1'
    until_true 300 "$say: processes without connections end" befores_are 1
    same "$say: status counts what goes on in the first process" "$(others) $(befores)" '8 of 1 1'
}
all_talked() {
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$say: no byte is lost or another, and nothing is refused" "$(grep -v '^#' talked)" "open
4 downloads, 4 lasting, 4 kept
0 failed, 0 under way"
}
first_ends() {
    until_true 300 "$say: the first process ends" befores_are 0
    until_true 300 "$say: and nobody counts it" others_are '0 of 0'
}
