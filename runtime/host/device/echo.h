/* Raw sockets for echo requests and replies; they receive no other ICMP */
#pragma once

/* Open non-blocking sockets for IPv4 and IPv6, which the caller closes. Return 0, or a negative errno. Needs
 * CAP_NET_RAW. */
int echo_open(int fds[2]);
/* Open one socket, family 4 or 6. Return a descriptor, or a negative errno. */
int echo_open_one(unsigned family);
