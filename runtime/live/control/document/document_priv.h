/* Declarations shared by the parts of the document. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/live/carry/tally.h"
#include "runtime/live/control/state.h"
#include "runtime/report/json.h"

/* The moment that a document is of. */
struct moment {
    const struct control *control;
    const struct tally *t;
    const struct vm_counters *c;      /* of t */
    const struct vm_counters *before; /* what rates are reckoned from; NULL: nothing is known of before */
    const struct tally *earlier;      /* before's */
    uint64_t over_ns;                 /* between the two */
    uint64_t wall_ns;
};

/* `packets_per_s` and `bytes_per_s`; null where nothing is known of before. */
void document_rates(const struct moment *m, cJSON *to, const struct counter *now, const struct counter *before);
/* So many more each second; null likewise (`known` false). */
void document_rate(const struct moment *m, cJSON *to, const char *key, bool known, uint64_t now, uint64_t before);
/* The time of day of a monotonic time in the past: null for 0. */
void document_since(const struct moment *m, cJSON *to, const char *key, uint64_t mono_ns);

/* document_pools.c: services, pools and servers of the report, with all else that is known of them. */
void document_services(const struct moment *m, cJSON *root);

/* history.c: verdicts of the last ten minutes, into `history`. It begins at mono_ns, when nothing had come. NULL:
 * memory is out. */
struct history;
struct history *history_new(uint64_t mono_ns);
void history_add(struct history *h, const struct vm_counters *c, uint64_t mono_ns);
void history_json(const struct history *h, cJSON *root, uint64_t mono_ns);
void history_free(struct history *h);
