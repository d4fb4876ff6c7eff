#!/usr/bin/env bash
# The command line of preyc: what it writes and where, exit statuses, and that a good output is never lost.
set -u
B=$(realpath "${B:-build}")
preyc=$B/preyc
work=$(mktemp -d) || exit 2
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

check() { # NAME COMMAND...: the command succeeds
    local name=$1
    shift
    if "$@"; then echo "ok - $name"; else
        echo "not ok - $name"
        head -c 600 out err 2>/dev/null | sed 's/^/# /'
        failed=1
    fi
}
run() { # STATUS ARGUMENTS...: preyc ends so; output in out and err
    local want=$1 got
    shift
    timeout 60 "$preyc" "$@" >out 2>err </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# status $got, not $want: preyc $*"; return 1; }
}
usage() { # PATTERN ARGUMENTS...: a usage error, one line on standard error, none on standard output
    local pattern=$1
    shift
    run 2 "$@" && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -q -- "$pattern" err
}
unchanged() { cmp -s good.pbc keep.pbc; }
alone() { [ -z "$(find . -name '*.pbc.*')" ]; } # no temporary file is left
mode_is() { [ "$(stat -c %a "$1")" = "$2" ]; }

printf 'set s = 192.0.2.1\nfirewall f default accept { drop from s }\n' >good.prey
printf 'firewall f default accept { drop from nothing }\n' >bad.prey
printf 'set unused = 192.0.2.1\nfirewall f default accept { }\n' >warns.prey

check 'compile: status 0' run 0 good.prey -o good.pbc
check 'one line says that all is well' [ "$(cat out err)" = 'good.prey: good: 1 rule, 1 set' ]
check 'as --check does' run 0 --check good.prey
check 'in the same words' [ "$(cat out err)" = 'good.prey: good: 1 rule, 1 set' ]
check 'beside figures it is not said' run 0 good.prey --stats -o stats.pbc
check 'but the figures are' [ "$(grep -c good: out)" = 0 -a -s out ]
cp good.pbc keep.pbc
check 'options may stand before the file' run 0 -o second.pbc good.prey
check 'the same rules give the same bytes' cmp -s second.pbc good.pbc
check 'the name may be joined to -o' run 0 -othird.pbc good.prey
check '--output is -o' run 0 --output=fourth.pbc good.prey
check '-- ends the options' run 0 -o fifth.pbc -- good.prey
umask 027
check 'compile under another umask' run 0 good.prey -o mode.pbc
check 'the mode follows the umask' mode_is mode.pbc 640
umask 022
check 'replace an existing output' run 0 good.prey -o mode.pbc
check 'it keeps its mode' mode_is mode.pbc 640
chmod 600 mode.pbc
check 'replace a closed output' run 0 good.prey -o mode.pbc
check 'it stays closed' mode_is mode.pbc 600

check 'bad rules: status 1' run 1 bad.prey -o good.pbc
check 'the good output stays' unchanged
check 'no new output appears' run 1 bad.prey -o new.pbc
check 'indeed none' [ ! -e new.pbc ]
check '--werror: status 1' run 1 --werror warns.prey -o good.pbc
check 'the good output stays after --werror' unchanged
check 'without it: status 0 and a warning' run 0 warns.prey -o warns.pbc
check 'the warning is on standard error' grep -q W0201 err

printf 'include "none/*"\nset unused = 192.0.2.1\nfirewall f default accept { }\n' >two.prey
check '--allow of all that it warns of: nothing to find' run 0 --werror --allow W0201,W0601 --check two.prey
check 'silent' [ ! -s err ]
check '--allow twice, in any case of letters' run 0 --allow 'w0201, w0301' --allow=W0601 --werror two.prey -o two.pbc
check 'it is for --diff, too' run 0 --allow 'W0201 W0601' --diff two.prey two.pbc
check 'silent there' [ ! -s err ]
check 'what is not allowed is told' run 1 --werror --allow W0201 --check two.prey
check 'alone' sh -c 'grep -q W0601 err && ! grep -q W0201 err'
check '--allow of no code' usage 'no warning has the code `W9999`' --allow W9999 --check two.prey
check '--allow of an error' usage '--allow takes codes of warnings, and this is an error.s code: `E0402`' --allow W0201,E0402 --check two.prey
check '--allow of nothing' usage 'no warning has the code' --allow '' --check two.prey

