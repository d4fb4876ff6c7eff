#!/bin/sh
# Habits of the tree that no compiler checks: nothing unfinished, nothing generated, scripts that parse, READMEs that
# name real targets, man pages that are well formed.
set -u
status=0

# verdict NAME FINDINGS
verdict() {
    if [ -n "$2" ]; then
        printf '%s\nnot ok - %s\n' "$2" "$1" | sed '/^not ok/!s/^/#   /'
        status=1
    else
        echo "ok - $1"
    fi
}

verdict "nothing is left to do" \
    "$(git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- . ':!tests/lint/tree.sh' ':!*.md')"
verdict "no generated file is tracked" \
    "$(git ls-files | grep -E '(^|/)build/|\.(o|a|d|pbc|gcda|gcno)$|\.tab\.[ch]$|lex\.yy')"
verdict "no capture but our own is tracked" \
    "$(git ls-files | grep -E '\.(pcap|pcapng|cap)(\.[a-z]+)?$' | grep -vE '^tests/(fuzz|golden)/')"
verdict "every script parses" \
    "$(git ls-files '*.sh' .ci/run | while read -r f; do
        read -r first <"$f"
        case $first in *bash*) bash -n "$f" 2>&1 ;; *) sh -n "$f" 2>&1 ;; esac
    done)"
verdict "no tab and no space at a line's end in C" \
    "$(git grep -nIE '[[:blank:]]+$|	' -- '*.c' '*.h' '*.def' | head -20)"
headless=$(git ls-files '*.c' '*.h' | xargs awk 'FNR == 1 && !/^\/\*/ { print FILENAME } { nextfile }' | sort)
left=$(sed '/^#/d' tests/lint/headings.left | sort)
verdict "every C file begins by saying what it is for, but for those of headings.left" \
    "$(printf '%s\n' "$headless" | grep -vxF -- "$left")"
verdict "each row of headings.left is needed" "$(printf '%s\n' "$left" | grep -vxF -- "$headless")"
verdict "every folder with sources has a README" \
    "$(for d in lang vm compiler runtime tests rules-examples; do [ -f "$d/README.md" ] || echo "$d/README.md"; done)"

targets=$(cat Makefile systemd/install.mk docs/site/site.mk tests/tests.mk | sed -n 's/^\([a-z][a-z-]*\( [a-z-]*\)*\):.*/\1/p' | tr ' ' '\n')
verdict "every make target that a README names exists" \
    "$(git ls-files '*.md' | xargs grep -ohE '(^|`)make [a-z][a-z-]*' | awk '{ print $2 }' | sort -u |
        while read -r t; do printf '%s\n' "$targets" | grep -qx "$t" || echo "make $t"; done)"
verdict "behind sudo what installs packages does so as root (tests/sudo.mk)" \
    "$(root=$(sed -n '/^NEED_ROOT/,/[^\\]$/p' tests/sudo.mk)
    awk -F: '/^[a-z][a-z-]*:/ { target = $1 } /^\t.*sh tests\/deps\.sh/ { print target }' Makefile systemd/install.mk docs/site/site.mk tests/tests.mk | sort -u |
        while read -r t; do printf '%s\n' "$root" | grep -qE "[[:space:]]$t( |\$)" || echo "$t"; done)"
verdict "nothing that lacks root's rights runs from the tree, which may lie in a home of mode 0700 (open_folder of e2e/live/lib.sh)" \
    "$(git grep -nE 'unshare -[a-z]*U.*[$](bin|work|top)' -- tests ':!tests/lint/tree.sh')"
verdict "every file that a README links exists" \
    "$(git ls-files '*.md' | while read -r f; do
        grep -oE '\]\([^)#:]+\)' "$f" | sed 's/^](//; s/)$//' |
            while read -r t; do [ -e "$(dirname "$f")/$t" ] || echo "$f: $t"; done
    done)"

verdict "a build reads its own parser's header, also where BPF= names another with one" \
    "$(for o in lang/lex/tokens lang/lex/lex.yy tests/unit/lang/test_fmt; do
        MAKEFLAGS='' make -n B=some/build BPF=other/build some/build/$o.o 2>&1 | grep -- "-c -o some/build/$o.o" | grep -e -Iother/build
    done)"

if command -v mandoc >/dev/null; then
    verdict "the man pages are well formed" "$(for m in man/*.1 "$B"/man/prey.5; do mandoc -T lint -W warning "$m" 2>&1; done | grep -v "missing date")"
else
    echo "ok - the man pages are well formed # SKIP mandoc is not installed"
fi

# Notices, not verdicts: a reader should find a reason for these.
git ls-files '*.c' '*.h' | xargs cat | awk 'length > 120 { n++ } END { if (n) print "#   " n " lines are over 120 columns" }'
git ls-files '*.c' '*.h' '*.l' '*.y' | xargs wc -l | awk '$2 != "total" && $1 > 600 { print "#   long: " $2 ", " $1 " lines" }'
exit $status
