#!/bin/sh
# What both executors share compiles for the kernel's: the files of bpf.list, by clang -target bpf. It refuses more than five
# arguments, structs by value, libc's functions and 512 bytes of stack. Whether the kernel's verifier takes the result is
# not asked here.
set -u
status=0
B=${B:-build}
work=$B/scratch/bpf
mkdir -p "$work"
ulimit -v 4000000 2>/dev/null # a compiler that runs wild is stopped
libc=/usr/include/$(gcc -dumpmachine)
count=0
for f in $(grep -v '^#' tests/lint/bpf.list); do
    count=$((count + 1))
    # libc's headers ask for a machine that they know.
    timeout 60 clang -target bpf -O2 -g -c -std=gnu11 -D_GNU_SOURCE -D__x86_64__ -I. -isystem "$libc" -o "$work/x.o" "$f" \
        >"$work/said" 2>&1 && continue
    sed 's/^/#   /' "$work/said" | head -12
    echo "not ok - $f compiles for the kernel"
    status=1
done
if [ $status -eq 0 ] && [ $count -ge 25 ]; then echo "ok - $count files compile for the kernel"; else
    echo "not ok - $count files compile for the kernel"
    status=1
fi
exit $status
