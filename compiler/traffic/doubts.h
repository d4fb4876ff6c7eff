/* Doubts about a comparison: firewalls that judged no frame, and a machine that was not named, or named wrongly. */
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
    const struct facts *self; /* addresses used as this machine's */
    bool said;                /* true if --self named them */
    bool met;    /* true if some frame is from or to one of this machine's unicast addresses, or for a service */
    bool same;   /* true if both programs are the same, so there is no doubt */
    bool placed; /* true if some frame came by a known interface */
    bool judged[2][DIRECTIONS];
    uint64_t sourceless; /* frames that were not forwarded because this machine has no known source address */
    struct everywhere everywhere[2];
};

/* Begin without doubts. names: of the files; said: --self names this machine. The caller keeps all arguments. */
void doubts_init(struct doubts *d, struct program *const programs[2], const char *const names[2],
                 const struct facts *self, bool said);
/* Note a frame before it is judged. placed: its interface is known. */
void doubts_frame(struct doubts *d, const struct key *key, bool malformed, bool placed);
/* Note both fates of a frame. */
void doubts_judged(struct doubts *d, const struct compared *c);
/* True if there is any doubt. */
bool doubts_any(const struct doubts *d);
/* Print a line for each doubt. */
void doubts_text(const struct doubts *d, FILE *out);
/* Print three members of an object, each after a comma. */
void doubts_json(const struct doubts *d, FILE *out);
