#!/usr/bin/env bash
# Trees and syntax errors as text: for each NAME.prey beside this script `preyc --dump=ast` must print NAME.ast, and of
# its diagnostics those of lang/ (E01xx) must be NAME.txt; no such file means that there must be none. NAME.hex is turned
# into NAME.prey first, for text that no editor should touch. UPDATE=1 rewrites both, for a human to read the difference.
set -u
B=$(realpath "${B:-build}")
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cp -r ./* "$work"
truncate -s 67108865 "$work/parts/large.prey" # one byte more than a rule file may have
failed=0
unhex='import sys; sys.stdout.buffer.write(bytes.fromhex("".join(x.split("#")[0] for x in open(sys.argv[1]))))'

# Of diagnostics as text: those with a code of lang/, with their notes, and the lines that count the rest.
syntax_only() {
    awk '/: (error|warning): .* \[[EW][0-9]+\]$/ { keep = /\[E01[0-9][0-9]\]$/ }
         /^gave up/ { keep = 1 }
         /^and [0-9]+ more/ { keep = 0 }
         keep'
}

# same NAME KIND: the fresh file against the kept one
same() {
    [ -n "${UPDATE:-}" ] && if [ -s "$work/new" ]; then cp "$work/new" "$1.$2"; else rm -f "$1.$2"; fi
    if diff -u "$([ -e "$1.$2" ] && echo "$1.$2" || echo /dev/null)" "$work/new" >"$work/difference"; then
        echo "ok - ast/$1.$2"
    else
        echo "not ok - ast/$1.$2"
        sed 's/^/# /' "$work/difference"
        failed=1
    fi
}

for case in *.prey *.hex; do
    name=${case%.*}
    [ "${case##*.}" = hex ] && python3 - "$case" >"$work/$name.prey" <<<"$unhex"
    (cd "$work" && NO_COLOR=1 timeout 60 "$B/preyc" --dump=ast "$name.prey" >tree 2>all)
    status=$?
    if [ $status -gt 1 ]; then
        echo "not ok - ast/$name: exit status $status"
        failed=1
    fi
    cp "$work/tree" "$work/new"
    same "$name" ast
    syntax_only <"$work/all" >"$work/new"
    same "$name" txt
done
exit $failed
