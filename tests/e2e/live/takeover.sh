# What tests of takeovers and crashes share, sourced after live_begin.
takeover=$top/tests/e2e/live/takeover.py

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
