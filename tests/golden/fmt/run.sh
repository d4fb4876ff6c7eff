#!/usr/bin/env bash
# `preyc --fmt` of each NAME.prey here, and of the files that hold the whole grammar in ../ast, must print what NAME.txt
# holds; formatted again it stays so; the examples that users start from are in that form. UPDATE=1 rewrites the .txt files.
set -u
top=$PWD
B=$(realpath "${B:-build}")
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
say() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then echo "ok - $name"; else
        echo "not ok - $name"
        sed 's/^/# /' "$work/said"
        failed=1
    fi
}
fmt() { timeout 60 "$B/preyc" --fmt "$@"; }

for case in *.prey ../ast/{declarations,firewall,services,settings,tests}.prey; do
    name=$(basename "$case" .prey)
    fmt "$case" >"$work/once" 2>"$work/err" || {
        echo "not ok - fmt/$name is refused"
        sed 's/^/# /' "$work/err"
        failed=1
        continue
    }
    [ -z "${UPDATE:-}" ] || cp "$work/once" "$name.txt"
    say "fmt/$name" diff -u "$name.txt" "$work/once"
    fmt - <"$work/once" >"$work/twice" 2>&1
    say "fmt/$name stays as it is" diff -u "$work/once" "$work/twice"
done
for file in "$top"/rules-examples/{,set-ups/}*.prey; do
    fmt "$file" >"$work/once"
    say "${file#"$top"/} is formatted" diff -u "$file" "$work/once"
done
exit $failed
