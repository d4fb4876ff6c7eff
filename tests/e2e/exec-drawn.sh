#!/bin/bash
# What is drawn at random (tests/diff/) once more, with the packets of a worker going through the kernel's stages: rules of the
# whole language, long lists, conversations, translation, bindings, fragments, tunnels, floods, and programs that take one another's
# place are judged as the models and the rule list say. LONG=1: many seeds. Skipped where the kernel takes no programs of ours.
set -u
B=${B:-build}
log=$B/scratch/exec-drawn
mkdir -p "${log%/*}"
export IN_KERNEL=1

if [ "$(id -u)" -ne 0 ]; then
    echo "ok - what is drawn, through the kernel # SKIP that takes root"
    exit 0
fi
asked() { # PROGRAM ARGUMENT...: its lines; the first that the kernel refuses ends all
    if "$B/tests/diff/$1" "${@:2}" >"$log" 2>&1; then
        sed -n "s/^ok [0-9 ]*- /ok - $1: /p" "$log"
        return
    fi
    why=$(grep -m1 -E 'may not be loaded|built without|too old' "$log")
    if [ -n "$why" ]; then
        echo "ok - what is drawn, through the kernel # SKIP ${why#\# }"
        exit 0
    fi
    cat "$log"
    echo "not ok - $*"
    failed=1
}

# Names, and how many of each a seed asks.
rows='code_and_list 10
nasty_sets 20 1000
remembered 6
flow_model 30
bindings 6
nat 6
fragments 8
fragment_order 10
there_and_back 800
short_way 6 400
swaps 2 2000'
seeds=1
[ -z "${LONG:-}" ] || seeds=30
for seed in $(seq $seeds); do
    while read -r -a row; do asked "${row[0]}" "$seed" "${row[@]:1}"; done <<<"$rows"
done
asked remembered 7718 6 # the last own address of a family goes away
if [ -n "${LONG:-}" ]; then
    asked attack
    asked fragment_floods
else
    asked attack 1000
    asked fragment_floods 20000
fi
exit ${failed:-0}
