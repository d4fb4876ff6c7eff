"""For kernel_sets.sh. `lists FOLDER MEMBERS COUNT` writes members and a list, in the words of preyctl, nft and ipset; `rows PEER...`
prints rows of times, each read from NAME.us, microseconds a line."""
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


if sys.argv[1] == "lists":
    lists(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    rows(sys.argv[2:])
