/* The programs that ran, as each file begins with them: those that one which ran since is made of, and no others. */
#pragma once

#include "runtime/base/bytes.h"

struct programs {
    struct program_said {
        struct bytes body; /* struct record_program, and what follows it */
        bool plain;        /* program_is_plain: no earlier one is needed to make it */
    } * all;
    unsigned count, room;
};

/* The body is theirs from then on, in any case. False: memory is out. */
bool programs_add(struct programs *p, struct bytes *body, bool plain);
/* Leave out what no program from that number on is made of. */
void programs_forget(struct programs *p, uint64_t number);
void programs_fini(struct programs *p);

/* Append the last one; all of them; as blocks. A file that stands before is not written again. */
void programs_put_last(const struct programs *p, struct bytes *to);
void programs_put_all(const struct programs *p, struct bytes *to);
