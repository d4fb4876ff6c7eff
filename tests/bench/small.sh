# Of the benches' scripts: SMALL=1 tries them on small sizes, as tests/lib/bench.h says. What they write goes below $results:
# $B, or with SMALL a folder of its own in it.
size() { # FULL SMALL
    if [ -n "${SMALL:-}" ]; then echo "$2"; else echo "$1"; fi
}
results=$B$(size '' /bench-small)
mkdir -p "$results"
if [ -n "${SMALL:-}" ] && [ -n "${UPDATE:-}" ]; then
    echo 'bench: figures of SMALL=1 are none for UPDATE=1 to keep' >&2
    exit 2
fi
