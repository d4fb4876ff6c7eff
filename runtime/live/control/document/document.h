/* One JSON document of all that live traffic shows: the source of preyctl, the page, /stats.json and /metrics. */
#pragma once

#include "runtime/live/control/control_state.h"

struct cJSON;

struct document {
    uint64_t number; /* number of documents made so far */
    const struct cJSON *root;
    const char *text; /* the document as one line */
    size_t len;
};

/* Return the document, at most a tenth of a second old, or older if needed to keep its cost to a hundredth of the
 * time. It belongs to `control` and is valid until the next call. During a change of programs it is the previous
 * document. root NULL: out of memory. */
struct document document_take(struct control *control);

/* Take a sample for rates and, if `history`, the verdicts of the last ten minutes. Call once per second. */
void document_tick(struct control *control, uint64_t now_ns, bool history);
void document_fini(struct control *control);
