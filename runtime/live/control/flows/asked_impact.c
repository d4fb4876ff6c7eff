/* `program` and `impact`: the running program, and the effect of another one in its place. */
#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/change.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/middle.h"
#include "runtime/live/carry/tally.h"
#include "runtime/live/control/document/proxied_seen.h"
#include "runtime/live/control/flows/flow_walk.h"
#include "runtime/live/control/flows/impact.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/parts.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/rules/servers/named_servers.h"
#include "runtime/report/json.h"

enum { PART = 1 << 20 };
#define SIGN_NS UINT64_C(1000000000) /* interval of signs of life to the caller */

struct told_bytes {
    uint8_t *at;
    size_t len, told;
};

static void tell_more(void *arg, struct call *c)
{
    struct told_bytes *b = arg;
    const size_t left = b->len - b->told, len = left < PART ? left : PART;
    const bool put = call_bytes(c, b->at + b->told, len);
    b->told += len;
    if (!put)
        call_end(c, 2,
                 "out of memory, or too many other processes haven't read their replies from the control socket: run "
                 "the command again");
    else if (b->told == b->len)
        call_end(c, 0, "%s", "");
}

static void bytes_free(void *arg)
{
    struct told_bytes *b = arg;
    free(b->at);
    free(b);
}

void asked_PROGRAM(void *with, struct call *c)
{
    static const struct call_ops reads = {.more = tell_more, .over = bytes_free};
    const struct control *control = with;
    struct told_bytes *b = calloc(1, sizeof *b);
    if (b) b->at = program_file(control->carry->now.program, &b->len);
    if (b && b->at) {
        call_follow(c, &reads, b);
        return;
    }
    free(b);
    call_end(c, 2, "out of memory");
}

struct asked_impact {
    struct walk walk;
    struct impact impact;
    struct call *call;
    char *name;
    char refused[600]; /* reason for refusing the program; "": it can be loaded */
    uint64_t sign_ns;
};

static void impact_free(struct walk *w)
{
    struct asked_impact *a = (struct asked_impact *)w;
    impact_fini(&a->impact);
    free(a->name);
    free(a);
}

/* Leave the walk, because the call has ended or the caller is gone. */
static void caller_gone(void *arg)
{
    struct asked_impact *a = arg;
    a->call = NULL;
    walk_leave(&a->walk);
}

static void tell_impact(struct asked_impact *a)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "program", a->name);
    json_text(o, "refused", *a->refused ? a->refused : NULL);
    impact_json(&a->impact, o);
    const bool put = call_document(a->call, o);
    cJSON_Delete(o);
    if (put)
        call_end(a->call, 0, "%s", "");
    else
        call_end(a->call, 2, "out of memory, or the reply is larger than 16 MiB");
}

static void impact_part(struct walk *w)
{
    struct asked_impact *a = (struct asked_impact *)w;
    const uint64_t serial = a->impact.now->serial;
    if (walk_program(w) != serial || w->control->carry->now.program->serial != serial) {
        call_end(a->call, 2, "the running program has changed meanwhile: run the command again");
        return;
    }
    const uint64_t now = walk_now(w);
    if (walk_of_sessions(w))
        impact_sessions(&a->impact, w->sessions.sessions, w->sessions.count);
    else
        impact_flows(&a->impact, w->listing.flows, w->listing.count);
    if (!walk_on(w)) {
        tell_impact(a);
    } else if (now - a->sign_ns >= SIGN_NS) {
        a->sign_ns = now;
        call_text(a->call, "%llu flow%s", (unsigned long long)a->impact.live, text_plural(a->impact.live));
    }
}

static const struct walk_ops parts = {.part = impact_part, .free = impact_free};
static const struct call_ops waits = {.over = caller_gone};

/* Return the present number of flows and sessions. */
static uint64_t flows_now(const struct control *control)
{
    uint64_t n = 0;
    struct tally *t = tally_take(control->carry, true);
    for (unsigned i = 0; t && i < control->carry->worker_count; i++) n += t->worker[i].flows;
    if (t) n += proxied_now(&t->proxy);
    tally_free(t);
    return n;
}

/* Take the program that was handed over, with the room and the known addresses of servers that a load would give it. */
static struct program *program_as_loaded(const struct control *control, struct call *c, char *err, size_t err_len)
{
    struct program *handed = handed_program(c, PBC_SIZE_MAX, err, err_len);
    if (!handed) return NULL;
    room_bound(control->rules, handed);
    struct program *next = named_program(control->rules, handed);
    program_put(handed);
    return next;
}

/* Make the answer's state. NULL, with the reason in err. */
static struct asked_impact *impact_new(struct control *control, struct call *c, char *err, size_t err_len)
{
    const char *name = call_text_of(c, "name");
    struct program *next = program_as_loaded(control, c, err, err_len);
    if (!next) return NULL;
    struct asked_impact *a = calloc(1, sizeof *a);
    if (a) a->name = strdup(name ? name : "program");
    struct program_change seen = {.carry = control->carry, .rules = control->rules, .program = next};
    if (a) seen.name = a->name;
    if (a) seen.err = a->refused;
    seen.err_len = sizeof a->refused;
    if (a && a->name && parts_look(&seen) && access_look(control->carry, next, a->refused, sizeof a->refused) &&
        observed_look(control->carry, next, a->refused, sizeof a->refused) &&
        middle_look(control->carry, next, a->refused, sizeof a->refused))
        shared_ports_would(control->carry, next, a->refused, sizeof a->refused);
    if (a && impact_init(&a->impact, control, next, flows_now(control)) && a->name) {
        program_put(next);
        a->call = c;
        return a;
    }
    snprintf(err, err_len, "out of memory");
    program_put(next);
    if (a) impact_free(&a->walk);
    return NULL;
}

void asked_IMPACT(void *with, struct call *c)
{
    struct control *control = with;
    char err[600];
    if (!change_settled(control->carry)) {
        call_end(c, 2, "a reload is in progress: run the command again when it has finished");
        return;
    }
    struct asked_impact *a = impact_new(control, c, err, sizeof err);
    if (!a) {
        const char *name = call_text_of(c, "name");
        call_end(c, 2, "%.200s: %s", name ? name : "program", err);
        return;
    }
    call_follow(c, &waits, a);
    walk_begin(&a->walk, control, &parts);
}
