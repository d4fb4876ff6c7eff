/* Why what was compared says less than it seems: firewalls that judged no frame, and a machine that nobody named, or
 * that was named wrong. */
#pragma once

#include "compiler/traffic/difference.h"
#include "vm/packet/facts.h"

enum { DIRECTIONS = PBC_DIR_FORWARD + 1 };

/* Addresses of one family that all frames so far are from or to. */
struct everywhere {
    uint32_t addr[2][4];
    unsigned count;
    uint64_t frames;
};

struct doubts {
    const struct program *program[2];
    const char *name[2];
    const struct facts *self; /* of this machine, as judged by */
    bool said;                /* by --self */
    bool met;                 /* some frame is from or to one of its own unicast addresses, or for a service */
    bool same;                /* both programs are one: nothing is in doubt */
    bool placed;              /* some frame came by an interface that is known */
    bool judged[2][DIRECTIONS];
    uint64_t sourceless; /* frames that found no address of this machine to be sent on from, though none is known */
    struct everywhere everywhere[2];
};

/* names: of the files; said: --self says who this machine is. All stays the caller's. */
void doubts_init(struct doubts *d, struct program *const programs[2], const char *const names[2],
                 const struct facts *self, bool said);
/* A frame that comes by an interface (placed), before it is judged. */
void doubts_frame(struct doubts *d, const struct key *key, bool malformed, bool placed);
/* Both fates of a frame. */
void doubts_judged(struct doubts *d, const struct compared *c);
/* Is there any? */
bool doubts_any(const struct doubts *d);
/* A line each. */
void doubts_text(const struct doubts *d, FILE *out);
/* Three members of an object, a comma before each. */
void doubts_json(const struct doubts *d, FILE *out);
