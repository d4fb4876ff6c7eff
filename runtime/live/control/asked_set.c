/* `set`: a server's weight or state, set by hand. */
#include <errno.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/rules/byhand.h"

#define BOUND_MOST_NS UINT64_C(4000000000000000000)

/* Read the setting. False: the question has no setting. */
static bool read_setting(const struct call *c, struct by_hand *w)
{
    const char *to = call_text_of(c, "to");
    uint64_t weight;
    *w = (struct by_hand){.by = call_uid(c), .at_ns = clock_ns(CLOCK_REALTIME)};
    if (!to) return false;
    w->weighted = !strcmp(to, "weight");
    if (w->weighted) {
        const bool whole = call_number_of(c, "weight", LB_WEIGHT_MAX, &weight);
        w->weight = whole ? (uint16_t)weight : 0;
        return whole;
    }
    while (strcmp(to, by_hand_words[w->state]) != 0)
        if (++w->state == BY_HAND_STATES) return false;
    return true;
}

/* Read the longest duration of a drain, by default the pool's. False: not a duration. */
static bool read_bound(const struct control *control, const struct call *c, uint32_t server, struct by_hand *w)
{
    if (w->state != BY_HAND_DRAIN) return true;
    if (call_has(c, "ns")) return call_number_of(c, "ns", BOUND_MOST_NS, &w->bound_ns);
    w->bound_ns = control->carry->now.program->pools[control->carry->now.program->servers[server].pool].drain_ns;
    return true;
}

/* True if some server of the pool takes new connections: it is up, and its weight isn't 0. */
static bool takes_new(const struct ruling *r, const struct pbc_pool *pool)
{
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        if (!r->down[i] && by_hand_weight(r, i)) return true;
    return false;
}

static void say_set(struct control *control, struct call *c, uint32_t server)
{
    const struct carry *carry = control->carry;
    const struct program *p = carry->now.program;
    const struct pbc_pool *pool = &p->pools[p->servers[server].pool];
    char line[600];
    by_hand_say(&carry->now, server, line, 400);
    if (!takes_new(&carry->now, pool)) {
        const size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "; no server of %.100s takes new connections now",
                 program_str(p, pool->name));
    }
    events_tell(&control->tell->events, TOLD_HAND, "user %u has set %s", (unsigned)call_uid(c), line);
    cJSON *o = cJSON_CreateObject();
    const struct by_hand *h = carry->now.by_hand[server];
    const uint16_t written = carry->now.program->servers[server].weight;
    cJSON_AddStringToObject(o, "server", label_server(&carry->now.labels, server));
    cJSON_AddStringToObject(o, "by_hand", by_hand_word(h));
    cJSON_AddBoolToObject(o, "up", !carry->now.down[server]);
    cJSON_AddNumberToObject(o, "weight", by_hand_weight(&carry->now, server));
    cJSON_AddNumberToObject(o, "weight_of_file", written);
    call_document(c, o);
    cJSON_Delete(o);
    call_end(c, 0, "%s", line);
}

void asked_SET(void *with, struct call *c)
{
    struct control *control = with;
    const char *name = call_text_of(c, "server");
    const uint32_t server = name ? by_hand_server(control->carry->now.program, name) : PBC_NONE;
    struct by_hand w;
    if (server == PBC_NONE) {
        call_end(c, 2,
                 "%.200s: the running program has no such server; write a server as POOL/SERVER (to list them, "
                 "run: preyctl servers)",
                 name ? name : "");
    } else if (!read_setting(c, &w)) {
        call_end(c, 2, "a server can be set to a weight from 0 to 1000, drain, up, down or file");
    } else if (!read_bound(control, c, server, &w)) {
        call_end(c, 2, "`ns`, the time of a drain, must be a whole number of nanoseconds up to 4e18");
    } else if (by_hand_set(control->rules, server, &w)) {
        call_end(c, 2, "out of memory: nothing has changed");
    } else {
        say_set(control, c, server);
    }
}
