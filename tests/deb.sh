#!/usr/bin/env bash
# The Debian packages in a clean root: each installs with what it asks for, also over the one package of before; the compiler alone
# compiles; all of it compiles, judges and checks there, has its user and unit, rotates logs, and goes again; the guide as HTML has its search;
# an upgrade that restarts leaves no gap; dpkg may be cut off, or have no room (deb_cut.sh). As root, with a mirror; some minutes. B: the build
# folder, where `make deb` left the packages.
set -u
. tests/lib/scratch.sh
root=$work/root
debs=$(ls "$bin"/deb/prey_*.deb "$bin"/deb/prey-compiler_*.deb) || exit 2
try_ends() { :; }
trap 'try_ends; umount "$root/proc" 2>/dev/null; rm -rf --one-file-system "$root"' EXIT
# The release that this machine has, for the package was built against it.
debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" ${MIRROR:+"$MIRROR"} >debootstrap.log 2>&1 || { tail -5 debootstrap.log; ok 1 'a clean root is made'; exit 1; }
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >out 2>err; }
mkdir "$root/mnt/debs" && cp $debs "$root/mnt/debs/"
packages() { chroot "$root" dpkg-query -W -f '${binary:Package}\n' | sort; }
packages >base
holds() { "${@:2}"; ok $? "$1"; } # SENTENCE COMMAND...

echo '# The compiler alone'
inside sh -c 'apt-get install -y --no-install-recommends /mnt/debs/prey-compiler_*.deb'
ok $? 'it installs'
inside preyc --version
ok $? 'preyc runs'
printf 'firewall edge in default drop { accept tcp to port 80 as WEB }\n' >"$root/tmp/alone.prey"
inside preyc --check /tmp/alone.prey
ok $? 'it checks rules'
same 'it brings no user, no unit and no program beside preyc' \
    "$(inside getent passwd prey; cat out; inside dpkg -L prey-compiler; grep -E 'systemd|sysusers|/bin/.|/etc' out | tr '\n' ' ')" '/usr/bin/preyc '
same 'and of what the base lacks only libraries, none of them for the kernel' \
    "$(packages | comm -13 base - | sed 's/:.*//' | grep -v '^prey-compiler$' | grep -vE '^lib(cjson1|pcap0[.]8|dbus-1-3)(t64)?$')" ''
inside apt-get purge -y --auto-remove prey-compiler
ok $? 'it goes again'

echo '# Over the package of before, which had all'
mkdir -p "$root/old/DEBIAN" "$root/old/usr/bin" "$root/old/usr/share/man/man5" "$root/old/lib/systemd/system"
printf 'Package: prey\nVersion: 0.1\nArchitecture: all\nMaintainer: x <x@prey.example>\nDescription: x\n' >"$root/old/DEBIAN/control"
for f in usr/bin/preyc usr/bin/preyrun usr/share/man/man5/prey.5.gz lib/systemd/system/preyrun@.service; do echo old >"$root/old/$f"; done
inside dpkg-deb -b /old /old.deb && inside dpkg -i /old.deb
ok $? 'that is installed'
mkdir -p "$root/var/lib/prey/edge.rules/tls"
echo '-----BEGIN EC PRIVATE KEY-----' >"$root/var/lib/prey/edge.rules/tls/key.pem"
echo '# rules' >"$root/var/lib/prey/edge.rules/edge.prey"
rm -r "$root/old"
inside sh -c 'apt-get install -y --no-install-recommends /mnt/debs/prey*.deb'
ok $? 'both install'
same 'keys that it kept are gone, and nothing else' "$(cd "$root/var/lib/prey" && find . -type f)" ./edge.rules/edge.prey
for program in preyc preyrun preyctl; do
    inside "$program" --version
    ok $? "$program runs"
done
inside dpkg -V prey prey-compiler && [ ! -s out ]
ok $? 'all files are there'
# It lay in /lib, which is /usr/lib: the same file by another name.
same 'the unit, too' "$(grep -c '^ExecStart=/usr/bin/preyrun ' "$root/usr/lib/systemd/system/preyrun@.service")" 1

