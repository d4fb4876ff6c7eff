#!/bin/sh
# README.md and MANUAL.md are true: their rule files are what they claim, and each `$ command` prints what stands below it.
#
# Blocks whose first line is `# NAME.prey` (or .txt) become files; the commands of each `console` block run among them,
# and the document as it would then read must equal the document. Only the line with the time that a replay took is left
# out. Below `$ make demo` stands a part of what the demo prints, found by its first and its last line. UPDATE=1 writes
# what was printed into the documents: read the difference.
set -u
B=${B:-build}
top=$(pwd)
case $B in /*) build=$B ;; *) build=$top/$B ;; esac
mkdir -p "$build/demo"
for capture in traffic:web-server morning:laptop shop:shop; do
    "$build/tests/tools/mkcap" "tests/examples/${capture#*:}.notes" "$build/demo/${capture%:*}.pcap" || exit 1
done
failed=0

# The part of the demo that the document shows: from the first line below `$ make demo` to the last.
demo_part() { # DOCUMENT
    sed -n '/^\$ make demo$/,/^```/p' "$1" | sed '1d;$d' >"$work/demo.shown"
    (cd "$top" && B=$B NO_COLOR=1 bash tests/demo.sh) | sed "s|$B/|build/|g; s/[ ]*$//" |
        awk -v first="$(head -1 "$work/demo.shown")" -v last="$(tail -1 "$work/demo.shown")" '
            $0 == first { inside = 1 }
            inside { print }
            $0 == last { inside = 0 }'
}

# The document with what its commands print now.
printed() { # DOCUMENT
    console=
    while IFS= read -r line; do
        case $line in
        '```console') console=yes ;;
        '```'*) console= ;;
        esac
        case $console$line in
        'yes$ make demo') printf '%s\n' "$line" && demo_part "$1" ;;
        'yes$ '*)
            printf '%s\n' "$line"
            (cd "$work" && timeout 60 sh -c "${line#??}" 2>&1 </dev/null) | sed 's/[ ]*$//'
            ;;
        yes'```console') printf '%s\n' "$line" ;;
        yes*) ;; # what was printed before
        *) printf '%s\n' "$line" ;;
        esac
    done <"$1"
}

for document in README.md MANUAL.md; do
    work=$build/scratch/readme/$document.d
    rm -rf "$work"
    mkdir -p "$work"
    ln -s "$build" "$work/build"
    awk -v work="$work" '
        /^```/ { inside = !inside; first = inside; if (!inside) file = ""; next }
        inside && first { first = 0; if (match($0, /^# [a-z-]+\.(prey|txt)$/)) file = work "/" substr($0, 3) }
        inside && file { print > file }' $document
    printed $document >"$work/printed"
    [ -z "${UPDATE:-}" ] || cp "$work/printed" $document
    grep -v '^replay  ' $document >"$work/shown.fixed"
    grep -v '^replay  ' "$work/printed" >"$work/printed.fixed"
    if diff "$work/shown.fixed" "$work/printed.fixed" >"$work/diff"; then
        echo "ok - $document: $(grep -c '^\$ ' $document) commands print what it shows"
    else
        sed 's/^/# /' "$work/diff"
        echo "not ok - $document: a command prints something else than it shows"
        failed=1
    fi
done
exit $failed
