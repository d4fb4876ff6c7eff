"""Files that the machines of the lab hold in memory, one a line without the leading slash, for cpio: programs of this
machine, each with the files of its package that are not for reading alone, the libraries of all, and some of /etc."""
import os
import re
import shutil
import subprocess

PROGRAMS = """bash dash ls find xargs grep sed awk ps sysctl ip tc ping curl nginx nft iptables-nft tcpdump nc.openbsd ethtool modprobe
mount nsenter setpriv python3 script cmp diff openssl tput hostname getent""".split()
PACKAGES = "python3 libpython3*-stdlib libpython3*-minimal python3.*-minimal libxtables12 nginx-common libc-bin ncurses-base".split()
CONFIGURED = """passwd group nsswitch.conf hosts protocols services ethertypes ld.so.conf ld.so.conf.d ld.so.cache alternatives
ssl/openssl.cnf nginx iproute2 localtime debian_version os-release""".split()
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READ = re.compile(r"/usr/share/(doc|man|locale|info|lintian|bash-completion|bug|pixmaps|perl5)/|/(test|idlelib|ensurepip|lib2to3|pydoc_data)/")


def lines(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.splitlines()


folders = {}


def placed(path):
    """By the names that folders have here: /bin may be usr/bin."""
    folder, name = os.path.split(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)


def with_target(path):
    """A link, where it leads, and the links on the way."""
    path = placed(path)
    while True:
        yield path
        if not os.path.islink(path):
            return
        path = placed(os.path.join(os.path.dirname(path), os.readlink(path)))


def in_package(path):
    """Its package's name, by either name of where it stands."""
    for name in (path, path.removeprefix("/usr")):
        for line in lines("dpkg", "-S", name):
            return line.split(": ")[0]
    return None


def chosen():
    packages = set()
    for program in PROGRAMS:
        path = shutil.which(program, path=PATH)
        if path:
            yield from with_target(path)
            package = in_package(os.path.realpath(path))
            if package:
                packages.add(package)
    for pattern in PACKAGES:
        packages.update(lines("dpkg-query", "-W", "-f", "${binary:Package}\n", pattern))
    for path in lines("dpkg", "-L", *sorted(packages)):
        if os.path.lexists(path) and not READ.search(path) and (os.path.islink(path) or not os.path.isdir(path)):
            yield from with_target(path)
    for name in CONFIGURED:
        path = "/etc/" + name
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                yield from (os.path.join(folder, n) for n in names)
        elif os.path.lexists(path):
            yield from with_target(path)


def is_elf(path):
    try:
        with open(path, "rb") as f:
            return f.read(4) == b"\x7fELF"
    except OSError:
        return False


def libraries(of):
    for line in lines("ldd", *of):
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            yield from with_target(found.group(1))


def main():
    files = {f for f in chosen() if os.path.lexists(f) and (os.path.islink(f) or not os.path.isdir(f))}
    extra = os.environ.get("EXTRA", "").split()
    files.update(os.path.abspath(e) for e in extra)
    files.update(libraries(sorted(f for f in files if not os.path.islink(f) and is_elf(f))))
    folders_above = set()
    for f in files:
        while (f := os.path.dirname(f)) != "/":
            folders_above.add(f)
    print("\n".join(f[1:] for f in sorted(files | folders_above)))


main()
