#!/usr/bin/env bash
# The Debian package in a clean root: it installs with what it asks for, compiles, judges and checks there, has its user and
# unit, and goes again. As root, with a mirror; some minutes. B: the build folder, where `make deb` left the package.
set -u
. tests/lib/scratch.sh
root=$work/root
deb=$(ls "$bin"/deb/prey_*.deb) || exit 2
trap 'rm -rf "$root"' EXIT
# The release that this machine has, for the package was built against it.
debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" ${MIRROR:+"$MIRROR"} >debootstrap.log 2>&1 || { tail -5 debootstrap.log; ok 1 'a clean root is made'; exit 1; }
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >out 2>err; }
cp "$deb" "$root/prey.deb"
inside apt-get install -y --no-install-recommends /prey.deb
ok $? 'it installs'
for program in preyc preyrun preyctl; do
    inside "$program" --version
    ok $? "$program runs"
done
printf 'edition 1\nfirewall edge in default drop { accept icmp6 type nd; accept tcp to port 80 as WEB }\n' >"$root/etc/prey/edge.prey"
mkdir -p "$root/run/prey" "$root/var/lib/prey"
inside /usr/lib/prey/prey-compile start edge
ok $? 'prey-compile compiles'
"$bin/tests/tools/mkcap" /dev/stdin "$root/in.pcap" <<<'eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 80 syn'
inside preyrun --pcap /in.pcap /run/prey/edge.pbc && grep -q 'WEB .*accept .* 1 ' out
ok $? 'preyrun judges'
inside getent passwd prey
ok $? 'there is a user prey'
[ -s "$root/lib/systemd/system/preyrun@.service" ]
ok $? 'there is the unit'
inside apt-get purge -y prey && [ ! -e "$root/usr/bin/preyrun" ]
ok $? 'it goes again'
exit $failed
