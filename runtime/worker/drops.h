/* Notes of dropped and rejected packets, for `preyctl dropped`. A worker notes all while they are few, else one of many
 * with the number that it stands for (vm/packet/thin.h). The main thread reads the notes when it comes round. */
#pragma once

#include "runtime/exchange/ring.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

enum drop_flag {
    DROP_PORT = 1,    /* dst_port is there */
    DROP_WATCHED = 2, /* the packet passed all the same (--monitor, or where prey only watches) */
};
/* Kind of the source in drop_note.src. */
enum drop_from { DROP_FROM_NOBODY, DROP_FROM_MAC, DROP_FROM_IP4 = 4, DROP_FROM_IP6 = 6 };

struct drop_note {
    uint64_t at_ns;   /* CLOCK_MONOTONIC */
    uint64_t program; /* serial of the program that judged it */
    uint32_t src[4];  /* as in struct key; DROP_FROM_MAC: the first two bytes, then the last four */
    uint32_t rule, firewall, service;
    uint32_t stands; /* number of drops that it stands for */
    uint16_t dst_port;
    uint8_t from, action, reason, port, flags; /* enum drop_from; port: as in a packet's cookie */
};

enum { DROP_PORT_NONE = 0xff /* as a port: none of those that are served */ };
enum { DROPS_NOTED = 2048 /* notes that may wait: of a second, if they are of all kinds */ };
struct drops {
    struct thins thins;
    struct ring notes;
    uint64_t unnoted; /* atomic: drops for which no room was left */
};

/* Return 0 or -ENOMEM. */
int drops_init(struct drops *d);
void drops_fini(struct drops *d);

/* Fill in what the packet says: source and port. The packet is parsed anew, for its key may be another's by now. */
void drop_note_read(struct drop_note *n, const struct pkt *pkt);
/* Note a dropped or rejected packet; its cookie is its port. */
void drops_note(struct drops *d, const struct pkt *pkt, const struct verdict *v, bool watched, uint64_t program,
                uint64_t now_ns);
