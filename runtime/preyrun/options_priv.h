/* Declarations shared by read_options.c (options of replays and of both ways) and options_live.c (live traffic). */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/preyrun/read_options.h"

enum way { BOTH, REPLAY, LIVE }; /* kinds of runs that use an option */

struct reading {
    struct options *o;
    FILE *out;
    const char *way[3]; /* first option that is only for one way, by enum way */
    char *err;
    size_t err_len;
    bool done; /* help or version: the rest is ignored */
};

/* Write the error. Return false. */
bool wrong(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Read plain decimal digits within bounds; nothing else counts as a number. */
static inline bool number(struct reading *r, const char *name, const char *text, uint64_t lo, uint64_t hi, uint64_t *v)
{
    char *end;
    errno = 0;
    *v = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *v >= lo && *v <= hi) return true;
    if (hi == UINT64_MAX) return wrong(r, "--%s: `%s` isn't a number%s", name, text, lo ? " of at least 1" : "");
    return wrong(r, "--%s: `%s` isn't a number from %" PRIu64 " to %" PRIu64, name, text, lo, hi);
}

/* Return the place of v among three words, from 1 on; 0: none of them, with one line in err. */
static inline unsigned word(struct reading *r, const char *n, const char *v, const char *const words[3])
{
    for (unsigned i = 0; i < 3; i++)
        if (!strcmp(v, words[i])) return i + 1;
    return wrong(r, "--%s: `%.60s` is none of %s, %s, %s", n, v, words[0], words[1], words[2]);
}

/* Check live options for exclusions and missing ones. False, with one line in err. */
bool options_settle_live(struct reading *r);
/* Read the value v of the option n. False, with one line in err. */
typedef bool opt_fn(struct reading *r, const char *n, const char *v);
opt_fn opt_allow_unjudged, opt_iface, opt_bridge, opt_io, opt_hook, opt_stats, opt_stats_host, opt_confirm,
    opt_takeover_drain, opt_on_exit, opt_name, opt_sets_group;
/* True for names of devices with commas, unlike options and program files. */
bool are_devices(const char *v);
/* Read a size (64KiB, 16MiB, 1GiB, or bytes) within bounds. */
bool size_read(const char *v, uint64_t least, uint64_t most, uint64_t *to);
