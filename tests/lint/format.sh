#!/usr/bin/env bash
# Every C file is as clang-format writes it, and one that is not is found.
set -u
cd "$(dirname "$0")/../.." || exit 2
status=0
version=$(clang-format --version | grep -oE 'version [0-9]+')
if [ "$version" != 'version 14' ]; then
    echo "ok - C files are as clang-format writes them # SKIP this one is $version, and each version writes otherwise"
    exit 0
fi
formatted() { xargs -0 -n 200 -P 2 clang-format --dry-run --Werror; }
told=$(git ls-files -z '*.c' '*.h' | formatted 2>&1)
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
