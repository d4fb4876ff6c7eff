#!/usr/bin/env bash
# preyctl takeover of an instance that records: each process finishes its files, and the next begins its own in the same directory, with
# the state that was handed over. All of them are decided and sent once more as they were, in user space; the directory keeps its limit.
set -u
EXEC=user
. tests/e2e/live/takeover.sh
export RECORD=0

echoes one
rules all <<'END'
limits { flows 20_000 }
pool farm { source 10.2.0.77-10.2.0.78; server one 10.2.0.2 }
service echo on 10.1.0.100 tcp/9000, udp/9000 { mode passthrough; announce; -> farm }
nat home { masquerade from 10.1.0.0/24 out on "lan" }
firewall ways forward default drop {
  accept state established, related
  accept tcp to port 9000 state new as TCP
  accept udp to port 9000 as UDP
}
END
all_verdicts() { python3 -c 'import json; print(sum(v["packets"] for v in json.load(open("prey.out"))["verdicts"].values()))'; } # of what it prints at its end
json() { python3 -c 'import json, sys; j = json.load(open("again.out")); print(eval(sys.argv[1]))' "$1"; }
records() { [ -s "kept/$(printf 'prey-%06d.pcapng' "$1")" ]; } # the file of that number is begun

for how in '1 packet' '2 packet' '1 xdp'; do
    set -- $how
    say="$1 worker$([ $1 = 1 ] || echo s), $2"
    rm -rf enough talked kept
    prey prey -i wan -i lan --workers $1 --io $2 --format json --record kept --record-size 4GiB all.pbc
    first=$prey
    at client env SIZES=20 python3 "$takeover" talk 120 10.1.0.100 10.2.0.2 >talked 2>&1 &
    talker=$!
    pids="$pids $talker"
    until_true 300 'all connections are open' grep -q open talked
    for n in 1 2 3 4 5; do
        was=$(owner)
        ctl takeover
        same "$say: takeover $n" "$status $(grep -v notice: err) $(grep -c "^process [0-9]* has taken over from $was\$" out)" '0  1'
        until_true 300 "$say: it records, $n" records $((n + 1))
    done
    same "$say: the first one has ended well" "$(wait "$first"; echo $?)" 0
    touch enough
    wait "$talker"
    sed -n '/^#/p' talked
    same "$say: no byte is lost or another" "$(grep -v '^#' talked)" "open
True 0 lost 0 other 0 under way"
    prey=$(owner)
    truncate -s 0 prey.out
    ctl stop
    until_true 300 "$say: it ends" ends_itself "$prey"
    same "$say: nothing was lost" "$(grep -c 'missing in the recording' prey.err)" 0
    said= verdicts=0
    for n in 1 2 3 4 5 6; do # each is a run of its own
        rm -rf part
        mkdir -m 700 part
        ln "kept/prey-00000$n.pcapng" part/
        "$bin/preyrun" --replay part --format json >again.out 2>again.err
        said="$said $? $(json 'j["recording"]["packets_otherwise"], j["recording"]["verdicts_otherwise"], j["recording"]["passed_over"], j["recording"]["packets"] > 0')$(cat again.err)"
        verdicts=$((verdicts + $(json 'j["recording"]["verdicts"]')))
    done
    one=' 0 (0, 0, 0, True)'
    same "$say: all is decided and sent the same once more, from the first packet on" "$said" "$one$one$one$one$one$one"
    same "$say: and that is all that was judged" "$verdicts" "$(all_verdicts)"
    same "$say: there is no other file" "$(ls kept | wc -l)" 6
done

# ---- somebody else has the directory ----

prey prey -i wan -i lan all.pbc
mkdir -m 700 taken
background prey flock -F taken sleep 300
holder=$last
ctl takeover --record taken
same 'a directory that somebody else has: it takes over' "$status" 0
hears 'it says why nothing is recorded' 'record taken: Device or resource busy'
kill "$holder"
prey=$(owner)
begun() { at client ping -c 1 -W 1 10.2.0.2 >/dev/null; [ -s taken/prey-000001.pcapng ]; }
until_true 60 'it records' begun && ok 0 'and once the directory is free it records'
ctl stop
until_true 300 'it ends' ends_itself "$prey"
exit $failed