check '--check: one line' run 0 --check good.prey
check 'that says what was found' grep -qx 'good.prey: good: 1 rule, 1 set' out
check '--check of bad rules: status 1' run 1 --check bad.prey
check 'diagnostics are on standard error' [ -s err -a ! -s out ]
check 'no colour on what is no terminal' sh -c '! grep -q "$(printf "\033")" err'
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    for term in xterm dumb; do
        NO_COLOR='' TERM=$term script -qc "'$preyc' --check bad.prey" seen-$term >/dev/null 2>&1 </dev/null
    done
    check 'colour on a terminal' grep -q "$(printf '\033')" seen-xterm
    check 'not on a dumb one' sh -c 'grep -q E0201 seen-dumb && ! grep -q "$(printf "\033")" seen-dumb'
else
    echo 'ok - colour on a terminal # SKIP script makes none here'
fi
# A compiled program in the place of rules, by each way to read some.
for way in --check --stats --dump=ast --fmt '-o new.pbc'; do
    # shellcheck disable=SC2086
    timeout 60 "$preyc" $way good.pbc >out 2>err </dev/null
    status=$?
    check "$way of a compiled program" sh -c "[ $status = 1 ] && [ \"\$(wc -l <err)\" = 1 ] && grep -q '^error: .good.pbc. is a compiled program: give the rule file (.prey); .* \[E0114\]\$' err"
done
echo 'include "good.pbc"' >including.prey
check 'which is no file to include' run 1 --check including.prey
check 'either' grep -q 'good.pbc. is a compiled program' err

check '--format=json: status 1' run 1 --check --format=json bad.prey
check 'JSON is on standard output' sh -c 'grep -q "\"code\":\"E0201\"" out && [ ! -s err ]'
check 'JSON is JSON' python3 -c 'import json; json.load(open("out"))'
cp out long
check '--json is the same' run 1 --check --json bad.prey
check 'byte for byte' cmp -s out long
check '--format=json of good rules is JSON' run 0 --check --format=json good.prey
check 'and nothing but JSON' python3 -c 'import json; json.load(open("out"))'

for kind in ast ir bytecode; do
    check "--dump=$kind" run 0 --dump=$kind good.prey
    check "--dump=$kind prints" [ -s out ]
done
mkdir parts lists
printf 'include "parts/*.prey"\nset s = file "lists/a.txt", file "./lists/b.txt"\nset t = file "lists/a.txt"\nfirewall f default accept { drop from s; drop to t }\n' >many.prey
echo 'test "seen" { replay "../seen.pcap" accept all }' >parts/b.prey
echo '# nothing' >parts/a.prey
echo 192.0.2.1 >lists/a.txt
echo 192.0.2.2 >lists/b.txt
echo 'eth / ip4 192.0.2.9 > 192.0.2.10 / tcp 50000 > 80 syn' | "$B/tests/tools/mkcap" /dev/stdin seen.pcap
check '--dump=files' run 0 --dump=files -o many.pbc many.prey
check 'rules, lists and captures, each once, as the rules lead there' [ "$(tr '\n' ' ' <out)" = 'many.prey parts/a.prey parts/b.prey lists/a.txt ./lists/b.txt parts/../seen.pcap ' ]
check 'beside a program that is written' [ -s many.pbc ]
check 'of bad rules it prints none' run 1 --dump=files bad.prey
check 'nothing' [ ! -s out ]
check '--dump=ast also of bad rules, status 1' run 1 --dump=ast bad.prey
check 'the tree is printed' grep -q firewall out
check '--stats' run 0 --stats good.prey
check '--stats prints' [ -s out ]
cp out before
check '--stats as JSON' run 0 --stats --json good.prey
check 'is an object a section, each name once' python3 -c '
import json
def once(pairs):
    assert len(pairs) == len(dict(pairs)), pairs
    return dict(pairs)
