/* The programs at the beginning of each file: those that a program still in use is made from, and no others. */
#pragma once

#include "runtime/base/bytes.h"

struct programs {
    struct program_said {
        struct bytes body; /* struct record_program and its arrays */
        bool plain;        /* program_is_plain: can be made without an earlier one */
    } * all;
    unsigned count, room;
};

/* Add a program; the body is owned here from now on, in any case. False: out of memory. */
bool programs_add(struct programs *p, struct bytes *body, bool plain);
/* Drop the programs that none from that number on is made from. */
void programs_forget(struct programs *p, uint64_t number);
void programs_fini(struct programs *p);

/* Append the last program, or all, as blocks. A program's file is written only once. */
void programs_put_last(const struct programs *p, struct bytes *to);
void programs_put_all(const struct programs *p, struct bytes *to);
