#!/usr/bin/env bash
# Completion in bash: each row of the tables of options and commands is offered, and values of each kind.
set -u
. tests/lib/scratch.sh
PATH=$bin:$PATH
offers() { # SENTENCE LINE WORDS
    same "$1: $2" "$(bash "$top/tests/lib/complete.sh" "$2")" "$3"
}
names() { # SENTENCE LINE WORD...: all of these are offered, and no other
    local sentence=$1 line=$2
    shift 2
    offers "$sentence" "$line" "$(printf '%s\n' "$@" | sort | paste -sd' ')"
}
mkdir rules
touch shop.prey shop.pbc traffic.pcap 'two words.prey'
names 'all commands' 'preyctl ' $(sed -n 's/^COMMAND([^,]*, "\([a-z]*\)".*/\1/p' "$top/runtime/preyctl/command.def")
names 'all options' 'preyrun -' -i -r -h -V $(sed -n '/, *later,/d; s/^OPTION("\([a-z-][a-z-]*\)".*/--\1/p' "$top/runtime/base/options/options.def")
names 'all options' 'preyc -' -i -o -w -r -h -V $(sed -n 's/^OPTION([A-Z]*, *"\([a-z-]*\)".*/--\1/p' "$top/compiler/command/options.def")
names 'all options, behind a command' 'preyctl status --' $(sed -n 's/^    {"\(--[a-z]*\)".*/\1/p' "$top/runtime/preyctl/command_line.c")
offers 'those that begin so' 'preyc --d' '--diff --dump'
offers 'values' 'preyrun --io ' 'auto packet xdp'
offers 'values behind =' 'preyc --dump=a' ast
offers 'values with an end' 'preyrun --log ' 'json text'
offers 'of a command line with a path' "$bin/preyctl --format j" json
offers 'what is set' 'preyctl set web/one ' 'down drain file up weight'
offers 'that begins so' 'preyctl --json set web/one d' 'down drain'
offers 'one word that may follow' 'preyctl explain x ' 'on'
offers 'options of a command' 'preyctl load shop.pbc --' '--allow-unjudged --confirm --control --format --help --json --name --save --version'
offers 'nothing for a time' 'preyctl load shop.pbc --confirm ' ''
offers 'a file for one of them' 'preyctl capture tcp -w traffic' traffic.pcap
offers 'nothing more' 'preyctl set web/one up ' ''
offers 'nothing that runs' 'preyctl --control ./none set ' ''
offers 'of a command without arguments nothing' 'preyctl status ' ''
offers 'rule files, programs and folders' 'preyc ' 'rules shop.pbc shop.prey two words.prey'
offers 'programs' 'preyrun -i eth0 s' shop.pbc
offers 'any file' 'preyrun --pcap tr' traffic.pcap
offers 'folders' 'preyrun --replay ' rules
one=$(ls /sys/class/net | head -1)
names 'interfaces' 'preyrun -i ' $(ls /sys/class/net)
names 'interfaces behind others' 'preyc --check -i wan,' $(ls /sys/class/net | sed 's/^/wan,/')
offers 'the first of a bridge' "preyrun --bridge $one" "$(ls /sys/class/net | grep "^$one" | sed 's/$/:/' | paste -sd' ')"
names 'the second' "preyrun --bridge $one:" $(ls /sys/class/net)

# Other shells ask the same by editors/bash/offered.
offered() { "$top/editors/bash/offered" "$1"; }
same 'a word and what --help says of it' "$(offered 'preyc --di')" \
    "--diff$(printf '\t')$(preyc --help | sed -n 's/^  --diff  *//p')"
same 'a command whose arguments take its line' "$(offered 'preyctl ca')" \
    "capture$(printf '\t')$(preyctl --help | grep -A1 '^  capture' | sed -n '2s/^ *//p')"
same 'a folder ends in a slash' "$(offered 'preyc ru')" "rules/$(printf '\t')"
if command -v fish >/dev/null; then
    fish_offers() { HOME=$work fish -c "source $top/editors/fish/prey.fish; complete -C '$1'" | cut -f1 | sort | paste -sd' '; }
    same 'fish: options' "$(fish_offers 'preyc --d')" '--diff --dump'
    same 'fish: values' "$(fish_offers 'preyrun --io ')" 'auto packet xdp'
    same 'fish: what is said of one' "$(HOME=$work fish -c "source $top/editors/fish/prey.fish; complete -C 'preyctl loa'" | cut -f2)" \
        "$(preyctl --help | grep -A1 '^  load' | sed -n '2s/^ *//p')"
else
    echo 'ok - fish # SKIP it is not installed'
fi

# A shell in a terminal, and the key itself.
cat >types.py <<'END_PY'
import os, pty, select, sys, time
pid, fd = pty.fork()
zsh = sys.argv[1].endswith("_prey")
if pid == 0:
    os.environ.update(PS1="$ ", TERM="dumb", INPUTRC="/dev/null")
    if zsh:
        os.execvp("zsh", ["zsh", "-f", "-i"])
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
seen = b""
def until(what):
    global seen
    end = time.time() + 60
    while what not in seen and time.time() < end and select.select([fd], [], [], 60)[0]:
        seen += os.read(fd, 1000)
        seen = seen.replace(b"\x08 ", b"") # how zsh draws a blank again
    print("ok" if what in seen else seen)
    seen = seen[seen.find(what) + len(what):]
if zsh:
    os.write(fd, b"autoload -Uz compinit && compinit -D\n")
os.write(fd, b". %s && echo re''ady\n" % sys.argv[1].encode())
until(b"ready")
os.write(fd, b"preyctl set web/one dr\t5m")
until(b"drain 5m")
os.write(fd, b"\x15preyc --format=sa\ttwo\t-o x")
until(b"sarif two\\ words.prey -o x")
os.write(fd, b"\x15exit\n")
os.waitpid(pid, 0)
END_PY
same 'by the key in a terminal' "$(timeout 100 python3 types.py "$top/editors/bash/prey.bash" | paste -sd' ')" 'ok ok ok'
if command -v zsh >/dev/null; then
    same 'in zsh' "$(HOME=$work timeout 100 python3 types.py "$top/editors/zsh/_prey" | paste -sd' ')" 'ok ok ok'
else
    echo 'ok - in zsh # SKIP it is not installed'
fi
exit $failed
