/* Declarations shared by options.c (options of replays and of both ways) and options_live.c (live traffic). */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/preyrun/options.h"

enum way { BOTH, REPLAY, LIVE }; /* kind of run that an option is for */

struct reading {
    struct options *o;
    FILE *out;
    const char *word;   /* the option as it was typed */
    const char *way[3]; /* first option given for each way alone, by enum way */
    char *err;
    size_t err_len;
    bool done; /* help or version: the rest is ignored */
};

static inline bool wrong(struct reading *r, const char *fmt, const char *a, const char *b)
{
    snprintf(r->err, r->err_len, fmt, a, b);
    return false;
}

/* Read plain decimal digits within bounds; nothing else counts as a number. */
static inline bool number(struct reading *r, const char *name, const char *text, uint64_t lo, uint64_t hi, uint64_t *v)
{
    char *end;
    errno = 0;
    *v = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *v >= lo && *v <= hi) return true;
    if (hi == UINT64_MAX)
        snprintf(r->err, r->err_len, "--%s: `%s` is not a number%s", name, text, lo ? " from 1 on" : "");
    else
        snprintf(r->err, r->err_len, "--%s: `%s` is not a number from %llu to %llu", name, text, (unsigned long long)lo,
                 (unsigned long long)hi);
    return false;
}

/* Return the index of v in words; NO_WORD: not there. NULL entries are skipped. */
enum { NO_WORD = UINT_MAX };
static inline unsigned word(const char *v, const char *const words[], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (words[i] && !strcmp(v, words[i])) return i;
    return NO_WORD;
}

/* Check live options for exclusions and missing ones. False, with one line in err. */
bool options_settle_live(struct reading *r);
/* Read the value v of the option n. False, with one line in err. */
typedef bool opt_fn(struct reading *r, const char *n, const char *v);
opt_fn opt_iface, opt_bridge, opt_io, opt_stats, opt_confirm, opt_on_exit, opt_name, opt_ring, opt_record_size;
