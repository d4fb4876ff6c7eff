/* Lines of the summary about connections that end at a proxy. */
#include <cjson/cJSON.h>

#include "runtime/report/json.h"
#include "runtime/report/said/streams.h"
#include "runtime/report/summary.h"

static const struct {
    const char *key, *words;
} states[SAID_COUNT] = {
#define SAID(ident, key, words) [SAID_##ident] = {key, words},
    SAID_STATES(SAID)
#undef SAID
};

void said_text(FILE *out, const struct subject *r, const struct streams *s)
{
    char n[TEXT_NUMBER], line[800];
    size_t at = 0;
    if (!s) return;
    const struct streams_sum sum = streams_sum(s);
    for (unsigned i = 0; i < SAID_COUNT && at < sizeof line; i++)
        if (sum.connections[i])
            at += (size_t)snprintf(line + at, sizeof line - at, "%s%s %s", at ? ", " : ": ",
                                   text_number(sum.connections[i], n), states[i].words);
    note(out, "proxied", "%s connection%s%s", text_number(sum.all, n), sum.all == 1 ? "" : "s", at ? line : "");
    if (r->o->write)
        note(out, "", "%s frame%s of these connections went to this machine: the file of --write doesn't contain them",
             text_number(sum.frames, n), sum.frames == 1 ? "" : "s");
}

void said_json(struct cJSON *root, const struct streams *s)
{
    if (!s) return;
    const struct streams_sum sum = streams_sum(s);
    cJSON *all = cJSON_AddObjectToObject(root, "proxied");
    json_number(all, "connections", sum.all);
    json_number(all, "frames", sum.frames);
    for (unsigned i = 0; i < SAID_COUNT; i++)
        if (i != SAID_BODY) json_number(all, states[i].key, sum.connections[i]);
}
