#!/usr/bin/env bash
# What makes classifiers hard: each of these compiles within bounded memory, or is refused with the one diagnostic that
# names the limit.
set -u
B=$(realpath "${B:-build}")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0
# Sanitizers map terabytes.
[ "${B%san}" = "$B" ] && memory=2500000 || memory=unlimited

# try NAME STATUS [CODE...]: compile NAME.prey within bounds; that exit status, and each code said, of !CODE not.
try() {
    local name=$1 wanted=$2 status code
    shift 2
    (ulimit -v $memory && exec timeout 250 "$B/preyc" --format=json "$name.prey" -o "$name.pbc" >"$name.out" 2>&1)
    status=$?
    for code; do
        case $code in
        !*) grep -q "\"${code#!}\"" "$name.out" && status="$status, with ${code#!}" ;;
        *) grep -q "\"$code\"" "$name.out" || status="$status, without $code" ;;
        esac
    done
    if [ "$status" = "$wanted" ]; then
        echo "ok - $name"
    else
        echo "not ok - $name: $status instead of $wanted"
        head -c 1000 "$name.out" | sed 's/^/# /'
        failed=1
    fi
}
count=${LONG:+100000}
count=${count:-20000}
begin="firewall f default drop { accept icmp6 type nd"

awk -v n="$count" -v b="$begin" 'function prefix(x, l) { x = int(x / 2 ^ (32 - l)) * 2 ^ (32 - l)
        return sprintf("%d.%d.%d.%d/%d", x / 2 ^ 24, int(x / 2 ^ 16) % 256, int(x / 256) % 256, x % 256, l) }
    BEGIN { srand(7); print b; for (i = 0; i < n; i++) { p = int(rand() * 65000)
        printf " drop tcp from %s to %s port %d-%d\n", prefix(rand() * 2 ^ 32, 1 + i % 12), prefix(rand() * 2 ^ 32, 1 + int(i / 12) % 12), p, p + int(rand() * 500) } print "}" }' >wildcards.prey
try wildcards 0
awk -v n="$count" -v b="$begin" 'BEGIN { print b; for (i = 0; i < n; i++) { x = i % 128; y = int(i / 128) % 128
        printf " drop tcp from %d.0.0.0-%d.255.255.255 to %d.0.0.0-%d.255.255.255 ttl %d\n", x, x + 100, y, y + 100, i % 256 } print "}" }' >ranges.prey
try ranges 0 W0511
awk -v b="$begin" 'BEGIN { print b; for (i = 0; i < 65536; i++) printf " accept tcp to port %d\n", (i * 40503) % 65536; print "}" }' >ports.prey
try ports 0
awk -v b="$begin" 'BEGIN { printf "ports p = 0"; for (i = 2; i < 65536; i += 2) printf ", %d", i
    print "\n" b; for (i = 0; i < 20; i++) printf " accept tcp from 10.0.0.%d to port p\n", i; print "}" }' >port-list.prey
try port-list 0
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "%d.%d.%d.%d\n", 10 + int(i / 65536), int(i / 256) % 256, i % 256, i * 7 % 256 }' >big.list
awk -v b="$begin" 'BEGIN { print "set big = file \"big.list\"\n" b
    for (i = 0; i < 1000; i++) printf " accept tcp from big to 192.168.%d.%d port %d\n", i / 250, i % 250, i; print "}" }' >big-set.prey
try big-set 0
awk -v n="$count" -v b="$begin" 'BEGIN { print b "\n drop ip"; for (i = 0; i < n; i++)
        printf " accept tcp from 10.%d.%d.%d to port %d\n", i / 65536, int(i / 256) % 256, i % 256, i % 65536; print "}" }' >dead.prey
try dead 0 W0310
for n in 1024 1025; do
    awk -v n=$n -v b="$begin" 'BEGIN { print b; for (i = 0; i < n; i++)
        printf " accept tcp to 10.0.0.1 port 80 ether from 02:00:00:00:%02x:%02x\n", i / 256, i % 256; print "}" }' >residues-$n.prey
done
try residues-1024 0 W0511
try residues-1025 1 E0594
# One packet may meet all of these, whatever it is that no box says, and 1,024 in turn are the most: rules that go on, in
# one box or in many each; bytes; meters.
turns() { # NAME STATEMENT [DECLARATION]: with %d, which counts
    for n in 1024 1025; do
        awk -v n=$n -v s=" $2\n" -v d="${3:+$3\n}" 'BEGIN { for (i = 1; i <= n && d; i++) printf d, i
            print "firewall f default drop {"; for (i = 1; i <= n; i++) printf s, i, i; print "}" }' >"$1-$n.prey"
    done
    try "$1-1024" 0 W0511 !E0594
    try "$1-1025" 1 E0594 !E0616
}
turns counts 'count tcp length %d-20000'
turns logs-on 'log tcp length %d- ttl 20- as L%d'
turns bytes 'drop tcp bytes l4 at 2 is x"%04x"'
turns meters 'drop tcp over m%d' 'meter m%d = 5/s per source entries 16'
# As straight code this is no longer true.
awk 'BEGIN { print "firewall f default drop {"; for (i = 0; i < 1024; i++) { printf " drop tcp ttl 1"
        for (k = 3; k < 255; k += 2) printf ", %d", k; printf " length %d", i
        for (k = 1; k < 300; k++) printf ", %d-%d", k * 100 + i, k * 100 + 50 + i; print "" } print "}" }' >straight.prey
try straight 0 !W0511
awk -v n="$count" -v b="$begin" 'BEGIN { print b; for (i = 0; i < n; i++)
        printf " accept tcp from 10.%d.%d.%d to port %d log\n", i / 65536, int(i / 256) % 256, i % 256, i % 65536; print "}" }' >logs.prey
try logs 0
awk -v n="$count" -v b="$begin" 'BEGIN { for (i = 0; i < n; i++) printf "chain c%d { accept tcp from 10.%d.%d.%d }\n", i, i / 65536, int(i / 256) % 256, i % 256
    print b; for (i = 0; i < n; i++) printf " do c%d tcp to port %d\n", i, i % 65536; print "}" }' >chains.prey
try chains 0
{ echo "limits { classifier 64KiB }"; cat logs.prey; } >small.prey
try small 1 E0593
exit $failed
