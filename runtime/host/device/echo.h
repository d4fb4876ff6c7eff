/* Raw sockets for echo requests and their replies, and nothing else that comes in by ICMP. */
#pragma once

/* IPv4 and IPv6, non-blocking, the caller's to close. Needs CAP_NET_RAW. 0 or a negative errno, then none is open. */
int echo_open(int fds[2]);
/* One of them, family 4 or 6: a descriptor, or a negative errno. */
int echo_open_one(unsigned family);
