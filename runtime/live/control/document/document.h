/* One JSON document of all that is seen of live traffic: what preyctl, the page, /stats.json and /metrics show. */
#pragma once

#include "runtime/live/control/state.h"

struct cJSON;

struct document {
    uint64_t number; /* of how many were made */
    const struct cJSON *root;
    const char *text; /* the same, on one line */
    size_t len;
};

/* As it is now, or as it was a tenth of a second ago: making it may take no more than a hundredth of the time. It is
 * l's, and holds until the next call. While workers change to another program it is the last one. root NULL: memory is
 * out. */
struct document document_take(struct control *control);

/* Each second: what rates are reckoned by, and, if `history`, the verdicts of the last ten minutes. */
void document_tick(struct control *control, uint64_t now_ns, bool history);
void document_fini(struct control *control);
