"""Lists at the bounds of what compiles: RULES HEAD-OF-LIST."""
import random
import sys

many, head = int(sys.argv[1]), sys.argv[2].replace("\\n", "\n")
random.seed(7)
def save(name, lines, before=""): open(name + ".prey", "w").write(before + head + "\n" + "\n".join(lines) + "\n}\n")
wild = lambda i, a, p: f"  accept tcp to {a}.0.0.0/8 port {p}-65535" if i % 2 else f"  drop tcp from {a}.0.0.0/8 source port {p}-{min(65535, p + 40000)}"
save("wild", [wild(i, random.randrange(1, 224), random.randrange(65535)) for i in range(many)])
save("ports", [f"  accept tcp to port {p}" for p in range(65536)])
save("dead", ["  drop ip", "  drop ip6"] + [f"  accept tcp from 10.{i >> 8 & 255}.{i & 255}.0/24 to port {i % 999 + 1}" for i in range(many)])
save("asked", [f'  drop tcp to port 80 bytes payload at {i % 1000} is x"{i % 250:02x}"' for i in range(1024)])
save("asked-more", [f'  drop tcp to port 80 bytes payload at {i % 1000} is x"{i % 250:02x}"' for i in range(1100)])
with open("many.list", "w") as f:
    for i in range(1000000): f.write(f"{1 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.{i * 7 & 255}\n")
save("million", [f"  accept tcp from many to port {p}" for p in range(1, 1001)], 'set many = file "many.list"\n')