d = json.load(open("out"), object_pairs_hook=once)
assert d["rules"]["rules"] == 1 and d["rules"]["address_sets"] == 1 and d["lists"]["lists"][0]["name"] == "f", d
assert d["file"]["in_all_bytes"] > 0 and d["compile"]["in_all_ms"] > 0'
check '--stats as JSON, with a warning' run 0 --stats --json warns.prey
check 'which is on standard error' grep -q W0201 err
check 'the figures stand alone' python3 -c 'import json; json.load(open("out"))'
check '--stats as JSON of bad rules' run 1 --stats --json bad.prey
check 'tells of the errors alone' python3 -c 'import json; assert json.load(open("out"))["errors"] == 1'
check '--stats as SARIF' usage 'run preyc once for each output' --stats --format=sarif good.prey
check '--stats as JSON beside --check' usage 'run preyc once for each output' --stats --check --json good.prey
{ echo 'firewall f default accept {'
  for k in $(seq 0 24); do printf '  accept to 10.%u.0.0-10.%u.%u.255\n  drop to 10.%u.0.0/16\n' "$k" "$k" $((10 * k)) "$k"; done
  echo '}'; } >partly.prey
check '--stats of rules that others partly cover' run 0 --stats partly.prey
sed -n 's/^  rule f:\([0-9]*\), .*/\1/p' out | tr '\n' ' ' >told
check 'the twenty that are covered most, those first' grep -qx '51 49 47 45 43 41 39 37 35 33 31 29 27 25 23 21 19 17 15 13 ' told
check 'and how many more there are' grep -q '^  and of 5 more rules$' out
check 'as JSON, too' run 0 --stats --json partly.prey
check 'rule, share, what is left, and how many more' python3 -c '
import json
d = json.load(open("out"))["what_is_left_of_rules_that_others_partly_cover"]
assert len(d["rules"]) == 20 and d["more"] == 5 and d["rules"][0]["rule"] == "f:51" and 0 < d["rules"][0]["share"] < 1, d'
printf 'limits { flows 100_000 }\nfirewall f default drop { accept icmp6 type nd; accept state new; drop flows over 5 per source }\n' >flows.prey
check '--stats of rules that follow connections' run 0 --stats flows.prey
check 'says what memory they take' grep -Eq '^  flow table +19,651,904 bytes per worker' out
printf 'limits { flows 100_000 }\npool w { source 10.0.0.1; server a 10.0.0.2 }\nservice s on 203.0.113.1 tcp/80 { mode passthrough; -> w }\n' >sent.prey
check '--stats of rules that send on' run 0 --stats sent.prey
check 'says what flows with twins take' grep -Eq '^  flow table +77,703,744 bytes per worker' out
check 'and by what packets are dealt to workers' grep -q "workers by client's *IPv4 /32, IPv6 /128, and port" out
check '--stats' run 0 --stats flows.prey
check 'and what counting them takes' grep -Eq '^  flows of each source +6,800,000 bytes per worker' out
printf 'limits { flows 100_000 }\nfirewall f default drop { accept icmp6 type nd; accept state new; drop flows over 5 per source; drop flows over 9 per source/24,/56 }\n' >networks.prey
check '--stats of rules that count by networks' run 0 --stats networks.prey
check 'and what counting by each takes' grep -Eq '^  flows of each source +13,600,000 bytes per worker' out
check 'and by what packets are dealt then' grep -q "workers by client's *IPv4 /24, IPv6 /56" out
check '--explain' run 0 --explain E0201
check '--explain prints' grep -q E0201 out
check '--explain takes lower case or says what is wrong' usage 'E0201' --explain E9999
check '--help' run 0 --help
cp out long
check '-h is the same' run 0 -h
check 'byte for byte' cmp -s out long
check '--version' run 0 --version
cp out long
check '-V is the same' run 0 -V
check 'byte for byte' cmp -s out long

# Rules from standard input and from a pipe.
check '- is standard input' sh -c "'$preyc' --check - <good.prey >out"
check 'its name is said so' grep -qx -- '-: good: 1 rule, 1 set' out
check '- with faults' sh -c "'$preyc' --check - <bad.prey 2>err; [ \$? -eq 1 ]"
check 'their place is in <stdin>' grep -q '^<stdin>:[0-9]*:[0-9]*: error' err
check '- to a program' sh -c "'$preyc' - -o piped.pbc <good.prey"
check 'that is there' [ -s piped.pbc ]
check 'a pipe' sh -c "cat good.prey | '$preyc' --check /dev/stdin >out"
check 'a named pipe' sh -c 'mkfifo rules.fifo; cat good.prey >rules.fifo & "$1" --check rules.fifo >out; e=$?; wait; exit $e' sh "$preyc"
printf 'include "rules.fifo"\n' >waits.prey
check 'an include waits for nobody: no pipe is read' run 1 --check waits.prey

