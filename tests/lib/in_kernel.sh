# Differs of tests/diff/ and packets once more, with the packets of a worker going through the kernel's stages. Sourced by
# tests/e2e/exec-*.sh, which say first: what (the sentence of a skip), and tampered (a program before each, or nothing).
B=${B:-build}
log=$B/scratch/$(basename "$0" .sh)
mkdir -p "${log%/*}"
export IN_KERNEL=${IN_KERNEL:-xdp}
failed=0

if [ "$(id -u)" -ne 0 ]; then
    echo "ok - $what # SKIP that takes root"
    exit 0
fi

# asked NAME PROGRAM ARGUMENT...: its lines, with that name before; the first that the kernel refuses ends all.
asked() {
    local name=$1 why
    shift
    if $tampered "$B/tests/$1" "${@:2}" >"$log" 2>&1; then
        sed -n "s|^ok [0-9 ]*- |ok - $name: |p" "$log"
        return
    fi
    why=$(grep -m1 -E 'may not be loaded|may not load eBPF programs|built without|too old' "$log")
    if [ -n "$why" ]; then
        echo "ok - $what # SKIP ${why#\# }"
        exit 0
    fi
    cat "$log"
    echo "not ok - $*"
    failed=1
}
