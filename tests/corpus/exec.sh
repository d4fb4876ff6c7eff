#!/bin/bash
# The corpus through the executor in the kernel: every frame of every capture in every mode, beside the worker here; a service
# for all of it; datagrams in fragments; ClassBench's headers. LONG=1: also every capture replayed by each example, by both: the same
# verdicts, bytes, flows and counters. Skipped where the kernel takes no programs of ours, and where there is no corpus.
set -u
. tests/lib/scratch.sh
corpus=${PREY_CORPUS:-$top/../shared/corpus}
skip() {
    echo "ok - the corpus through the kernel # SKIP $1"
    exit 0
}
[ -e "$corpus/INDEX.tsv" ] || skip 'there is no corpus'
[ "$(id -u)" -eq 0 ] || skip 'that takes root'

# asked PROGRAM ARGUMENT...: as it says.
asked() {
    IN_KERNEL=1 PREY_CORPUS=$corpus "$bin/tests/corpus/$1" "${@:2}" >said 2>&1 || bad=1
    why=$(grep -m1 -E 'may not be loaded|may not load eBPF programs|built without|too old' said)
    [ -z "$why" ] || skip "${why#\# }"
    sed "s/^ok - /ok - $1: /" said
}
bad=0
asked express_way
asked fragments
[ -n "${LONG:-}" ] || exit $bad
asked classbench_sets
asked modes

# replayed CAPTURE EXECUTOR OPTION...: what it says and writes, without times.
replayed() {
    "$bin/preyrun" --pcap "$1" --exec "$2" "${@:3}" --flows --json --seed 7 --verdicts "$2.verdicts" --write "$2.pcap" rules.pbc \
        >"$2.json" 2>"$2.err"
    echo $? >"$2.status"
    sed -i 's/"elapsed_ns":[^,}]*//; s/"\(remembered\|per_packet_ns\|packets_per_second\)":[^,}]*//' "$2.json"
}
for rules in laptop block-list router balancer balancer-passthrough every-condition; do
    file=$top/rules-examples/$rules.prey
    "$bin/preyc" "$file" -o rules.pbc 2>/dev/null
    options=$(sed -n 's/^# *preyrun --pcap [^ ]* \(.*\) [^ ]*\.pbc$/\1/p' "$file")
    differ=''
    for capture in "$corpus"/pcap/*; do
        for exec in user kernel; do
            # shellcheck disable=SC2086 — several options
            replayed "$capture" $exec $options
        done
        for what in verdicts pcap json err status; do
            cmp -s "user.$what" "kernel.$what" || differ="$differ ${capture##*/}: $what"
        done
    done
    [ -z "$differ" ] || bad=1
    same "$rules: every capture, by both" "$differ" ''
done
exit $bad
