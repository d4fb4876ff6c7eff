/* Addresses of inline connections in the inline stack. They are made up: a worker and a number name the
 * connection, so equal addresses and ports in two VLANs are two connections there.
 *
 *     client ── wire ── vm ── INLINE_CLIENT ──▶ listener       ─┐
 *                                                               proxy loop
 *     server ── wire ── vm ── INLINE_SERVER ◀── INLINE_OWN     ─┘
 *
 * Nothing else lives in that stack, so the blocks collide with nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum inline_end {
    INLINE_NONE,
    INLINE_CLIENT = 1, /* the client, as the listener's socket sees it */
    INLINE_OWN = 2,    /* prey's end of the connection to the server */
    INLINE_SERVER = 3, /* the server, as that socket sees it */
};
enum {
    INLINE_NUMBERS = 1 << 24, /* most connections of a worker */
    INLINE_WORKERS = 16,
    INLINE_LISTENS = 1,  /* port of each worker's listener */
    INLINE_ORIGINAL = 1, /* port at INLINE_SERVER for the client's own destination */
    INLINE_TARGETS = 2,  /* … for the destination that the loop has named by INLINE_TARGET (spliced.h) */
    INLINE_SERVERS = 3,  /* … for the servers of pools, from here on */
    INLINE_SERVER_PORTS = UINT16_MAX + 1 - INLINE_SERVERS,
    INLINE_TTL = 2, /* lowest TTL of a socket's packets to a pool's server */
};
#define INLINE_PREFIX6   0xfd000000u /* first word of IPv6 addresses; second: end; last: worker and number */
#define INLINE_LISTENER4 0x0a000001u /* 10.0.0.1: the listener of worker 0; the others follow */
#define INLINE_LISTENER6 9u          /* second word of listeners' IPv6 addresses; the last is 1 + worker */

/* A pool's server is named by its id (program_server_id), which outlives programs, because loop and vm change
 * programs at different moments. The port at INLINE_SERVER is the low part of the id, the TTL of the socket's
 * packets the high part. */
static inline uint16_t inline_port(uint32_t id) { return (uint16_t)(INLINE_SERVERS + id % INLINE_SERVER_PORTS); }
static inline uint8_t inline_ttl(uint32_t id) { return (uint8_t)(INLINE_TTL + id / INLINE_SERVER_PORTS); }
/* True if an id fits into the port and the TTL. */
static inline bool inline_is_id(uint32_t id) { return id / INLINE_SERVER_PORTS <= UINT8_MAX - INLINE_TTL; }
/* Return the id that a port and a TTL name; UINT32_MAX: none. */
static inline uint32_t inline_id(uint16_t port, uint32_t ttl)
{
    if (port < INLINE_SERVERS || ttl < INLINE_TTL || ttl > UINT8_MAX) return UINT32_MAX;
    return (ttl - INLINE_TTL) * INLINE_SERVER_PORTS + port - INLINE_SERVERS;
}

struct inline_name {
    uint8_t end; /* enum inline_end */
    uint8_t worker;
    uint32_t number; /* number of the connection, below INLINE_NUMBERS */
};

/* Write an address, as in struct key. */
static inline void inline_address(uint32_t addr[4], bool v6, struct inline_name n)
{
    const uint32_t low = (uint32_t)n.worker << 24 | n.number;
    addr[0] = v6 ? INLINE_PREFIX6 : (uint32_t)n.end << 28 | low;
    addr[1] = v6 ? n.end : 0;
    addr[2] = 0;
    addr[3] = v6 ? low : 0;
}

static inline void inline_listener(uint32_t addr[4], bool v6, unsigned worker)
{
    addr[0] = v6 ? INLINE_PREFIX6 : INLINE_LISTENER4 + worker;
    addr[1] = v6 ? INLINE_LISTENER6 : 0;
    addr[2] = 0;
    addr[3] = v6 ? 1 + worker : 0;
}

/* Read an address. `end` is INLINE_NONE if the address isn't one of these. */
static inline struct inline_name inline_read(const uint32_t addr[4], bool v6)
{
    const uint32_t low = v6 ? addr[3] : addr[0];
    const uint32_t end = v6 ? addr[1] : addr[0] >> 28;
    const bool fits = end >= INLINE_CLIENT && end <= INLINE_SERVER &&
                      (!v6 || (addr[0] == INLINE_PREFIX6 && !addr[2] && low >> 28 == 0));
    return (struct inline_name){
        .end = fits ? (uint8_t)end : INLINE_NONE, .worker = low >> 24 & 15, .number = low & 0xffffffu};
}

/* A new connection, announced with its first packet (vm_inline_open) */
struct inline_open {
    uint32_t number;               /* number in the worker; a later connection may have it, with another port */
    uint16_t port;                 /* port at INLINE_CLIENT */
    uint16_t iface;                /* interface by which its first packet came */
    uint32_t client[4], server[4]; /* its ends on the wire, as in struct key */
    uint16_t client_port, server_port;
    uint16_t vlan[2];                 /* VIDs, outermost first; VLAN_UNTAGGED: none */
    uint64_t client_mac, server_mac;  /* source and destination of its first frame; 0: no Ethernet */
    uint32_t service, rule, firewall; /* as in struct verdict, of the worker's program */
    bool v6;
};
