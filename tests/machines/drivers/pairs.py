"""Does cells.list hold every pair of values of any two factors? pairs.py CELLS. Prints each pair that is missing, and each row that has
no such value. pairs.py --draw: cells that hold all, for whoever adds a value."""
import itertools
import sys

FACTORS = {
    "driver": "virtio_net e1000e vmxnet3".split(),
    "job": "host router nat passthrough proxy".split(),
    "way": "user-packet user-xdp kernel-tc kernel-xdp".split(),
    "workers": "1 2 more".split(),
}

ENDS = "end service parent".split()


def rows(path):
    with open(path) as f:
        for line in f:
            words = line.split()
            if words and not line.startswith("#"):
                yield words


def pairs(cell):
    return {((i, cell[i]), (j, cell[j])) for i, j in itertools.combinations(range(len(FACTORS)), 2)}


def all_pairs():
    return {p for cell in itertools.product(*FACTORS.values()) for p in pairs(cell)}


def draw():
    """Each cell is one that brings most pairs that are not there yet."""
    left = all_pairs()
    while left:
        cell = max(itertools.product(*FACTORS.values()), key=lambda c: len(pairs(c) & left))
        left -= pairs(cell)
        print(*cell)


def main():
    if sys.argv[1] == "--draw":
        return draw()
    bad, left = [], all_pairs()
    for words in rows(sys.argv[1]):
        cell = words[: len(FACTORS)]
        for value, (name, values) in zip(cell, FACTORS.items()):
            if value not in values:
                bad.append(f"{' '.join(words)}: no {name} is called {value}")
        if len(words) != len(FACTORS) + 3 or not words[4].isdigit() or words[5] not in ENDS:
            bad.append(f"{' '.join(words)}: a row is DRIVER JOB WAY WORKERS MIB ENDS KERNELS")
        else:
            left -= pairs(cell)
    names = list(FACTORS)
    bad += sorted(f"no cell has {names[i]} {a} with {names[j]} {b}" for (i, a), (j, b) in left)
    print("\n".join(bad) or f"{sum(1 for _ in rows(sys.argv[1]))} cells hold each of {len(all_pairs())} pairs")
    sys.exit(bool(bad))


main()
