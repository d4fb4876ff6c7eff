#!/bin/bash
# What is drawn at random (tests/diff/) once more, with the packets of a worker going through the kernel's stages: rules of the
# whole language, long lists, conversations, translation, bindings, fragments, tunnels, floods, and programs that take one another's
# place are judged as the models and the rule list say. LONG=1: many seeds. Skipped where the kernel takes no programs of ours.
set -u
what='what is drawn, through the kernel' tampered=
. tests/lib/in_kernel.sh
drawn() { asked "$1" "diff/$1" "${@:2}"; }

# Names, and how many of each a seed asks.
rows='code_and_list 10
nasty_sets 10 1000
remembered 3
flow_model 30
bindings 3
live_sets 15
nat 3
fragments 4
fragment_order 5
there_and_back 400
express_way 3 400
swaps 1 2000'
seeds=1
[ -z "${LONG:-}" ] || seeds=30
for seed in $(seq $seeds); do
    while read -r -a row; do drawn "${row[0]}" "$seed" "${row[@]:1}"; done <<<"$rows"
done
drawn remembered 7718 6 # the last own address of a family goes away
if [ -n "${LONG:-}" ]; then
    drawn attack
    drawn fragment_floods
else
    drawn attack 3000 # of 1,000 flows ten clients would speak for all
    drawn fragment_floods 20000
fi
exit $failed
