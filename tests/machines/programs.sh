#!/bin/bash
# programs.sh OUT [COUNT]: the programs that the verifier of every kernel must take, with their rules, into the folder OUT, which
# is made anew, or so many of them, evenly spread; and the objects that preyrun gives the kernel besides. Runs outside of any
# machine, from the tree's top.
set -u
B=${B:-build}
out=$1
rm -rf "$out"
mkdir -p "$out"
"$B/tests/machines/programs" "$out" rules-examples/*.prey tests/golden/*/*.prey tests/packets/*.t tests/machines/conditions.txt \
    ./*.md rules-examples/coming-from/*.md
status=$?
# One of each `of / count` stays.
[ -z "${2:-}" ] || ls "$out"/*.pbc | awk -v count="$2" '
    { path[NR - 1] = $0 }
    END { for (i = 0; i < count && count < NR; i++) stays[int(i * NR / count)]; for (i = 0; i < NR && count < NR; i++) if (!(i in stays)) print path[i] }' |
    sed 's/\(.*\)\.pbc$/\1.pbc\n\1.prey/' | xargs -r rm
cp "$B"/runtime/*/*/*.bpf.o "$out" || status=1
exit $status
