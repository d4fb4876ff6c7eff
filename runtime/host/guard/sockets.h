/* Ports that sockets of this machine's own have, as /proc/net tells. The files are opened while there is the right to,
 * and read whenever somebody asks. */
#pragma once

#include "runtime/host/guard/ports.h"
#include "vm/packet/facts.h"

enum { SOCKETS_FILES = 4 };
struct sockets {
    int fd[SOCKETS_FILES]; /* -1: the kernel has no such protocol */
};

void sockets_open(struct sockets *s);
void sockets_close(struct sockets *s);

/* The ports within these ranges of TCP's or UDP's sockets that hear what is for this machine's addresses: each once,
 * ascending. Not of sockets on 127.0.0.0/8 and ::1, which hear nothing that comes by a link, nor of those that
 * are closed and wait. How many, at most `most`. Of TCP it takes milliseconds even where there are none, for the kernel
 * looks through its table of all connections. */
unsigned sockets_ports(const struct sockets *s, bool udp, const struct host_ports *ranges, unsigned count,
                       struct facts_port *all, unsigned most);
