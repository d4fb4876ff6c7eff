#!/bin/sh
# README.md and the guide are true: their rule files are what they claim, and each `$ command` prints what stands below it.
#
# Blocks whose first line is `# NAME.prey` (or .txt) become files, those of other pages, too; the commands of each `console` block run
# among them, and the document as it would then read must equal the document. Commands in a comment `<!-- run first` are run, and
# what they print is not shown. Only the line with the time that a replay took is left
# out. Below `$ make demo` and `$ sudo make demo-live` stands a part of what the demo prints, found by its first and its
# last line; the latter stays as it is where no network namespaces may be made. UPDATE=1 writes what was printed into the
# documents: read the difference.
set -u
B=${B:-build}
top=$(pwd)
case $B in /*) build=$B ;; *) build=$top/$B ;; esac
mkdir -p "$build/demo"
for capture in traffic:web-server morning:laptop shop:shop; do
    "$build/tests/tools/mkcap" "tests/examples/${capture#*:}.notes" "$build/demo/${capture%:*}.pcap" || exit 1
done
failed=0

# The part of a demo that the document shows: from the first line below its command to the last.
demo_part() { # DOCUMENT COMMAND SCRIPT
    shown=$(awk -v command="$ $2" '/^```/ { inside = 0 } inside { print } $0 == command { inside = 1 }' "$1")
    printf '%s\n' "$shown" >"$work/demo.shown"
    if [ "$3" = demo-live ] && ! bash "$top/tests/demo-live.sh" allowed >"$work/demo.why"; then
        cat "$work/demo.shown"
        return
    fi
    (cd "$top" && B=$B NO_COLOR=1 timeout 120 bash "tests/$3.sh") | sed "s|$B/|build/|g; s/[ ]*$//; s/room for [0-9,]* connections in [0-9,]* MB/room for 262,144 connections in 148 MB/" |
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
        '<!-- run first') console=first ;;
        '```'* | '-->') console= ;;
        esac
        case $console$line in
        'yes$ make demo') printf '%s\n' "$line" && demo_part "$1" 'make demo' demo ;;
        'yes$ sudo make demo-live') printf '%s\n' "$line" && demo_part "$1" 'sudo make demo-live' demo-live ;;
        'yes$ '*)
            printf '%s\n' "$line"
            (cd "$work" && timeout 60 sh -c "${line#??}" 2>&1 </dev/null) | sed 's/[ ]*$//'
            ;;
        'first$ '*)
            printf '%s\n' "$line"
            (cd "$work" && timeout 60 sh -c "${line#??}" >/dev/null 2>&1 </dev/null)
            ;;
        yes'```console') printf '%s\n' "$line" ;;
        yes*) ;; # what was printed before
        *) printf '%s\n' "$line" ;;
        esac
    done <"$1"
}

# Rule files and lists of the documents, into the work folder.
shown_files() { # DOCUMENT...
    awk -v work="$work" '
        /^```/ { inside = !inside; first = inside; if (!inside) file = ""; next }
        inside && first { first = 0; if (match($0, /^# [a-z-]+\.(prey|txt)$/)) file = work "/" substr($0, 3) }
        inside && file { print > file }' "$@"
}

guide=$(git ls-files 'docs/guide/*.md')
for document in README.md $(grep -lx '```console' $guide); do
    work=$build/scratch/readme/$document.d
    rm -rf "$work"
    mkdir -p "$work"
    ln -s "$build" "$work/build"
    for page in $guide $document; do shown_files "$page"; done # its own are the last
    printed $document >"$work/printed"
    [ -z "${UPDATE:-}" ] || cp "$work/printed" $document
    grep -v '^replay  ' $document >"$work/shown.fixed"
    grep -v '^replay  ' "$work/printed" >"$work/printed.fixed"
    if diff "$work/shown.fixed" "$work/printed.fixed" >"$work/diff"; then
        echo "ok - $document: $(grep -c '^\$ ' $document) commands print what it shows"
        [ ! -e "$work/demo.why" ] || [ ! -s "$work/demo.why" ] || echo "ok - $document: what demo-live prints # SKIP $(cat "$work/demo.why")"
    else
        sed 's/^/# /' "$work/diff"
        echo "not ok - $document: a command prints something else than it shows"
        failed=1
    fi
done
exit $failed
