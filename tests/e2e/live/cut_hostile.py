"""A client that sends what no sound one does just when its connection is cut into, by raw frames, for live-cut-hostile.sh: cut_hostile.py
MACS, as wire_hostile.py has them. The cut begins with the first packet behind the client's SYN, so what follows at once meets it."""
import struct
import sys

from wire_hostile import ACK, FIN, PSH, RST, SYN, Raw, attack

SACK_OK, SCALE_14, STAMPS = b"\1\1\4\2", b"\1\3\3\16", b"\1\1\10\12" + struct.pack("!II", 7000, 0)


def open_with(raw, options):
    """Open with these options in the SYN alone."""
    raw.options = options
    said = raw.syn()
    assert said == "answered", said
    raw.options = b""
    raw.seq += 1


def goes_on(raw):
    raw.echoes(b"and on it goes")
    raw.ends_well()


def no_window(raw):
    """no window at the cut: nothing comes until there is one"""
    raw.window = 0
    raw.open().says(b"hallo")
    for p in raw.packets(wait=0.7):
        assert len(p.payload) < 2, p.payload  # a probe of one byte may come
    raw.window = 65000
    raw.send(ACK, raw.seq)
    assert (got := raw.hear(5)) == b"hallo", got
    goes_on(raw)


def both_ways(raw):
    """bytes are on their way to both ends at the cut"""
    raw.open().says(b"B")
    for _ in range(30):
        raw.says(bytes(1000))
    assert (got := raw.hear(20000)) == bytes(20000), len(got)
    raw.ends_well()


def fin_at_once(raw):
    """a FIN right behind the first bytes"""
    raw.open().says(b"hallo")
    raw.send(FIN | ACK, raw.seq)
    raw.seq += 1
    assert (got := raw.hear(5)) == b"hallo", got
    assert (got := raw.hear(1)) == "ended", got


def reset_at_once(raw):
    """a reset right behind the first bytes, and another connection from the same port"""
    for _ in range(10):
        raw.open().says(b"hallo")
        raw.send(RST, raw.seq, b"", 0)
        raw.seq += 70000
    raw.open()
    goes_on(raw)


def syn_at_once(raw):
    """a SYN that comes again at the cut, and behind it"""
    first = raw.seq
    raw.open()
    raw.send(SYN, first, b"", 0)
    raw.says(b"hallo")
    raw.send(SYN, first, b"", 0)
    assert (got := raw.hear(5)) == b"hallo", got
    raw.send(SYN, first, b"", 0)
    goes_on(raw)


def scales(raw):
    """windows shifted by 14, of an end that is told ones shifted otherwise"""
    open_with(raw, SCALE_14)
    raw.window = 4
    raw.send(ACK, raw.seq)
    raw.says(b"B")
    assert (got := raw.hear(20000)) == bytes(20000), len(got)
    raw.ends_well()


def stamps_once(raw):
    """timestamps that are offered, and never sent"""
    open_with(raw, STAMPS)
    raw.send(ACK, raw.seq)
    goes_on(raw)


def sacks(raw):
    """blocks of SACK that nobody has sent, at the cut and behind it"""
    open_with(raw, SACK_OK)
    for _ in range(2):
        for away in (-70000, 1, 100000, 1 << 31):
            edge = raw.next + away & 0xFFFFFFFF
            raw.options = b"\1\1\5\22" + struct.pack("!IIII", edge, edge + 1000 & 0xFFFFFFFF, edge + 5000 & 0xFFFFFFFF, edge & 0xFFFFFFFF)
            raw.send(ACK, raw.seq)
        raw.options = b""
        raw.echoes()
    goes_on(raw)


def shrinks(raw):
    """a window that goes back, at the cut and behind it"""
    raw.open().says(b"B")
    for window in (40000, 3000, 100, 0, 1, 65000):
        raw.window = window
        raw.send(ACK, raw.seq)
    assert (got := raw.hear(20000)) == bytes(20000), len(got)
    raw.ends_well()


def acks_at_once(raw):
    """acknowledgements of what was never sent, at the cut"""
    raw.open()
    for away in (-70000, 1, 5000, 1 << 30, 1 << 31):
        raw.send(ACK, raw.seq, b"", raw.next + away)
        raw.send(ACK | PSH, raw.seq, b"wrong", raw.next + away) if away > 1 << 29 else None
    goes_on(raw)


def errors_at_once(raw):
    """errors of routers about its segments, at the cut and behind it: they end nothing"""
    raw.open()
    for _ in range(2):
        raw.says(b"hallo")
        quoted = raw.ip(6, raw.segment(ACK | PSH, raw.seq - 5, b"hallo"))
        for kind in ((3, 1), (3, 13), (11, 0), (3, 4)) if not raw.v6 else ((1, 0), (3, 0), (2, 0)):
            raw.error(raw.ends.right, quoted, kind, 1290)
        assert (got := raw.hear(5)) == b"hallo", got
    goes_on(raw)


attack([no_window, both_ways, fin_at_once, reset_at_once, syn_at_once, scales, stamps_once, sacks, shrinks, acks_at_once, errors_at_once], sys.argv[1:])