echo '# An upgrade that restarts'
# A manager that knows one instance, by its process, which says what becomes of it. One of before 0.1+1 opens when it is asked to end.
mount -t proc proc "$root/proc"
mkdir -p "$root/run/systemd/system"
for f in systemctl deb-systemd-invoke; do cp -P "$root/usr/bin/$f" "was.$f"; rm "$root/usr/bin/$f"; done
cat >"$root/usr/bin/systemctl" <<'END'
#!/bin/sh
case $1 in
list-units) echo 'preyrun@edge.service loaded active running x' ;;
show) cat /main ;;
*) echo "$@" >>/called ;;
esac
END
cat >"$root/usr/bin/deb-systemd-invoke" <<'END'
#!/bin/sh
# A reload in which the new preyrun takes over, where the test says so; a restart.
case $1 in
reload)
    [ ! -e /hands_over ] || {
        preyrun --pcap /endless /waits.pbc >/dev/null 2>&1 &
        kill "$(cat /main)"
        echo $! >/main
    }
    ;;
*) kill "$(cat /main)" 2>/dev/null ;;
esac
echo "$@" >>/called
END
cat >running.py <<'END'
import os, signal, sys, time
def asked(*_):
    print("asked", file=open(sys.argv[1] + "/called", "a"), flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, asked)
open(sys.argv[1] + "/main.new", "w").write(str(os.getpid()))
os.rename(sys.argv[1] + "/main.new", sys.argv[1] + "/main")
time.sleep(60)
os._exit(1)
END
chmod +x "$root/usr/bin/systemctl" "$root/usr/bin/deb-systemd-invoke"
upgrades() { # VERSION OPTION...: what the manager hears when that version is upgraded while such a preyrun is there
    rm -f "$root/called" "$root/main"
    python3 running.py "$root" "${@:2}" &
    until_there "$root/main"
    inside /var/lib/dpkg/info/prey.postinst configure "$1"
    wait $! 2>/dev/null
    echo "$? $(sort "$root/called" | tr '\n' ';')"
}
same 'what 0.1 has started is not asked to end, and opens nothing' "$(upgrades 0.1 -i eth0)" '137 daemon-reload;restart preyrun@edge.service;'
same 'where it was told to be closed, it ends in order' "$(upgrades 0.1 --on-exit closed -i eth0)" '0 asked;daemon-reload;restart preyrun@edge.service;'
same 'one since then is asked to hand over, and where it does not, it ends in order' "$(upgrades 0.1+1 -i eth0)" \
    '0 asked;daemon-reload;reload preyrun@edge.service;restart preyrun@edge.service;'
same 'which is told' "$(cat out)" 'prey: restarting preyrun@edge.service - connections that it balances or translates end'
mkfifo "$root/endless"
echo 'firewall edge in default accept { drop tcp to port 9 }' >"$root/waits.prey"
inside preyc /waits.prey -o /waits.pbc
touch "$root/hands_over"
same 'where it does, nothing is restarted' "$(upgrades 0.1+1 -i eth0)" '0 asked;daemon-reload;reload preyrun@edge.service;'
same 'which is told, too' "$(cat out)" 'prey: preyrun@edge.service runs the new version, and its connections go on'
kill "$(cat "$root/main")"
rm "$root/hands_over" "$root/endless" "$root/waits.pbc" "$root/waits.prey"
for f in systemctl deb-systemd-invoke; do rm "$root/usr/bin/$f"; cp -P "was.$f" "$root/usr/bin/$f"; done
rm -r "$root/run/systemd/system" "$root/main" "$root/called"
umount "$root/proc"

. "$top/tests/deb_cut.sh"
rm -f "$root/old.deb" "$root/cut.so"

