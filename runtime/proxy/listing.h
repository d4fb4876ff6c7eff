/* A loop's sessions, a part at a time: what the main thread asks for, the loop fills between two turns. */
#pragma once

#include "vm/program/program.h"
#include "vm/stream/first.h"
#include "vm/verdict.h"

/* What a session is at (phase.def). */
enum session_phase {
#define PHASE(ident, name, doc) PHASE_##ident,
#include "runtime/proxy/phase.def"
    PHASES
};
const char *session_phase_name(enum session_phase p);

struct session_record {
    struct flow_record flow; /* from the client to the service's address: TCP, established; its service and server */
    uint32_t rule, firewall; /* who let it in, as in struct verdict */
    uint64_t up_bytes, down_bytes; /* that went to servers, and to the client */
    uint8_t phase;                 /* enum session_phase */
    struct stream_addr target;     /* `-> target`: whom the instruction names; port 0: nobody */
};

enum { LISTED = 64, LOOKED_AT = 1024 }; /* sessions of a part; places that may be looked at for it */
struct session_listing {
    uint32_t at;      /* where the next part begins: 0 at first */
    bool ended;       /* there are no more */
    uint64_t program; /* serial of the one whose numbers the sessions have */
    uint64_t now_ns;
    unsigned count;
    struct session_record sessions[LISTED];
};

struct proxy;
/* The next part, from l->at on. In the loop's thread. */
void sessions_list(struct proxy *p, struct session_listing *l);
