#!/usr/bin/env bash
# Live sets of files (`live file`): whole or not at all, the last good one stays, what is wrong is told once; at a start, over reloads and
# stops; files that are broken, huge, a FIFO, replaced every 10 ms, written to slowly. EXEC=kernel: live-sets-file-kernel.sh.
set -u
: "${EXEC:=user}"
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
. "$top/tests/e2e/live/sets.sh"

between one
ip -n "$id-client" route add default via 10.1.0.2
keeps_state
list=$work/drop.txt
shop() { # NAME WORDS: rules with that declaration
    rules "$1" <<END
set listed = live $2
firewall f forward default accept { drop from listed }
END
}
shop now "file \"$list\" size 70_000 never 10.66.0.0/16 keep"
lines() { grep -c -e "$1" prey.err; } # PATTERN: how many lines of preyrun have it
put() { # a file takes the place of the list, at once
    cat >"$list.new"
    mv "$list.new" "$list"
}

# A start without the file is none.
at prey timeout 20 "$bin/preyrun" --exec "$EXEC" -i wan -i lan now.pbc >out 2>err
same 'a start without the file fails, and names set and file' "$? $(tail -1 err)" "2 preyrun: set listed: $list: No such file or directory"

printf '# blocked\n10.1.0.1\n198.51.100.0/24\n2001:db8::/32\n' >"$list"
prey_with now.pbc
is_ready prey || exit 1
same 'the file is in force before the first packet' "$(fate)" drops
same 'it is shown' "$(of_set listed ranges members size file fault)" "3 0 70000 $list "
ctl sets listed has 198.51.100.77
has 'so is why' '^listed has 198\.51\.100\.77: member 198\.51\.100\.0/24, for good'
refused() { # SENTENCE ARGUMENT...
    local sentence=$1
    shift
    ctl sets listed "$@"
    same "$sentence" "$status $(cat err out)" "2 preyctl: listed: its members come from $list: change that file"
}
refused 'nobody is added by hand' add 192.0.2.1
refused 'or flushed' flush

# Another file; the same again; what is wrong.
put <<<'10.1.0.77'
until_true 100 'another file takes its place' reaches
hears 'it is told' "^preyrun: sets: listed now has the contents of $list: 1 member, 3 before$"
put < <(printf '10.1.0.1\n10.1.0.2\n')
until_true 100 'and another' gone
more() { [ "$(lines 'sets: listed keeps its')" -gt "$told" ]; }
for wrong in '10.1.0.300' '10.66.1.0/24' '{"a": 1}' '<html>' 'root:secret:1:2:3'; do
    told=$(lines 'sets: listed keeps its')
    put <<<"$wrong"
    until_true 100 "what is wrong is told: $wrong" more
    same "the last good file stays: $wrong" "$(fate) $(of_set listed ranges)" 'drops 1'
done
same 'another text than addresses isn'\''t shown' "$(lines secret)" 0
ctl sets
has 'the table says what is wrong' "^listed keeps its old ranges: $list: line 1: "
same 'and so does a metric' "$(of_set listed failing)" 1
rm "$list"
keeps() { [ "$(lines "keeps its 1 range: $1")" -ge 1 ]; }
until_true 100 'a file that goes is told' keeps "$list: No such file"
mkfifo "$list"
until_true 100 'a FIFO is refused' keeps "$list isn't a regular file"
rm "$list"
for i in $(seq 0 299); do seq -f "12.$((i / 256)).$((i % 256)).%.0f" 0 2 255; done >"$list.part"
for i in 12 13; do sed "s/^12/$i/" "$list.part"; done >"$list.b"
mv "$list.b" "$list"
until_true 100 'a file with too many ranges is refused' keeps "$list: it has more than 70000 ranges: set a larger .size."
truncate -s $((20 << 20)) "$list.huge"
mv "$list.huge" "$list"
until_true 200 'a huge file is refused' keeps "$list: it has more than 9 MiB, the limit for 70000 ranges"
same 'the last good one stays' "$(fate) $(of_set listed ranges)" 'drops 1'

# Replaced every 10 ms, one good and one bad; then written to slowly.
begun=$(lines 'sets: listed')
for i in $(seq 150); do
    put <<<"10.1.0.1"
    sleep 0.01
    put <<<'10.1.0.300'
done
same 'a file that is replaced all the time says little' "$(($(lines 'sets: listed') - begun < 12))" 1
same 'and the last good one stays' "$(fate)" drops
put <<<'10.1.0.9'
until_true 100 'the last of them counts' reaches
small=$(lines "sets: listed now has the contents of $list: [1-7] members")
for i in $(seq 8); do
    echo "10.3.0.$i"
    sleep 0.2
done >"$list"
hears 'a file that is written slowly counts once it is whole' "sets: listed now has the contents of $list: 8 members"
same 'and not before' "$(lines "sets: listed now has the contents of $list: [1-7] members")" "$small"