echo '# What it does'
printf 'edition 1\nfirewall edge in default drop { accept icmp6 type nd; accept tcp to port 80 as WEB }\n' >"$root/etc/prey/edge.prey"
mkdir -p "$root/run/prey" "$root/var/lib/prey" "$root/etc/prey/tls"
echo '-----BEGIN PRIVATE KEY-----' >"$root/etc/prey/tls/key.pem"
inside /usr/lib/prey/prey-compile start edge
same 'without options a start says what is missing' "$? $(cut -d: -f1,2 err)" '78 prey-compile: there is no /etc/default/prey-edge'
example=$(sed -n 's/.*; \(.*\) is an example/\1/p' err)
cp "$root/$example" "$root/etc/default/prey-edge"
inside sh -c 'set -a; . /etc/default/prey-edge; /usr/lib/prey/prey-compile start edge'
same "with those of $example it compiles" "$? $(cat err)" '0 '
inside /usr/lib/prey/prey-compile runs edge
same 'no key is copied' "$(grep -rl KEY "$root/var/lib/prey")" ''
"$bin/tests/tools/mkcap" /dev/stdin "$root/in.pcap" <<<'eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 syn'
inside preyrun --pcap /in.pcap /run/prey/edge.pbc && grep -q 'WEB .*accept .* 1 ' out
ok $? 'preyrun judges'
inside getent passwd prey
ok $? 'there is a user prey'
[ -s "$root/usr/lib/systemd/system/preyrun@.service" ]
ok $? 'there is the unit'
for f in docs/guide/README.md docs/guide/reference/language/README.md systemd/README.md systemd/prey-edge rules-examples/web-server.prey integrations/README.md; do holds "there is $f" test -s "$root/usr/share/doc/prey/$f"; done
for f in etc/fail2ban/action.d/prey.conf usr/lib/prey/prey-crowdsec-feed usr/lib/prey/prey-list usr/lib/systemd/system/prey-list@.service usr/lib/systemd/system/prey-list@.timer; do
    holds "there is $f" test -s "$root/$f"
done
inside dpkg-query -W -f '${Depends}' prey
has 'names of hosts: it asks for c-ares' '(^|[ ,])libc-ares2'

echo '# The guide as HTML'
mkdir "$root/mnt/doc" && cp "$bin"/deb/prey-doc_*.deb "$root/mnt/doc/"
inside sh -c 'apt-get install -y --no-install-recommends /mnt/doc/prey-doc_*.deb'
ok $? 'prey-doc installs'
html=$root/usr/share/doc/prey/html
for f in index.html search.html docs/guide/tutorials/get-started.html man/preyrun.1.html; do holds "there is $f" test -s "$html/$f"; done
same 'its links lead to files, in another package' "$(find "$html" -type l | grep -c .) $(find "$html" -xtype l)" '7 '
if command -v chromium >/dev/null; then
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/chromium" --allow-file-access-from-files \
        --virtual-time-budget=10000 --dump-dom "file://$html/search.html?q=masquerade" >out 2>/dev/null
    has 'its search finds a word, opened from a file' 'found [1-9][0-9]* page'
else
    echo 'ok - the search finds a word # SKIP there is no chromium'
fi
inside grep -q /usr/share/doc/prey/html/index.html /usr/share/doc/prey/README.Debian
ok $? 'README.Debian names the place'
for page in man1/preyc.1 man1/preyrun.1 man1/preyctl.1 man5/prey.5; do
    same "$page names the place" "$(zcat "$root/usr/share/man/$page.gz" | grep -c /usr/share/doc/prey/html/index.html)" 1
done
inside apt-get purge -y prey-doc
holds 'it goes again, and the rest of the guide stays' test ! -e "$html" -a -s "$root/usr/share/doc/prey/docs/guide/README.md"

