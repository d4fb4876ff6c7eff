# Drawn conversations (drawn.py) through prey, for live scripts, sourced behind lib.sh: each whole at both ends, and what each end is told
# never contradicts what it has sent or was told before (segments.py, in captures at both ends' devices).
at=${FROM:-1} # number of the next conversation
# Where the ends' captures are made instead: NAME DEVICE. What is said at prey's own cables is in the order in which prey heard and said it.
at_client= at_server=
drawn() { at "$1" timeout "${DRAWN_SECONDS:-300}" python3 "$top/tests/e2e/live/drawn.py" "${@:2}"; }

# reloads FILE: it becomes again0.pbc and again1.pbc in turn, each 100 ms, until reloads_end.
reloads() {
    (
        n=0
        while sleep 0.1; do
            n=$((n + 1))
            cp again$((n % 2)).pbc next.pbc
            mv next.pbc "$1"
            kill -HUP "$prey"
        done
    ) 2>/dev/null &
    reloader=$!
    pids="$pids $reloader"
}
reloads_end() { { kill "$reloader" && wait "$reloader"; } 2>/dev/null; }

# drawn_serves NAME ADDRESS PORT: the server is ready there; $serves is its process.
drawn_serves() {
    : >serves
    background "$1" python3 "$top/tests/e2e/live/drawn.py" serve "$2" "$3" >serves
    serves=$last
    until_true 100 'the server listens' grep -q listens serves
}

# drawn_talks WHAT COUNT AT-ONCE SERVER-NAME ADDRESS PORT CLIENT-ADDRESS: conversations of `client` with drawn_serves, by eth0 of both;
# begins, ends: what is called before and after them, while captures are made (tcpdump counts what came by before it had its filter, so
# other traffic is not to begin earlier).
drawn_talks() {
    local it=$1 n=$2 once=$3 server=$4 address=$5 port=$6 client=$7 end other
    sniff client.pcap ${at_client:-client eth0} -s 120 tcp port "$port"
    sniff server.pcap ${at_server:-"$server" eth0} -s 120 tcp port "$port"
    ${begins:-:}
    same "$it: drawn conversations, all whole" "$(drawn client talk "$address" "$port" "$at" "$n" "$once")" "$n of $n"
    ${ends:-:}
    heard() { [ "$(grep -cE ' (whole|torn)$|^failed ' serves)" -ge "$n" ]; }
    until_true 300 'the server has heard all' heard
    grep '^failed ' serves | head -n 3 | sed 's/^/# the server: /'
    same "$it: and at the server" "$(grep -c ' whole$' serves)" "$n"
    at=$((at + n))
    sniffed
    for end in "client $client" "server $address"; do
        case $end in client*) other=server ;; *) other=client ;; esac
        python3 "$top/tests/e2e/live/segments.py" "${end% *}.pcap" "${end#* }" $other.pcap >segments
        sed 's/^/# /' segments
        same "$it: what the end at ${end#* } is told" "$(head -n 1 segments | grep -oE '[0-9]+ faults')" '0 faults'
    done
    kill "$serves"
}

# cuts_counted WHAT COUNT: each of so many conversations was cut into, or it was counted why not; $cuts: how many were.
cuts_counted() {
    ctl counters observed
    echo "# $1: $(awk '$1 ~ /cut_/ && $2 != 0 { printf "%s %s ", $1, $2 }' out)"
    same "$1: each was cut into, or it was counted why not" \
        "$(awk '$1 ~ /cut_(into|ends|unknown|late|sockets|busy|room)$/ { all += $2 } END { print all + 0 }' out)" "$2"
    cuts=$(awk '$1 ~ /cut_into$/ { n = $2 } END { print n + 0 }' out)
}