# Reloads.
put <<<'10.1.0.1'
until_true 100 'in force' gone
seq -f '172.16.%.0f.1' 0 255 >"$list.a"
shop next "file \"$list\" size 70_000 keep"
ctl load next.pbc
same 'a reload keeps what is in force' "$status $(fate)" '0 drops'
shop other "file \"$list.a\""
ctl load other.pbc
same 'another file is read' "$status $(fate) $(of_set listed ranges)" '0 passes 256'
shop missing "file \"$list.c\""
ctl load missing.pbc
same 'a reload without its file is refused' "$status" 2
same 'and says why' "$(grep -c "set listed: $list\.c: No such file or directory" err)" 1
same 'nothing has changed' "$(of_set listed ranges file)" "256 $list.a"
shop hand 'size 100'
ctl load hand.pbc
same 'a set that had a file keeps its members' "$status $(of_set listed ranges)" '0 256'
ctl load next.pbc
same 'and has a file again' "$status $(fate)" '0 drops'

shop narrow "file \"$list\" size 70_000 never 10.1.0.1 keep"
ctl load narrow.pbc
same 'a reload whose never meets the file is refused' "$status $(grep -c "set listed: $list: 10.1.0.1: .never. contains it" err)" '2 1'
put < <(printf '10.1.0.1\n10.1.0.3\n10.1.0.5\n')
three() { [ "$(of_set listed ranges)" = 3 ]; }
until_true 100 'three ranges' three
shop few "file \"$list\" size 2 keep"
ctl load few.pbc
same 'so is one with a smaller size' "$status $(grep -c 'it has more than 2 ranges' err) $(of_set listed ranges size)" '2 1 3 70000'
for i in $(seq 0 219); do seq -f "2001:db8:$i:%.0f::/64" 0 2 1999; done >"$list.six"
shop six "file \"$list.six\""
ctl load six.pbc
same 'a long list of IPv6 fits' "$status $(of_set listed ranges)" '0 220000'
before=$(rss)
for i in $(seq 6); do
    tail -n +2 "$list.six" >"$list.part"
    mv "$list.part" "$list.six"
    fewer=$((220000 - i))
    is_fewer() { [ "$(of_set listed ranges)" = "$fewer" ]; }
    until_true 100 "the list has $fewer networks" is_fewer
done
if grep -q __asan_init "$bin/preyrun"; then
    echo 'ok - lists that were replaced are freed # SKIP the sanitizers keep what is freed'
else
    is_freed() { [ "$(rss)" -lt "$((before + 20480))" ]; } # two lists
    until_true 100 'lists that were replaced are freed' is_freed
    echo "# $before KiB of memory, then $(rss)"
fi
ctl load next.pbc

# Trials that nobody confirms.
backs=$(lines '^reloaded: .*because nobody has confirmed')
comes_back() { [ "$(lines '^reloaded: .*because nobody has confirmed')" -gt "$backs" ] && backs=$((backs + 1)); }
ctl load other.pbc --confirm 3s
same 'a trial has its file' "$(fate)" passes
put <<<'10.1.0.1'
until_true 100 'a trial ends' comes_back
same 'the file as it is then is in force' "$(fate) $(of_set listed ranges)" 'drops 1'
for trial in other hand; do
    ctl load $trial.pbc --confirm 2s
    rm "$list"
    until_true 100 'a trial ends without the file' comes_back
    same "what was in force before the trial of $trial is again" "$(fate) $(of_set listed ranges)" 'drops 1'
    put <<<'10.1.0.1'
    there() { [ "$(of_set listed failing)" = 0 ]; }
    until_true 100 'the file is there again' there
done

# A takeover keeps what is in force, and reads the file.
if [ "$EXEC" = user ]; then
    put <<<'10.1.0.1'
    until_true 100 'in force before a takeover' gone
    was=$prey
    at prey "$bin/preyctl" takeover >out 2>&1
    same 'a takeover' "$?" 0
    same 'keeps what is in force' "$(fate)" drops
    put <<<'10.1.0.77'
    until_true 100 'the new process reads the file' reaches
    prey=$(at prey "$bin/preyctl" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
    put <<<'10.1.0.1'
    until_true 100 'and once more' gone
    at prey "$bin/preyctl" stop >/dev/null
    until_true 100 'the new one ends' eval '! kill -0 $prey 2>/dev/null'
    wait "$was" 2>/dev/null
    prey_with next.pbc
    is_ready prey || exit 1
fi

# A stop, and a start without the file: the last good one stays.
rm "$list"
prey_ends
prey_with next.pbc
is_ready prey || exit 1
same 'with keep the last good file outlives a stop' "$(fate) $(of_set listed ranges)" 'drops 1'
hears 'and that the file is not there is told' "^preyrun: sets: listed keeps its 1 range: $list: No such file"
sleep 1.5
same 'once' "$(lines 'sets: listed keeps its')" 1
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