echo '# Logs'
inside apt-get install -y --no-install-recommends logrotate
ok $? 'logrotate installs'
mkdir -p "$root/var/log/prey"
echo line >"$root/var/log/prey/access.log"
echo '{}' >"$root/var/log/prey/prey.json"
printf '#!/bin/sh\necho "$@" >>/called\n' >"$root/bin/systemctl"
mkdir -p "$root/asked" "$root/run/prey/1"
cp "$root/bin/systemctl" "$root/asked/preyctl"
chmod +x "$root/bin/systemctl" "$root/asked/preyctl"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$root/run/prey/1/edge.sock"
inside env PATH=/asked:/usr/sbin:/usr/bin:/sbin:/bin logrotate -f /etc/logrotate.d/prey
same 'logs are rotated, and made anew for root alone to write' "$? $(cd "$root/var/log/prey" && stat -c '%n %a %U %s' * | tr '\n' ' ')" \
    '0 access.log 640 root 0 access.log.1 644 root 5 prey.json 640 root 0 prey.json.1 644 root 3 '
same 'then the instances hear of it, once' "$(cat "$root/called")" '--control /run/prey/1/edge.sock reload --logs'
rm -r "$root/asked"

echo '# It goes'
mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/run/systemd/system"
ln -s /lib/systemd/system/preyrun@.service "$root/etc/systemd/system/multi-user.target.wants/preyrun@edge.service"
mkdir -p "$root/etc/systemd/system/timers.target.wants"
ln -s /lib/systemd/system/prey-list@.timer "$root/etc/systemd/system/timers.target.wants/prey-list@drop.timer"
: >"$root/called"
inside apt-get remove -y prey
holds 'remove leaves rules, options and what it made' test -e "$root/etc/prey/edge.prey" -a -e "$root/var/lib/prey/edge.pbc" -a -e "$root/var/log/prey/access.log"
same 'and the manager hears that the unit is gone' "$(grep -c '^daemon-reload' "$root/called")" 1
inside apt-get purge -y prey prey-compiler && [ ! -e "$root/usr/bin/preyrun" ]
ok $? 'purge takes the rest'
rm -f "$root/bin/systemctl" "$root/called" "$root/in.pcap"
# The user stays, and what was written by hand.
same 'nothing is left but what the administrator wrote' "$(cd "$root" && find . -path ./mnt -prune -o -path ./tmp -prune -o -path ./proc -prune -o -name '*prey*' -print | grep -v var/cache | sort | tr '\n' ' ')" \
    './etc/default/prey-edge ./etc/prey ./etc/prey/edge.prey '

echo '# What tests install'
cp "$top/tests/install.sh" "$root/"
printf '#!/bin/sh\necho "$@" >>/policy; exit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
cp "$root/usr/sbin/policy-rc.d" policy
enabled() { (cd "$root/etc" && find systemd/system rc[2-5].d -name '*nginx*' ! -name 'K*' -o -name '*redis*' ! -name 'K*') 2>/dev/null; }
inside apt-get install -y -d --no-install-recommends nginx-light redis-server
# Where it starts something after all, that has no network, and ends with it.
unshare -npf --kill-child chroot "$root" sh /install.sh nginx-light redis-server >said 2>err
same 'it installs services, and says what it takes and which are off' \
    "$? $(grep -cE '^    [0-9]+ upgraded, [0-9]+ newly installed;$|^    .*B to fetch;$|^    .*B of room.$|^Not started, and not enabled: nginx redis-server ' said)" '0 4'
same 'of those none is enabled' "$(enabled)" ''
holds 'the policy of before is back, as it was' cmp policy "$root/usr/sbin/policy-rc.d"
same 'and was not asked for what it brought' "$(cat "$root/policy" 2>&1 | grep -cE 'nginx|redis')" 0
inside apt-get purge -y nginx-light nginx-common redis-server
inside apt-get install -y --no-install-recommends nginx-light
holds 'by apt-get alone they would be enabled' test -n "$(enabled)"
unshare -npf --kill-child chroot "$root" sh /install.sh no-such-package >said 2>err
same 'a package that there is not: status 2, its name, and the policy is back' "$? $(tail -1 err) $(cmp policy "$root/usr/sbin/policy-rc.d")" \
    '2 These packages could not be installed: no-such-package '
exit $failed
