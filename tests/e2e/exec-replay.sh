#!/bin/bash
# A replay through the executor in the kernel (--exec kernel) says what one in this process says: verdicts, what leaves,
# summary, flows, for the example rule files and their captures. Skipped where the kernel takes no programs of ours.
set -u
B=${B:-build}
work=$B/scratch/exec-replay
rm -rf "$work"
mkdir -p "$work"
failed=0

check() { # SENTENCE COMMAND...: the command succeeds
    local what=$1
    shift
    if "$@"; then echo "ok - $what"; else echo "not ok - $what"; failed=1; fi
}
replay() { # EXECUTOR NAME OPTION...: verdicts, what leaves, and the summary as JSON, without times
    "$B/preyrun" --pcap "$work/$2.pcap" --exec "$1" "${@:3}" --flows --json --seed 7 --verdicts "$work/$2.$1.verdicts" \
        --write "$work/$2.$1.pcap" "$work/$2.pbc" >"$work/$2.$1.json" 2>"$work/$2.$1.err" || { sed 's/^/# /' "$work/$2.$1.err"; return 1; }
    sed -i 's/"elapsed_ns":[^,}]*//; s/"\(remembered\|per_packet_ns\|packets_per_second\)":[^,}]*//' "$work/$2.$1.json"
}
same() { # NAME ENDING
    cmp -s "$work/$1.user.$2" "$work/$1.kernel.$2" || { diff "$work/$1.user.$2" "$work/$1.kernel.$2" | head -8 | sed 's/^/# /'; return 1; }
}

# Whether this kernel takes our programs at all.
echo 'firewall f default accept { drop udp port 7 as ECHO }' >"$work/first.prey"
"$B/preyc" "$work/first.prey" -o "$work/first.pbc" 2>"$work/said" || { sed 's/^/# /' "$work/said"; exit 1; }
echo 'eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 7' >"$work/first.notes"
"$B/tests/tools/mkcap" "$work/first.notes" "$work/first.pcap" || exit 1
replay user first || exit 1
if ! replay kernel first >"$work/said"; then
    if [ "$(id -u)" -ne 0 ] || grep -qE 'may not be loaded|may not load eBPF programs|built without|too old' "$work/said"; then
        echo "ok - a replay through the kernel # SKIP $(sed 's/^# //; q' "$work/said")"
        exit 0
    fi
    cat "$work/said"
    echo "not ok - a replay through the kernel"
    exit 1
fi
check "one rule: same verdicts" same first verdicts
check "one rule: same summary" same first json

names="laptop block-list router balancer every-condition"
[ -z "${LONG:-}" ] || names=$(cd rules-examples && ls ./*.prey | sed 's|./||; s/\.prey//')
for name in ${ONLY:-$names}; do
    "$B/preyc" "rules-examples/$name.prey" -o "$work/$name.pbc" >"$work/said" 2>&1 || { echo "not ok - $name compiles"; failed=1; continue; }
    "$B/tests/tools/mkcap" "tests/examples/$name.notes" "$work/$name.pcap"
    options=$(sed -n 's/^# *preyrun --pcap [^ ]* \(.*\) [^ ]*\.pbc$/\1/p' "rules-examples/$name.prey")
    # shellcheck disable=SC2086 — several options
    check "$name: a replay in this process" replay user "$name" $options
    # shellcheck disable=SC2086
    for hook in xdp tc; do
        if ! replay kernel "$name" --hook $hook $options >"$work/said"; then
            check "$name: refused in a line: $(sed 's/^# preyrun: //; q' "$work/said")" grep -q 'in this version: --exec user$' "$work/said"
            break
        fi
        check "$name, $hook: same verdicts" same "$name" verdicts
        check "$name, $hook: same frames leave" same "$name" pcap
        check "$name, $hook: same summary and flows" same "$name" json
    done
done
exit $failed
