"""Order of TCP segments over IPv4: order.py SENT CAME, captures where ends send and where the others receive. A segment that prey sends on keeps its
identification and its payload, and sequence numbers of a connection are all moved by as much: so those are found that were sent on as
they came. Prints `in order`; or how many came behind one that was sent later, and the first of them; or that fewer than 200 were followed."""
import struct
import sys
from collections import Counter, defaultdict

RECORD, ETHER = struct.Struct("<4I"), 14


def segments(path):
    """By tuple: (what a segment keeps, its sequence number), of all but what prey makes itself, whose identification is 0."""
    said, at, found = open(path, "rb").read(), 24, defaultdict(list)
    while at < len(said):
        length = RECORD.unpack_from(said, at)[2]
        frame, at = said[at + RECORD.size:at + RECORD.size + length], at + RECORD.size + length
        ip, tcp = frame[ETHER:ETHER + 20], frame[ETHER + 20:]
        if frame[12:14] != b"\x08\0" or ip[9] != 6 or ip[4:6] == b"\0\0":
            continue
        payload = tcp[(tcp[12] >> 4) * 4:][:16]
        found[ip[12:20] + tcp[:4]].append(((ip[4:6], payload), struct.unpack_from("!I", tcp, 4)[0]))
    return found


def moved(came, sent):
    return came - sent & 0xFFFFFFFF


def late(sent, came):
    """Pairs of places in `sent`: the second came after the first."""
    places = defaultdict(list)
    for i, (kept, seq) in enumerate(sent):
        places[kept].append(i)
    by = Counter(moved(seq, sent[i][1]) for kept, seq in came for i in places[kept]).most_common(1)
    order = [i for kept, seq in came for i in places[kept] if moved(seq, sent[i][1]) == by[0][0]]
    return len(order), [(a, b) for a, b in zip(order, order[1:]) if b < a]


sent, came = segments(sys.argv[1]), segments(sys.argv[2])
count, behind = 0, []
for key in came:
    followed, pairs = late(sent[key], came[key])
    count += followed
    behind += [(int.from_bytes(key[8:10], "big"), *pair) for pair in pairs]
if behind:
    print("%d late: from port %d number %d came before number %d" % (len(behind), *behind[0]))
else:
    print("in order" if count >= 200 else f"{count} segments were followed")