# Several files, and folders of them.
mkdir -p several/inner
cp good.prey several/b.prey; cp warns.prey several/a.prey; cp bad.prey several/inner/c.prey
echo 'no rules' >several/notes.txt; cp bad.prey several/.hidden.prey
check '--check of two files' run 0 --check good.prey warns.prey
check 'a line each' [ "$(grep -c good: out)" -eq 2 ]
check '--check of one that is bad and one that is good' run 1 --check bad.prey good.prey
check 'the good one is said to be good' grep -q '^good.prey: good' out
check '--check of a folder' run 0 --check several
check 'its rule files in the order of their names, and no others' [ "$(cut -d: -f1 out | paste -sd' ')" = 'several/a.prey several/b.prey' ]
check 'a folder and a file' run 1 --check several bad.prey
check 'several as JSON' run 1 --check --json several bad.prey
check 'are one list' python3 -c 'import json; d = json.load(open("out")); assert [x["errors"] > 0 for x in d] == [False, False, True]'
check 'several have no SARIF' usage '--format=sarif takes one' --check --format=sarif good.prey warns.prey
mkdir empty
check 'a folder without rule files' usage 'has no rule file' --check empty
check 'a file that is not there, beside a good one' run 2 --check absent.prey good.prey
check 'several are for --check alone' usage 'only --check takes several' good.prey warns.prey -o x.pbc

check '--color=always: also where there is no terminal' sh -c "NO_COLOR=1 '$preyc' --color=always --check bad.prey 2>&1 | grep -q '$(printf '\033')'"
check '--color=never' sh -c "'$preyc' --color=never --check bad.prey 2>&1 | grep -q E0201"
check 'an unknown colour' usage 'auto, always or never' --color=blue --check good.prey

check 'no arguments' usage 'rule file'
check 'nothing to do' usage 'the command has no action for `good.prey`' good.prey
check 'two rule files' usage 'takes one rule file' good.prey bad.prey -o good.pbc
check 'an unknown option, with a hint' usage 'did you mean `--check`' --chekc good.prey
check 'an unknown letter' usage '`-x`' -x good.prey
check '-o without a name' usage 'a value is missing after' good.prey -o
check '-o twice' usage 'twice' good.prey -o a.pbc -o b.pbc
check '--check with -o' usage 'writes no file' --check good.prey -o a.pbc
check 'an unknown dump' usage 'ast, ir, bytecode or files' --dump=tree good.prey
check 'an unknown format' usage 'text, json or sarif' --check --format=xml good.prey
check 'a value where none belongs' usage 'takes no value' --check=yes good.prey
check 'also with a short name' usage 'takes no value: `--help=yes`' --help=yes
check 'an abbreviation is refused, with the full name' usage '`--dum=ir`; did you mean `--dump`' --dum=ir good.prey
check 'also before a value of its own' usage '`--dum`; did you mean `--dump`' good.prey --dum ir
check 'also without its value' usage '`--exp`; did you mean `--explain`' --exp
check 'also with one it does not take' usage '`--werr=1`; did you mean `--werror`' --werr=1 good.prey
check '--json takes nothing' usage 'takes no value' --check --json=x good.prey
check '--form is not --fmt' usage '`--form=json`; did you mean `--format`' --check --form=json good.prey
check '--fm is not --format' usage '`--fm`; did you mean `--fmt`' --fm good.prey
check '--f is neither' usage 'no option `--f`' --f good.prey
check 'a value may look like an abbreviation' usage '`absent.prey`' -o --dum -- absent.prey
for kind in --dump=ast --dump=ir --dump=bytecode; do
    for format in json sarif; do
        check "$kind with --format=$format" usage 'print text, not json or sarif; remove `--format`' --check --format=$format $kind good.prey
    done
done

