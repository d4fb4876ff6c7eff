"""Turn a device's segmentation off, as `ethtool -K DEVICE tso off gso off gro off` would: no_gso.py DEVICE."""
import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
TSO, GSO, GRO = 0x1F, 0x24, 0x2C  # ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for command in (TSO, GSO, GRO):
        value = array.array("B", struct.pack("II", command, 0))
        fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
