#!/bin/sh
# vm/BYTECODE.md is what its generator makes of the tables.
if sh vm/gen_bytecode.sh | diff -u vm/BYTECODE.md - | sed 's/^/#   /' | grep .; then
    echo "not ok - vm/BYTECODE.md is up to date (sh vm/gen_bytecode.sh >vm/BYTECODE.md)"
    exit 1
fi
echo "ok - vm/BYTECODE.md is up to date"
