#!/bin/bash
# programs.sh OUT: the programs that the verifier of every kernel must take, with their rules, into the folder OUT, which is
# made anew; and the objects that preyrun gives the kernel besides. Runs outside of any machine, from the tree's top.
set -u
B=${B:-build}
out=$1
rm -rf "$out"
mkdir -p "$out"
"$B/tests/machines/programs" "$out" rules-examples/*.prey tests/golden/*/*.prey tests/packets/*.t tests/machines/conditions.txt \
    ./*.md rules-examples/coming-from/*.md
status=$?
cp "$B"/runtime/*/*.bpf.o "$out" || status=1
exit $status
