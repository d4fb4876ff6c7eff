"""For kernel_sets.sh. `lists FOLDER MEMBERS COUNT` writes members and a list, in the words of preyctl, nft and ipset; `rows PEER...`
prints rows of times, each read from NAME.us, microseconds a line; `bans COUNT` rows for kernel_bans.sh, from NAME.bans: microseconds and members a line;
`adds COUNT` prints lines of a feed, and `memory COUNT` rows of bytes a member, from what sets_memory.py has said."""
import random
import statistics
import sys


def text(n):
    return "%d.%d.%d.%d" % (n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255)


def write(path, lines):
    with open(path, "w") as f:
        f.writelines(line + "\n" for line in lines)


def blocks(name, elements):
    for i in range(0, len(elements), 1000):
        yield "add element ip t %s { %s }" % (name, ", ".join(elements[i:i + 1000]))


def lists(folder, members, count):
    r = random.Random(7)
    some = [text(n) for n in r.sample(range(0x14000000, 0xd0000000), members)]
    many = [text(2 * n) for n in r.sample(range(0x0a000000, 0x68000000), count)]
    write(folder + "/feed", ["+%s 1h" % a for a in some])
    write(folder + "/feed.nft", blocks("caught", ["%s timeout 1h" % a for a in some]))
    write(folder + "/feed.ipset", ["add caught %s timeout 3600" % a for a in some])
    write(folder + "/list", many)
    write(folder + "/list.nft", ["flush set ip t whole", *blocks("whole", many)])
    write(folder + "/list.ipset", ["create fresh hash:ip maxelem 2000000", *("add fresh " + a for a in many), "swap fresh whole", "destroy fresh"])


def series(name):
    v = sorted(int(x) / 1000 for x in open(name + ".us"))
    return [statistics.median(v), v[0], v[-1]]


def rows(peers):
    names = {"feed": "100,000 members by feed", "whole": "a list of 1,000,000 in place of all", "one": "one member, the whole command"}
    for name, what in names.items():
        for executor in ("user", "kernel"):
            for peer in peers:
                ours, its = series(name + "." + executor), series(name + "." + peer)
                cells = ["%.4g" % x for x in ours] + [peer] + ["%.4g" % x for x in its] + ["%.3g" % (ours[0] / its[0]), "-", "-"]
                print("\t".join(["row", "live sets, %s: %s" % (executor, what), "ms"] + cells))


def cells(values):
    return ["%.4g" % x for x in (statistics.median(values), min(values), max(values))]


def bans(count):
    """Times for each 1,000 members, since not all bouncers come to the end."""
    got = {}
    for name in ("prey.user", "prey.kernel", "nft"):
        lines = [[int(x) for x in line.split()] for line in open(name + ".bans")]
        got[name] = [us / members for us, members in lines]
        seconds, members = lines[0][0] / 1e6, min(m for _, m in lines)
        if members < count:
            print("note\tbans of CrowdSec: %s had %d of %d after %.0f s" % (name, members, count, seconds))
    for executor in ("user", "kernel"):
        ours = got["prey." + executor]
        print("\t".join(["row", "live sets, %s: 1,000 bans of CrowdSec, of 100,000" % executor, "ms"] + cells(ours) + ["its nft bouncer"] + cells(got["nft"]) +
                        ["%.3g" % (statistics.median(ours) / statistics.median(got["nft"])), "-", "-"]))


def memory(count):
    def of(executor, size):
        return [int(x) for x in open("%s.%s" % (executor, size)).read().split()]

    def row(what, figure, goal):
        print("\t".join(["row", "live sets, " + what, "bytes", *["%.4g" % figure] * 3, *["-"] * 5, "<= %d bytes" % goal, "met" if figure <= goal else "not met"]))

    one, some, all_ = (of("kernel", size)[1] for size in (1, 262144, count))
    member = (some - one) / 262143
    row("kernel: maps, a member of `size`", member, 24)
    row("kernel: maps, a range of a list, beyond 262,144", (all_ - some) / (count - 262144) - member, 8)
    for executor in ("user", "kernel"):
        row("%s: processes, a member by feed, with its author" % executor, (of(executor, "filled")[0] - of(executor, count)[0]) / count, 88)


if sys.argv[1] == "memory":
    memory(int(sys.argv[2]))
elif sys.argv[1] == "adds":
    print(*("+" + text(0x14000000 + 2 * n) for n in range(int(sys.argv[2]))), sep="\n")
elif sys.argv[1] == "bans":
    bans(int(sys.argv[2]))
elif sys.argv[1] == "lists":
    lists(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    rows(sys.argv[2:])