# --diff: usage, unreadable and faulty input, and what the status says.
printf 'set s = 192.0.2.1\nfirewall f default accept { drop from s; drop tcp port 25 }\n' >less.prey
for n in '' 'good.prey' 'good.prey less.prey bad.prey'; do
    check "--diff with ${n:-nothing}" usage 'needs two files to compare' --diff $n
done
for option in --check --stats --dump=ir --fmt -w '-o x.pbc' '--server-setup a/b'; do
    check "--diff with $option" usage '--diff can be combined' --diff $option good.prey less.prey
done
check '--diff has no SARIF' usage 'text or json' --diff --format=sarif good.prey less.prey
check '--diff with an empty name' usage 'name of a file is empty' --diff good.prey ''
check '--diff: less is let through, status 0' run 0 --diff good.prey less.prey
check 'it says so' grep -q '1 region: 1 narrowed' out
check '--diff: more is let through, status 1' run 1 --diff less.prey good.prey
check 'it says so' grep -q '1 region: 1 widened' out
check '--diff: nothing differs, status 0' run 0 --diff good.prey good.prey
check '--diff takes programs' run 0 --diff good.pbc less.prey
check '--diff: bad rules, status 2' run 2 --diff good.prey bad.prey
check 'the diagnostic is told, nothing else' [ -s err -a ! -s out ]
check '--diff: no such file, status 2' usage "can't read" --diff good.prey missing.prey
head -c 100 good.pbc >cut.pbc
check '--diff: a damaged program, status 2' usage 'preyc: cut.pbc: truncated' --diff good.prey cut.pbc
check '--diff: warnings are told only with --werror' run 1 --diff good.prey warns.prey
check 'no warning' [ ! -s err ]
check '--diff --werror' run 2 --diff --werror good.prey warns.prey
check '--diff --format=json' run 1 --diff --format=json less.prey good.prey
check 'it is JSON' python3 -m json.tool out json

cat >pools.prey <<'END'
allow W0515; pool shop { source 198.18.0.1, 198.18.0.2 ports 1001-2000; server a 10.0.0.1; server b 10.0.0.2; server c 2001:db8::1 }
pool spare { server x 10.0.0.9 }
service www on 203.0.113.10, 2001:db8::10 tcp/443 { mode passthrough; -> shop }
service dns on 203.0.113.10 udp/53 { mode dsr l2; -> spare }
nat home { masquerade from 10.0.0.0/8 out on "eth1" ports 20000-29999; source from 10.1.0.0/16 out on "eth2" to 198.18.0.9 }
END
check '--server-setup' run 0 --server-setup shop/b pools.prey
check 'prints commands' grep -q '^# Server shop/b, 10.0.0.2' out
check 'also joined to its value' run 0 --server-setup=spare/x pools.prey
check 'and with --check' run 0 --check --server-setup spare/x pools.prey
check 'a pool that is not' usage 'no pool is called `shap`; did you mean `shop`' --server-setup shap/a pools.prey
check 'a server that is not' usage 'no server of that pool is called `xx`; did you mean `x`' --server-setup spare/xx pools.prey
check 'a server without its pool' usage 'takes POOL/SERVER, not `x`' --server-setup x pools.prey
check 'a pool without its server' usage 'takes POOL/SERVER, not `spare/`' --server-setup spare/ pools.prey
check 'a name with more than one part' usage 'no server of that pool' --server-setup spare/x/y pools.prey
check 'two servers' usage 'the command has --server-setup twice' --server-setup spare/x --server-setup spare/x pools.prey
check 'with another form' usage 'print text, not json or sarif; remove `--format`' --server-setup spare/x --format=json pools.prey
check 'of bad rules' run 1 --server-setup spare/x bad.prey
python3 -c '
print("firewall f in default drop {")
for i in range(36000):
    print(f"  accept tcp from 10.{i >> 8 & 255}.{i & 255}.0/24 to port {1 + i * 5 % 60000} ttl {i % 250 + 1} length {i % 1400 + 60}-{i % 1400 + 90} dscp {i % 60}")
