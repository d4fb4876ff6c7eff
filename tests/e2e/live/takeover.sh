# What tests of takeovers and crashes share, sourced from the tree's top in place of lib.sh, with EXEC set, or after names.sh.
if [ -z "${work-}" ]; then
    . tests/e2e/live/lib.sh
    . tests/lib/scratch.sh
    live_begin
fi
takeover=$top/tests/e2e/live/takeover.py

# needs_pins: where the kernel judges, programs can be pinned; one sentence where not. needs_plain: and preyrun has no sanitizers, with which
# user space has run the same.
needs_pins() {
    [ "$EXEC" = user ] || [ -n "${files_of_bpf-}" ] || { echo 'ok - in the kernel # SKIP no file system to pin programs in'; exit 0; }
}
needs_plain() {
    needs_pins
    [ "$EXEC" = user ] || ! grep -q __asan_init "$bin/preyrun" || { echo 'ok - in the kernel # SKIP with sanitizers it runs in user space'; exit 0; }
}

# farm_rules NAME [AFFINITY [LINE]]: a service of two servers, and a nat to the first, for `echoes one two`; AFFINITY is a clause of the service, LINE
# one of the firewall.
farm_rules() {
    rules "$1" <<END
limits { flows 20_000 }
check up = tcp every 1s
pool farm { source 10.2.0.77-10.2.0.78; check up; server one 10.2.0.2; server two 10.2.0.3 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; ${2-} -> farm }
nat home { masquerade from 10.1.0.0/24 to 10.2.0.2 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  ${3-}
  accept tcp to port 9000 state new as TCP
  accept udp to port 9000 as UDP
}
END
}

# echoes NAME...: a client, prey that sends on, and servers of these names, each of which gives back what comes to port 9000.
echoes() {
    local s
    between "$@"
    ip -n "$id-client" route add default via 10.1.0.2
    at prey sysctl -q -w net.ipv4.ip_forward=1
    for s in "$@"; do echoing "$s"; done
}
echoing() { # NAME
    : >"served-$1"
    background "$1" python3 "$takeover" echo >"served-$1"
    until_true 100 "$1 listens" grep -q listens "served-$1"
}

talks() { # HOST...: a client asks these, over connections that last, until talked
    rm -f enough talked
    at client python3 "$takeover" talk 600 "$@" >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
}
talked() { # SENTENCE: it ends, and has lost nothing
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$1: no byte is lost or another" "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"
}

number() { at prey "$bin/preyctl" counters "$1" | awk -v name="$1" '$1 == name { gsub(",", ""); print $2 }'; }
# the process that answers, by the state file
owner() { at prey sh -c 'sed -n "s/^pid\t//p" "/run/prey/$(stat -L -c %i /proc/self/ns/net)/wan.state"'; }
ends_itself() { ! kill -0 "$1" 2>/dev/null || is_over "$1"; }
# preyctl with pinned programs in sight, for the preyrun that it starts
ours() { echo "$bin"; }
kctl() {
    timeout 60 nsenter "--net=/run/netns/$id-prey" "$(ours)/preyctl" "$@" >out 2>err </dev/null
    status=$?
}
# Two installations, each of which finds the other one's maps in the kernel laid out otherwise, take turns.
two_layouts() {
    mkdir this that
    cp "$bin/preyctl" "$bin/preyrun" this/
    cp "$bin/preyctl" that/ && cp "$tools/preyrun_other" that/preyrun
    ours() { case $(readlink "/proc/$(owner)/exe") in */that/*) echo "$PWD/this" ;; *) echo "$PWD/that" ;; esac; }
}

shut_stays() { at prey nft list tables | grep -q 'inet prey' && echo shut; }
judges() { # the processes of preyrun there
    local p n=0
    for p in $(ip netns pids "$id-prey"); do [ "$(cat "/proc/$p/comm")" != preyrun ] || is_over "$p" || n=$((n + 1)); done
    echo $n
}
judges_again() { [ "$(owner)" != "$1" ] && ctl status && [ "$status" = 0 ]; }
