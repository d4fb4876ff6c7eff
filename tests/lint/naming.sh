#!/usr/bin/env bash
# What named.py and words.py refuse: small trees, each with one fault, and one without.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
put() { # FILE LINE...
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '%s\n' "${@:2}" >"$work/tree/$1"
}
# judge SENTENCE STATUS PATTERN: the tree as it was put together ends so, and says this, by the lint at hand.
lint=named.py
judge() {
    git -C "$work/tree" add -A
    python3 "tests/lint/$lint" "$work/tree" >"$work/out"
    local status=$?
    if [ $status = "$2" ] && grep -q -- "$3" "$work/out"; then
        echo "ok - $1"
    else
        sed 's/^/# /' "$work/out"
        echo "not ok - $1"
        failed=1
    fi
}
sound() {
    rm -rf "$work/tree"
    git init -q "$work/tree"
    put Makefile '$(B)/lang/parse.tab.c: lang/parse.y'
    put lang/parse.y '%%'
    put docs/kernel.md 'The rules for code.'
    put vm/flow/table.h '/* See flow/names.c and docs/kernel.md. */'
    put vm/flow/names.c '/* Names, as `table.h` and parse.tab.c have them; stdio.h writes. */' '#include <stdio.h>'
    put vm/README.md '`flow/table.h`: the table. `IDENT.c` stands for any.'
}

sound
judge 'names of files that are tracked, made or the system'"'"'s' 0 '^ok - every file'

sound
put vm/flow/names.c '/* As KERNEL.md says. */'
judge 'a document that is not there' 1 '^#   vm/flow/names.c:1: KERNEL.md$'

sound
rm "$work/tree/docs/kernel.md"
judge 'a document that is gone' 1 '^#   vm/flow/table.h:1: docs/kernel.md$'

sound
put vm/README.md 'The table:' '`flow/tables.h`.'
judge 'a README that misspells a file' 1 '^#   vm/README.md:2: flow/tables.h$'

sound
put vm/flow/names.c '/* As parse.tab.h has them. */'
judge 'a file that nothing makes' 1 '^#   vm/flow/names.c:1: parse.tab.h$'

sound
put vm/flow/names.c '/* As getopt.h has them. */'
judge 'a header of the system that nothing includes' 1 '^#   vm/flow/names.c:1: getopt.h$'

lint=words.py
sound
put runtime/live/enforce.c '/* inside, in a comment */' '#include "vm/worker/guard.h"' 'int enforce_watched(void) { return say("aside, claimed"); }'
judge 'words of docs/words.md where they belong, in comments and in strings' 0 '^ok - words'

sound
put vm/observe/keep.c 'int watched_count;'
judge 'an identifier with a word that means something else there' 1 '^#   vm/observe/keep.c:1: watched_count: judged, not enforced'

sound
put runtime/proxy/inside/leave.c '/* none */'
judge 'a folder with such a word' 1 '^#   runtime/proxy/inside/leave.c: the name of a file: a nat'

sound
put vm/kernel/judge/pieces.bpf.c '/* none */'
judge 'a file with such a word' 1 '^#   vm/kernel/judge/pieces.bpf.c: the name of a file: of super-packets'
exit $failed