print("}")' >far.prey
check '--stats of rules that older kernels do not take' run 0 --stats far.prey
check 'says so beside what newer ones do' grep -q '^  not before Linux 6.9: one list has too many rules with conditions of their own' out
check 'and of others says nothing of it' sh -c '! grep -q "before Linux" before'
check '--stats tells of source ports' run 0 --stats pools.prey
check 'addresses times ports times servers' grep -q 'shop, IPv4 *4,000 flows: 2 addresses x 1000 ports x 2 servers' out
check 'of this machine where no source is written' \
    grep -q "shop, IPv6 *4,536 flows: 1 address (this machine's) x 4536 ports x 1 server$" out
check 'of a nat' grep -q 'home:5 *10,000 mappings per protocol' out
check 'with all ports of an address to translate to' grep -q 'home:5 *64,512 mappings per protocol' out
printf 'pool p { server a 10.0.0.1 }\nservice dns on 192.0.2.1 udp/53 { mode passthrough; -> p }\n' >udp.prey
check '--stats tells of UDP' run 0 --stats udp.prey
check 'how many flows may begin a second' grep -q 'dns, UDP *37 new flows per second: each keeps its port for 120 s' out
check 'not of what is not translated' sh -c '! grep -q "spare," out'

printf '# kept\nset  s=192.0.2.1\nfirewall f default accept{drop from s}\n' >loose.prey
printf '# kept\nset s = 192.0.2.1\nfirewall f default accept { drop from s }\n' >tidy.prey
cp loose.prey kept.prey
check '--fmt prints the one layout' run 0 --fmt loose.prey
check 'that it is' cmp -s out tidy.prey
check '--fmt leaves the file alone' cmp -s loose.prey kept.prey
check '--fmt - reads standard input' sh -c "'$preyc' --fmt - <loose.prey | cmp -s - tidy.prey"
check '--fmt --check names the files that differ, status 1' run 1 --fmt --check loose.prey tidy.prey
check 'and those alone' sh -c '[ "$(cat out)" = loose.prey ]'
check '--fmt --check of formatted files: silent' run 0 --fmt --check tidy.prey
check 'indeed silent' [ ! -s out -a ! -s err ]
chmod 640 loose.prey
touch -d 2001-01-01 tidy.prey
ln -s loose.prey named.prey
check '--fmt -w of several files' run 0 --fmt -w named.prey tidy.prey
check 'is silent' [ ! -s out -a ! -s err ]
check 'what differed is rewritten' cmp -s loose.prey tidy.prey
check 'with its mode' mode_is loose.prey 640
check 'a link stays a link' [ -L named.prey ]
check 'what did not differ is not touched' [ "$(stat -c %Y tidy.prey)" -lt 1000000000 ]
printf 'set  s =\n' >half.prey
cp half.prey half.keep
cp kept.prey loose.prey
check '--fmt -w of a file with errors: status 1' run 1 --fmt -w half.prey loose.prey
check 'the errors are told' grep -q E0103 err
check 'that file is whole' cmp -s half.prey half.keep
check 'the other is formatted' cmp -s loose.prey tidy.prey
check '--fmt prints nothing of a file with errors' run 1 --fmt half.prey
check 'nothing' [ ! -s out ]
printf 'include "absent.prey"\nfirewall f default accept {drop from nobody}\n' >names.prey
check '--fmt asks for no names and follows no includes' run 0 --fmt names.prey
check '--fmt of an absent file: status 2' usage 'absent.prey' --fmt absent.prey
check '--fmt -w goes on after it' run 2 --fmt -w absent.prey tidy.prey
check '--fmt --format=json: errors as JSON' run 1 --fmt --format=json half.prey
check 'JSON it is' python3 -c 'import json; assert json.load(open("out"))["errors"] == 1'
check '--fmt --check --format=sarif of good files' run 0 --fmt --check --format=sarif tidy.prey
check 'SARIF it is' python3 -c 'import json; assert json.load(open("out"))["runs"][0]["results"] == []'
check '--fmt with -o' usage 'doesn.t compile the file' --fmt good.prey -o a.pbc
check '--fmt with --dump' usage 'can be combined' --fmt --dump=ast good.prey
check '--fmt -w --check' usage 'writes no file' --fmt -w --check good.prey
check '--fmt of two files, no -w' usage 'take several' --fmt good.prey tidy.prey
check '--fmt of nothing' usage 'no rule file' --fmt
check '-w without --fmt' usage 'works only with --fmt' -w good.prey
check '-w of standard input' usage 'standard input' --fmt -w -

