/* Ports of this machine's own sockets, from /proc/net. The files are opened while there is the right to, and read on
 * demand. */
#pragma once

#include "runtime/host/guard/ports.h"
#include "vm/packet/facts.h"

enum { SOCKETS_FILES = 4 };
struct sockets {
    int fd[SOCKETS_FILES]; /* -1: the kernel lacks the protocol */
};

void sockets_open(struct sockets *s);
void sockets_close(struct sockets *s);

/* List the ports within these ranges of TCP or UDP sockets that receive for this machine's addresses, ascending,
 * without duplicates. Sockets on 127.0.0.0/8 and ::1, which receive nothing from a link, and closed or waiting ones are
 * left out. Return their number, at most `most`. For TCP this takes milliseconds even without sockets, as the kernel
 * walks its table of all connections. */
unsigned sockets_ports(const struct sockets *s, bool udp, const struct host_ports *ranges, unsigned count,
                       struct facts_port *all, unsigned most);
