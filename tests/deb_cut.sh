# The packages where dpkg is cut off at each of its steps, or has no room. Sourced by deb.sh: $root has what they depend on, and
# both packages; $root/old.deb is the package of before.
# Each try has a root of its own: a layer over $root, in memory, and gone afterwards.
cat >cut.c <<'END'
/* dpkg dies, with all that it has started, at the CUT_AT-th step: before a change of a name, before a process and after its end.
 * It tells its steps in /cut.steps where CUT_AT is 0. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
static pid_t dpkg;
__attribute__((constructor)) static void begin(void) { dpkg = strcmp(program_invocation_short_name, "dpkg") ? -1 : getpid(); }
static void step(const char *what, const char *path)
{
    static long steps;
    const char *at = getenv("CUT_AT");
    if (getpid() != dpkg || !at) return;
    if (++steps == atol(at)) kill(0, SIGKILL);
    FILE *f = atol(at) ? NULL : fopen("/cut.steps", "a");
    if (f) fprintf(f, "%ld %s %s\n", steps, what, path), fclose(f);
}
#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
int rename(const char *a, const char *b) { NEXT(rename); step("rename", b); return next(a, b); }
int link(const char *a, const char *b) { NEXT(link); step("link", b); return next(a, b); }
int symlink(const char *a, const char *b) { NEXT(symlink); step("symlink", b); return next(a, b); }
int unlink(const char *a) { NEXT(unlink); step("unlink", a); return next(a); }
int mkdir(const char *a, mode_t m) { NEXT(mkdir); step("mkdir", a); return next(a, m); }
int rmdir(const char *a) { NEXT(rmdir); step("rmdir", a); return next(a); }
pid_t fork(void) { NEXT(fork); step("fork", "-"); return next(); }
pid_t waitpid(pid_t p, int *s, int o) { NEXT(waitpid); const pid_t got = next(p, s, o); step("ended", "-"); return got; }
int fsync(int fd) { (void)fd; return 0; }
END
"${CC:-gcc}" -shared -fPIC -w -o "$root/cut.so" cut.c -ldl || ok 1 'what cuts dpkg off compiles'
mkdir -p layers/none layers/old tries root_of_try
try_ends() { umount root_of_try 2>/dev/null; umount tries 2>/dev/null; }
# try_begins LAYER SIZE: root_of_try is that layer over $root, with so much room.
try_begins() {
    try_ends
    mount -t tmpfs -o "size=$2" tmpfs tries && mkdir tries/upper tries/work &&
        mount -t overlay overlay -o "lowerdir=$PWD/layers/$1:$root,upperdir=tries/upper,workdir=tries/work" root_of_try || { ok 1 'a layer over the root is mounted'; exit 1; }
}
in_try() { setsid -w chroot root_of_try env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" >out 2>err </dev/null; }
# As apt calls it: the package of before gives way to the compiler's own.
install='dpkg --auto-deconfigure -i /mnt/debs/*.deb'
# layer NAME COMMAND: what the command changes in $root.
layer() {
    mkdir -p layers/work
    mount -t overlay overlay -o "lowerdir=$root,upperdir=layers/$1,workdir=layers/work" root_of_try
    in_try sh -c "$2"
    ok $? "a root with $1 of prey"
    umount root_of_try
}
layer none 'dpkg --purge prey prey-compiler'
layer old 'dpkg --purge prey prey-compiler && dpkg -i /old.deb'
unit=usr/lib/systemd/system/preyrun@.service
# The packages as apt finds them, by a list of its own.
(cd "$root/mnt/debs" && dpkg-scanpackages . /dev/null >Packages 2>/dev/null)
echo 'deb [trusted=yes] file:/mnt/debs ./' >"$root/etc/apt/sources.list.d/debs.list"
inside apt-get update
ok $? 'apt knows the packages'
apt='-y --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root'
# faults: what is not as after an undisturbed installation. What dpkg has aside (tmp.ci) goes when it next unpacks anything.
faults() { all_faults | grep -v '^$' | head -n 3 | tr '\n' ';'; }
all_faults() {
    in_try dpkg --audit
    cat out err
    in_try dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Version}\n' prey prey-compiler
    diff "$PWD/installed" out
    in_try dpkg -V prey prey-compiler
    cat out err
    [ -s "root_of_try/$unit" ] || echo 'no unit'
    in_try getent passwd prey || echo 'no user'
    ls root_of_try/var/lib/dpkg/updates
    find tries/upper -name '*.dpkg-new' -o -name '*.dpkg-tmp' -o -name '*.dpkg-old'
}
inside dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Version}\n' prey prey-compiler
cp out installed
# between LAYER: the programs and the unit that lie there meanwhile are whole, and of one version or the other.
between() {
    local f
    for f in usr/bin/preyrun "$unit"; do
        cmp -s "root_of_try/$f" "$root/$f" || { [ "$1" = old ] && cmp -s "root_of_try/$f" "layers/old/$f"; } ||
            { [ "$1" = none ] && [ ! -e "root_of_try/$f" ]; } || echo "$f is neither"
    done
}
# The same command once more, after what dpkg and apt ask for.
mends() { in_try dpkg --configure -a; in_try "$@"; }

for from in none old; do
    try_begins "$from" 200m
    in_try sh -c "LD_PRELOAD=/cut.so CUT_AT=0 $install"
    same "from $from: undisturbed it is whole" "$? $(faults)" '0 '
    cp root_of_try/cut.steps "steps.$from"
    # Of each kind of step the first, one in the middle and the last. What dpkg keeps of itself is a kind for each name.
    awk '{ kind = $2 " " ($3 ~ /^\/var\/lib\/dpkg/ ? $3 : $3 == "-" ? NR : "file"); gsub(/prey(-compiler)?/, "", kind); at[kind] = at[kind] " " $1 }
        END { for (k in at) { n = split(at[k], a, " "); print a[1]; print a[int((n + 1) / 2)]; print a[n] } }' "steps.$from" | sort -nu >at
    bad= unmended= alone=0 by_apt=0
    for n in $(cat at); do
        try_begins "$from" 200m
        { in_try sh -c "LD_PRELOAD=/cut.so CUT_AT=$n exec $install"; cut=$?; } 2>/dev/null
        was=$(between "$from")
        [ "$cut" = 137 ] && [ -z "$was" ] || bad="$bad $n ($cut $was)"
        in_try dpkg --configure -a
        [ -n "$(faults)" ] || { alone=$((alone + 1)); continue; }
        # What apt says in each such case: try `apt --fix-broken install`. Where dpkg was amid the files of prey, apt gives up and dpkg does not.
        # Where a configuration file was put in its place and its sum wasn't written down, apt has nothing to do, and only dpkg writes the sum.
        [ $((n % 5)) = 0 ] && by_apt=$((by_apt + 1)) &&
            mends sh -c "apt-get $apt -f install && apt-get $apt install prey && ! dpkg -V prey prey-compiler | grep -q ' c /etc/'" || mends sh -c "$install"
        left=$?$(faults)
        [ "$left" = 0 ] || unmended="$unmended $n ($left)"
    done
    echo "# cut off at $(wc -l <at) of $(wc -l <"steps.$from") steps; dpkg --configure -a alone mended $alone, apt was asked to mend $by_apt"
    same "from $from: wherever dpkg is cut off, programs and unit are whole, of one version or the other" "$bad" ''
    same "from $from: and the same command once more makes it as if nothing had been" "$unmended" ''
done

echo '# No room for an upgrade'
bad= unmended= full=0
for size in $(seq 200 700 20000); do
    try_begins old "${size}k"
    in_try sh -c "$install" && break
    full=$((full + 1))
    was=$(between old)
    [ -z "$was" ] || bad="$bad $size ($was)"
    mount -o remount,size=200m "$PWD/tries"
    mends sh -c "$install"
    left="$?$(faults)"
    [ "$left" = 0 ] || unmended="$unmended $size ($left)"
done
echo "# no room: $full sizes up to $size KiB"
same 'where there is no room, programs and unit are whole, of one version or the other' "$((full > 3)) $bad" '1 '
same 'and with room the same command makes it as if nothing had been' "$unmended" ''
try_ends
rm -f "$root/etc/apt/sources.list.d/debs.list" "$root/mnt/debs/Packages"
