#!/usr/bin/env bash
# Every C file is as clang-format writes it, and one that is not is found. CHANGED_SINCE=COMMIT: of those that differ from it.
set -u
cd "$(dirname "$0")/../.." || exit 2
status=0
version=$(clang-format --version | grep -oE 'version [0-9]+')
if [ "$version" != 'version 14' ]; then
    echo "ok - C files are as clang-format writes them # SKIP this one is $version, and each version writes otherwise"
    exit 0
fi
formatted() { xargs -0 -r -n 200 -P 2 clang-format --dry-run --Werror; }
files() {
    if [ -n "${CHANGED_SINCE:-}" ]; then
        git diff -z --name-only --diff-filter=d "$CHANGED_SINCE" -- '*.c' '*.h'
    else
        git ls-files -z '*.c' '*.h'
    fi
}
told=$(files | formatted 2>&1)
if [ -z "$told" ]; then
    echo 'ok - C files are as clang-format writes them'
else
    grep error <<<"$told" | sed 's/^/#   /' | head -20
    echo 'not ok - C files are as clang-format writes them (clang-format -i FILE)'
    status=1
fi
if clang-format --dry-run --Werror --assume-filename=x.c <<<'int  f( void ) {return 0;}' 2>/dev/null; then
    echo 'not ok - a file that is not is found'
    status=1
else
    echo 'ok - a file that is not is found'
fi
exit $status
