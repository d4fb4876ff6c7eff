/* The words are parsed once for each program. A packet costs only comparisons of numbers; no text is made */
#include "runtime/live/control/trace/wanted.h"

#include <stdlib.h>
#include <string.h>

bool wanted_init(struct wanted *w, const char *words, const struct labels *now, char *err, size_t err_len)
{
    *w = (struct wanted){0};
    if (!words) return true;
    w->words = strdup(words);
    if (!w->words) {
        snprintf(err, err_len, "out of memory");
        return false;
    }
    if (wanted_program(w, now, err, err_len)) return false;
    for (unsigned i = 0; i < 2; i++)
        if (only_asks_recorded(&w->of[i].only)) {
            snprintf(err, err_len,
                     "--only otherwise is only possible for recordings, which get a second verdict: use preyrun "
                     "--replay DIR");
            return false;
        }
    return true;
}

void wanted_fini(struct wanted *w)
{
    for (unsigned i = 0; i < 2; i++) only_fini(&w->of[i].only);
    free(w->words);
}

int wanted_program(struct wanted *w, const struct labels *labels, char *err, size_t err_len)
{
    const uint64_t serial = labels->program->serial;
    struct wanted_of *oldest = &w->of[w->of[1].serial < w->of[0].serial];
    if (!w->words || w->of[0].serial == serial || w->of[1].serial == serial) return 0;
    only_fini(&oldest->only);
    const int lacks = only_init(&oldest->only, w->words, labels, err, err_len);
    oldest->serial = serial;
    return lacks;
}

bool wanted_takes(struct wanted *w, const struct labels *labels, const struct tape_verdict *v)
{
    const struct wanted_of *of = &w->of[w->of[1].serial > w->of[0].serial];
    struct verdict as = {
        .action = v->action, .reason = v->reason, .rule = RULE_NONE, .service = PBC_NONE, .server = PBC_NONE};
    if (!w->words) return true;
    if (labels) {
        of = &w->of[w->of[1].serial == labels->program->serial];
        as.rule = v->rule;
        as.service = v->service;
        as.server = v->server;
    }
    if (only_takes(&of->only, &as, false)) return true;
    w->left_out++;
    return false;
}