for file in good warns bad; do
    for werror in '' --werror; do
        status=0
        [ $file = bad -o "$file$werror" = warns--werror ] && status=1
        for format in text json sarif; do
            check "$file $format $werror: status $status" run $status --check --format=$format $werror $file.prey
            case $format in
            text) check 'text is on standard error' sh -c "[ $file = good ] || grep -q '\[[EW]0' err" ;;
            *) check "$format is alone on standard output" sh -c 'python3 -m json.tool out >/dev/null && [ ! -s err ]' ;;
            esac
        done
    done
done
check 'sarif: the level follows --werror' run 1 --check --format=sarif --werror warns.prey
check 'it is error' grep -q '"ruleId":"W0201","ruleIndex":[0-9]*,"level":"error"' out

check 'an unreadable rule file: status 2' usage 'absent.prey' --check absent.prey
check 'a name with controls is told without them' usage 'abs?\[31ment' --check "$(printf 'abs\033[31ment')"
check 'also by --fmt' usage 'abs?ent' --fmt "$(printf 'abs\001ent')"
check 'also of an output' usage 'a?b/x.pbc' good.prey -o "$(printf 'a\001b/x.pbc')"
check 'a folder as rule file: status 2' usage '`.`' --dump=ir .
mkdir folder
mkfifo pipe
ln -s good.pbc link.pbc
ln -s nowhere.pbc dangling.pbc
check 'output onto the rules is refused' usage 'preyc reads the rules from this file' good.prey -o good.prey
check 'the rules are whole' grep -q firewall good.prey
ln -s good.prey alias.prey
check 'also by a link' usage 'preyc reads the rules from this file' good.prey -o alias.prey
printf 'include "good.prey"\n' >outer.prey
check 'also onto an included file' usage 'preyc reads the rules from this file' outer.prey -o good.prey
printf '192.0.2.1\n' >list
printf 'set s = file "list"\nfirewall f default accept { drop from s }\n' >listed.prey
check 'also onto an address file' usage 'preyc reads the rules from this file' listed.prey -o list
check 'the address file is whole' grep -q 192 list
check 'a folder as output' usage 'folder' good.prey -o folder
check 'a pipe as output' usage 'regular' good.prey -o pipe
check 'a device as output' usage 'regular' good.prey -o /dev/null
check 'a dangling link as output' usage 'link' good.prey -o dangling.pbc
check 'an output in no folder' usage 'absent/x.pbc' good.prey -o absent/x.pbc
check 'a link as output' run 0 warns.prey -o link.pbc
check 'the link stays a link, its target is replaced' sh -c '[ -L link.pbc ] && cmp -s good.pbc warns.pbc'
cp keep.pbc good.pbc
# The bound counts blocks of 1024 bytes, and the program is larger.
seq -f '198.51.100.%g' 1 2 200 >wide.list
for i in $(seq 200); do echo "drop from 10.$i.0.0/16 to 192.0.2.$((i % 250))"; done |
    { echo 'firewall f default accept {'; cat; echo '}'; } >wide.prey
