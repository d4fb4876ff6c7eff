/* Ports of this machine's own sockets, from /proc/net. The files are opened while the privileges exist, and read on
 * demand. */
#pragma once

#include "runtime/host/guard/ports.h"
#include "runtime/host/host.h"
#include "vm/packet/facts.h"

/* A line of /proc/net/tcp or a sibling: "  0: 0100007F:EE48 00000000:0000 0A …" */
struct socket_line {
    struct host_addr addr; /* own address; all 0: any of its family */
    unsigned port, state;
    const char *rest; /* fields behind the state */
};
/* Read a line, which ends in a line feed or a zero. False: a line of another form. */
bool socket_line_read(const char *line, struct socket_line *s);

enum { SOCKETS_FILES = 4 };
struct sockets {
    int fd[SOCKETS_FILES]; /* -1: the kernel lacks the protocol */
};

void sockets_open(struct sockets *s);
void sockets_close(struct sockets *s);

/* List the ports within these ranges of TCP or UDP sockets that receive for this machine's addresses, ascending,
 * without duplicates. Sockets on 127.0.0.0/8 and ::1, which receive nothing from a link, and closed or waiting ones
 * are left out. Return their number, at most `most`. For TCP this takes milliseconds even without sockets, because
 * the kernel walks its table of all connections. */
unsigned sockets_ports(const struct sockets *s, bool udp, const struct host_ports *ranges, unsigned count,
                       struct facts_port *all, unsigned most);
