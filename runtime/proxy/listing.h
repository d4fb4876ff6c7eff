/* Lists a loop's sessions in parts: the main thread asks, the loop fills in a part between two turns */
#pragma once

#include "vm/program/program.h"
#include "vm/stream/first.h"
#include "vm/verdict.h"

/* Phase of a session (phase.def) */
enum session_phase {
#define PHASE(ident, name, doc) PHASE_##ident,
#include "runtime/proxy/phase.def"
    PHASES
};
const char *session_phase_name(enum session_phase p);

struct session_record {
    struct flow_record flow; /* from the client to the service's address: TCP, established; its service and server */
    uint32_t rule, firewall; /* rule that accepted it, as in struct verdict */
    uint64_t up_bytes, down_bytes; /* bytes sent to servers, and to the client */
    uint8_t phase;                 /* enum session_phase */
    uint64_t since_ns;             /* PHASE_PROXIED, PHASE_SPLICED: when it became so; else 0 */
    struct stream_addr target;     /* `-> target`: named by the instruction; port 0: none */
};

enum { LISTED = 64, LOOKED_AT = 1024 }; /* most sessions of a part; most slots looked at for it */
struct session_listing {
    uint32_t at;      /* start of the next part; 0 at first */
    bool ended;       /* no more sessions */
    uint64_t program; /* serial of the program that the numbers belong to */
    uint64_t now_ns;
    unsigned count;
    struct session_record sessions[LISTED];
};

struct proxy;
/* Fill in the next part, from l->at on. Called in the loop's thread. */
void sessions_list(struct proxy *p, struct session_listing *l);
