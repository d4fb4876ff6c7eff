/* Notes of dropped and rejected packets, for `preyctl dropped`. A worker notes all while they are few, else one of
 * many with the number that it represents (vm/packet/thin.h). The main thread reads the notes at its next turn. */
#pragma once

#include "runtime/exchange/ring.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

/* An end of a packet: an IP address, or if it has none, the station's address. */
enum end_kind { END_UNKNOWN, END_MAC, END_IP4 = 4, END_IP6 = 6 };
struct packet_end {
    uint32_t addr[4]; /* as in struct key; END_MAC: the first two bytes, then the last four */
    uint8_t kind;     /* enum end_kind */
};
struct packet_ends {
    struct packet_end src, dst;
    uint16_t dst_port;
    bool has_port;
};
/* Read the ends of a packet from its bytes, which are parsed again. A malformed packet is read as far as possible. */
void packet_ends_read(const struct pkt *pkt, struct packet_ends *ends);

struct drop_note {
    uint64_t at_ns;   /* CLOCK_MONOTONIC time of the drop */
    uint64_t program; /* serial of the program that judged the packet */
    struct packet_ends ends;
    uint32_t rule, firewall, service;
    uint32_t stands;              /* number of drops that the note represents */
    uint8_t action, reason, port; /* port: as in a packet's cookie */
    bool watched;                 /* the packet passed all the same (--monitor, or a port where prey only watches) */
};

enum { DROP_PORT_NONE = 0xff /* in place of a port: the device is not served */ };
enum { DROPS_NOTED = 2048 /* number of notes that may wait: those of one second, if they are of all kinds */ };
struct drops {
    struct thins thins;
    struct ring notes;
    uint64_t unnoted; /* atomic: drops for which no room was left */
};

/* Return 0 or -ENOMEM. */
int drops_init(struct drops *d);
void drops_fini(struct drops *d);

/* Note a dropped or rejected packet; its cookie is its port. */
void drops_note(struct drops *d, const struct pkt *pkt, const struct verdict *v, bool watched, uint64_t program,
                uint64_t now_ns);
