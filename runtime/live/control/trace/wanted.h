/* The packets that an onlooker wants by their fate (--only, report/only.h). Names are looked up again in each
 * program. */
#pragma once

#include "runtime/exchange/tape.h"
#include "runtime/report/only.h"

struct wanted {
    char *words; /* words of --only; NULL: all packets */
    struct wanted_of {
        uint64_t serial; /* serial of the program; 0: none */
        struct only only;
    } of[2];           /* the program in force, and its predecessor, whose packets may still come */
    uint64_t left_out; /* number of packets left out */
};

/* Initialise with the words of a question, or NULL, and the program in force. False: a line in err. Call wanted_fini
 * in any case. */
bool wanted_init(struct wanted *w, const char *words, const struct labels *now, char *err, size_t err_len);
void wanted_fini(struct wanted *w);
/* Look the names up in a program, once. Return 0; 1: some are missing; or -1: out of memory; with a line in err. */
int wanted_program(struct wanted *w, const struct labels *labels, char *err, size_t err_len);
/* True if the packet is wanted; otherwise it is counted. labels: of the program that judged it, already given to
 * wanted_program; NULL: that program is gone, so the packet has no names. */
bool wanted_takes(struct wanted *w, const struct labels *labels, const struct tape_verdict *v);
