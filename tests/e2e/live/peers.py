"""Protocols that no port tells apart, by raw sockets. Serve answers each packet of theirs that it hears, and prints what came, and what an ICMP
error or an SCTP ABORT complains of (`serve mute`: it answers nothing); ask prints who answered; poke sends one packet and awaits nothing."""
import select
import socket
import struct
import sys

from sctp import packet

GRE, ESP, AH, ETHERIP, SCTP = 47, 50, 51, 97, 132
PKTINFO = 8  # of IPv4
PORT, TAG, INIT, INIT_ACK, ABORT = 2905, 7, 1, 2, 6
INIT_BODY = struct.pack("!IIHHI", TAG, 65535, 1, 1, 1)


def raw(family, proto):
    return socket.socket(family, socket.SOCK_RAW, proto)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def upper(family, data):
    return data[(data[0] & 15) * 4:] if family == socket.AF_INET else data


def payload(proto, answers=None):
    """What is sent, or sent back; the SCTP ports of an answer are those of what it answers."""
    if proto == GRE:
        return struct.pack("!HH", 0, 0x88B5) + bytes(8)
    if proto == AH:
        return struct.pack("!BBHIII", 59, 2, 0, 9, 1, 0)
    if proto != SCTP:
        return bytes(24)
    if answers is None:
        return packet(PORT, PORT, 0, INIT, INIT_BODY)
    source, to = struct.unpack("!HH", answers[:4])
    return packet(to, source, TAG, INIT_ACK, INIT_BODY)


def complained(family, data):
    """The protocol of the packet that an ICMP error quotes; 0: it is no such error."""
    if family == socket.AF_INET:
        return data[8 + 9] if data[0] == 3 else 0
    return data[8 + 6] if data[0] in (1, 4) else 0


def answer(s, data, to, told):
    """From the address that was asked, which `told` says."""
    try:
        s.sendmsg([data], told, 0, (to, 0))
    except OSError:
        print(f"unreachable {to}", flush=True)


def serve(mute=""):
    of = {}
    for family, icmp in ((socket.AF_INET, 1), (socket.AF_INET6, 58)):
        for proto in (GRE, ESP, AH, ETHERIP, SCTP, icmp):
            s = raw(family, proto)
            s.setsockopt(*((0, PKTINFO) if family == socket.AF_INET else (41, socket.IPV6_RECVPKTINFO)), 1)
            of[s] = (family, proto)
    print("ready", flush=True)
    while True:
        for s in select.select(list(of), [], [])[0]:
            family, proto = of[s]
            data, told, _, peer = s.recvmsg(65535, 1024)
            data = upper(family, data)
            if proto in (1, 58):
                about = complained(family, data)
            else:
                about = proto if proto == SCTP and data[12] == ABORT else 0
            if about:
                print(f"complaint {about} {peer[0]}", flush=True)
            elif proto not in (1, 58):
                print(f"heard {proto} {peer[0]}", flush=True)
                if not mute and (proto != SCTP or data[12] == INIT):
                    answer(s, payload(proto, data), peer[0], told)


def ask(address, proto):
    s = raw(family_of(address), int(proto))
    s.connect((address, 0))
    s.settimeout(1)
    for _ in range(3):
        s.send(payload(int(proto)))
        try:
            print(s.recvfrom(65535)[1][0])
            return 0
        except TimeoutError:
            pass
    print("nothing")
    return 1


def poke(address, proto, source):
    s = raw(family_of(address), int(proto))
    s.bind((source, 0))
    s.sendto(payload(int(proto)), (address, 0))
    return 0


sys.exit({"serve": serve, "ask": ask, "poke": poke}[sys.argv[1]](*sys.argv[2:]))
