/* Inline connections (`mode proxy inline`), which come from the stack aside under made-up addresses
 * (vm/flow/made.h): their real ends, and their connections to servers, which leave by that stack, too */
#pragma once

#include "runtime/proxy/session.h"
#include "vm/flow/flow.h"

/* Facts of such a connection that a session keeps. Its ends are in the session's key. */
struct inside {
    uint32_t number;                 /* names it in the stack aside */
    uint16_t vlan[2];                /* VIDs, outermost first; VLAN_UNTAGGED */
    uint8_t port;                    /* interface of the command line by which it came; PORTS_MOST: unknown */
    uint64_t client_mac, server_mac; /* source and destination of its first frame; 0: no Ethernet */
};

/* Accept a connection from the stack aside, and own fd. client: its peer there. A connection that the worker does not
 * know is reset and counted. False: no room; fd is closed. */
bool inside_accept(struct proxy *p, int fd, const struct stream_addr *client);
/* Return the program's id of the interface by which the client came */
uint16_t inside_iface(const struct session *s);

/* Return the address by which the stack aside leads to a server; PBC_NONE: to where the client wanted to go */
struct stream_addr inside_address(const struct session *s, uint32_t server);
/* Return a socket of the stack aside for a connection of this session to a server, or a negative errno */
int inside_socket(struct session *s);
