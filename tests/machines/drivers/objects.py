"""How many programs, maps and links of BPF the kernel has: BPF_PROG_GET_NEXT_ID and its like."""
import ctypes
import struct

libc = ctypes.CDLL(None, use_errno=True)


def count(command):
    at, n = 0, 0
    while True:
        asked = ctypes.create_string_buffer(struct.pack("<III", at, 0, 0), 16)
        if libc.syscall(321, command, asked, 16):
            return n
        at, n = struct.unpack_from("<II", asked)[1], n + 1


print(*(count(command) for command in (11, 12, 31)))