(ulimit -f 1; run 2 wide.prey -o good.pbc)
check 'no room: status 2' [ $? -eq 0 ]
check 'no room: the good output stays' unchanged
check 'no temporary file is left anywhere' alone
# Interfaces that are to be served.
printf 'interface wan = "eth7"\nfirewall f on wan in default drop { accept icmp6 type nd }\nfirewall o on "eth7" out default accept { drop tcp }\n' >served.prey
check '-i: each is judged' run 0 --check --werror -i eth7 served.prey
check '-i: a bridge knows what crosses alone' sh -c "printf 'firewall a on \"wan\" in default accept {}\nfirewall b forward default accept {}\n' >crosses.prey; '$preyc' --check -i wan:lan crosses.prey; ! '$preyc' --check -i wan,lan crosses.prey 2>/dev/null"
check '-i: by a pattern, too' sh -c "sed 's/eth7/et*/' served.prey >wide.prey; '$preyc' --check --werror -i eth7,eth8 wide.prey"
check '-i: none is served without it' run 0 --check --werror served.prey
check '-i: one that no firewall judges: status 1' run 1 --check -i eth7,eth0 served.prey
check '-i: for each direction' [ "$(head -1 err)" = 'error: no firewall judges packets that arrive on eth0 or leave by it, as `f` (served.prey:2) does for eth7 [E0595]' ]
check '-i: a device that rules name and nobody serves is wrong, too' run 1 --check --format=json -i eth0 served.prey
check '-i: in the same words' [ "$(grep -c 'E0595.*on eth0 or leave by it, as' out) $(grep -c 'E0595.*no firewall judges packets that arrive on eth7 or leave by it: -i doesn'\''t name it' out)" = '1 1' ]
check '-i: unless it is named' run 0 --check --werror -i eth7 --allow-unjudged eth0,wg0 served.prey
check '-i: and each of them' run 0 --check --werror -i eth0 --allow-unjudged 'eth0' --allow-unjudged 'et*' served.prey
printf 'interface vpn = "wg0"\nfirewall f forward default drop { accept icmp6 type nd; accept tcp on vpn port 22 }\n' >never.prey
check '-i: a rule that never matches is a warning' run 0 --check -i eth0 never.prey
check '-i: it says who judges' grep -q 'never.prey:2 never matches in user space: the rule needs packets from wg0, which -i doesn'\''t name; the kernel executor judges forwarded packets from there where they leave \[W0516\]$' err
sed 's/forward/in/' never.prey >never-in.prey
check '-i: or that nobody does' sh -c "'$preyc' --check -i eth0 --allow-unjudged wg0 never-in.prey 2>&1 | grep -q 'never-in.prey:2 never matches: the rule needs packets from wg0, which -i doesn'\''t name \[W0516\]$'"
check '--ask -i: nobody judges what comes by another' sh -c "'$preyc' --ask 'tcp 10.8.0.2:5 -> self:22 syn on \"wg0\"' -i eth0 never-in.prey >out && grep -q 'no firewall judges packets that arrive on wg0.*: -i doesn'\''t name it' out && grep -q '^verdict: drop  reason unjudged (wg0 is shut' out"
check '--ask -i: or it is open' sh -c "'$preyc' --ask 'tcp 10.8.0.2:5 -> self:22 syn on \"wg0\"' -i eth0 --allow-unjudged wg0 never-in.prey | grep -q '^verdict: no firewall judges the packet (wg0 is open)'"
check '--ask -i: one that no rule names is open' sh -c "'$preyc' --ask 'tcp 10.8.0.2:5 -> self:22 syn on \"br7\"' -i eth7 served.prey | grep -q '^verdict: no firewall judges the packet (br7 is open)'"
check '--ask -i: of what is judged nothing changes' sh -c "'$preyc' --ask 'tcp 10.8.0.2:5 -> self:22 syn on wan' -i eth7 served.prey | grep -q '^verdict: drop  rule default'"
check '--allow-unjudged: with -i alone' usage 'works only with -i' --check --allow-unjudged wg0 served.prey
for name in 'sixteen-letters-' 'a/b' 'a b' 'a:' 'wg*' '' . .. eth0,; do
    check "-i: no interface can be called so: $name" usage 'takes names of devices, not' --check -i "$name" served.prey
done
check '-i: a list has commas and no blanks' usage 'write names of 1 to 15 characters, separated by commas: -i eth0,eth1' --check -i 'eth0 eth7' served.prey
check '-i: no patterns' usage 'name each device: -i takes no patterns' --check -i 'eth*' served.prey
check '-i: it says what serves a device, or leaves it open' sh -c "'$preyc' --check -i eth0 --allow-unjudged eth0 served.prey 2>&1 | grep -q -e 'serve the device with -i eth7; or leave the device open with --allow-unjudged eth7'"
check '-i: the device, not the name that the file gives it' sh -c "'$preyc' --check -i wan --allow-unjudged wan served.prey 2>&1 | grep -q -e '.wan. is a name in the rules, but -i takes the device.s name: -i eth7'"
check '-i: not twice' usage '-i lists an interface twice: `eth0`' --check -i eth0 -i eth0 served.prey
check '-i: for --check and --ask alone' usage 'works only with --check or --ask' -i eth0 served.prey -o good.pbc
check 'a full standard output is an error' sh -c "'$preyc' --dump=ast good.prey >/dev/full 2>err; [ \$? -eq 2 ]"
exit $failed
