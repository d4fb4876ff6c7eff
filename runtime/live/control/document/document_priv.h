/* Declarations shared by the parts of the document. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/live/carry/tally.h"
#include "runtime/live/control/control_state.h"
#include "runtime/report/json.h"

/* The moment that a document shows. */
struct moment {
    const struct control *control;
    const struct tally *t;
    const struct vm_counters *c;      /* counters of t */
    const struct vm_counters *before; /* counters where rates start; NULL: unknown */
    const struct tally *earlier;      /* tally of `before` */
    uint64_t over_ns;                 /* time between the two tallies */
    uint64_t wall_ns;
};

/* Add `packets_per_s` and `bytes_per_s`; null without an earlier count. */
void document_rates(const struct moment *m, cJSON *to, const struct counter *now, const struct counter *before);
/* Add the growth in a second; null if `known` is false. */
void document_rate(const struct moment *m, cJSON *to, const char *key, bool known, uint64_t now, uint64_t before);
/* Add the wall time of a monotonic time in the past; null for 0. */
void document_since(const struct moment *m, cJSON *to, const char *key, uint64_t mono_ns);

/* Complete the report's services, pools and servers (document_pools.c). */
void document_services(const struct moment *m, cJSON *root);

/* Verdicts of the last ten minutes, written as `history` (history.c). They begin at mono_ns with counters of 0.
 * history_new returns NULL if memory is out. */
struct history;
struct history *history_new(uint64_t mono_ns);
void history_add(struct history *h, const struct vm_counters *c, uint64_t mono_ns);
void history_json(const struct history *h, cJSON *root, uint64_t mono_ns);
void history_free(struct history *h);
