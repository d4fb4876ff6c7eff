/* Each function adds one member; the text is kept until it is due or something has changed */
#include "runtime/live/control/document/document.h"
#include "runtime/live/control/document/document_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/control/document/limits.h"
#include "runtime/live/control/document/live_report.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/control/programs/onfile.h"
#include "runtime/live/control/sets/set_answers.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/live/control/unknown_way.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/world.h"
#include "runtime/record/recorder.h"
#include "vm/flow/flow.h"

enum { VERSION = 1, SHARE = 100 /* documents take at most one hundredth of the time */, SAMPLE_SHARE = 1000 };
#define EACH_NS     UINT64_C(100000000)
#define AT_LEAST_NS UINT64_C(500000000) /* shortest time over which rates are computed */

struct documents {
    uint64_t number;
    cJSON *root;
    char *text;
    uint64_t due_ns;             /* earliest time of the next document */
    uint64_t changes;            /* value of tell.changes at the last look */
    struct tally *last, *before; /* samples of each second; rates start from the newer one that is old enough */
    uint64_t sample_due_ns;
    struct history *history;
};

void document_rate(const struct moment *m, cJSON *to, const char *key, bool known, uint64_t now, uint64_t before)
{
    if (!known) {
        cJSON_AddNullToObject(to, key);
        return;
    }
    const double grown = now > before ? (double)(now - before) : 0;
    json_number(to, key, (uint64_t)(grown * 1e9 / (double)m->over_ns + 0.5));
}

void document_rates(const struct moment *m, cJSON *to, const struct counter *now, const struct counter *before)
{
    document_rate(m, to, "packets_per_s", before, now->packets, before ? before->packets : 0);
    document_rate(m, to, "bytes_per_s", before, now->bytes, before ? before->bytes : 0);
}

void document_since(const struct moment *m, cJSON *to, const char *key, uint64_t mono_ns)
{
    json_time(to, key, mono_ns ? m->wall_ns - (m->t->mono_ns - mono_ns) : 0);
}

static void instance_add(const struct moment *m, cJSON *root)
{
    const struct control *control = m->control;
    cJSON_AddNumberToObject(root, "version", VERSION);
    cJSON_AddStringToObject(root, "prey", PREY_VERSION);
    json_time(root, "time", m->wall_ns);
    json_number(root, "time_ms", m->wall_ns / 1000000);
    json_number(root, "rates_over_ms", m->before ? m->over_ns / 1000000 : 0);
    cJSON *one = cJSON_AddObjectToObject(root, "instance");
    json_text(one, "name", control->o->name);
    json_number(one, "pid", (uint64_t)getpid());
    document_since(m, one, "since", control->begun_ns);
    json_number(one, "uptime_s", (m->t->mono_ns - control->begun_ns) / 1000000000);
    cJSON_AddBoolToObject(one, "monitor", control->o->monitor);
    if (*control->rules->unjudged) json_text(one, "unjudged", control->rules->unjudged);
    if (*control->rules->never) json_text(one, "never", control->rules->never);
    if (world_doubt(control->world)) json_text(one, "clock_not_set", world_doubt(control->world));
    if (control->confirm.until_ns > m->t->mono_ns)
        json_number(one, "confirm_left_s", (control->confirm.until_ns - m->t->mono_ns + 999999999) / 1000000000);
    if (control->confirm.back) json_text(one, "confirm_back", confirm_back(control));
    cJSON_AddStringToObject(one, "io", control->carry->io->name);
    cJSON_AddStringToObject(one, "exec", control->carry->in_kernel ? "kernel" : "user");
    json_text(one, "exec_why", control->carry->exec.why);
    before_json(control->before, one);
}

static void program_add(const struct moment *m, cJSON *root)
{
    const struct control *control = m->control;
    cJSON *program = cJSON_GetObjectItem(root, "program");
    json_text(program, "file", control->o->program);
    cJSON_AddBoolToObject(program, "file_differs", control->onfile.differs);
    if (*control->onfile.fault) json_text(program, "file_fault", control->onfile.fault);
    json_time(program, "since", control->tell->events.past.program_ns);
    json_number(program, "rules", m->t->program->rules_count);
}

static void verdicts_add(const struct moment *m, cJSON *root)
{
    unsigned a = 0;
    cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(root, "verdicts"))
    {
        document_rates(m, one, &m->c->verdicts[a], m->before ? &m->before->verdicts[a] : NULL);
        a++;
    }
}

/* True if replies of the program's connections come here, to be sent back to the connections' openers. */
static bool has_replies(const struct program *p)
{
    bool has = p->nats_count;
    for (uint32_t i = 0; i < p->services_count; i++) {
        const enum pbc_mode mode = (enum pbc_mode)p->services[i].mode;
        has |= mode_is(mode, MODE_INLINE_STACK) || !mode_is(mode, MODE_ONE_SIDED | MODE_PROXIES);
    }
    return has;
}

/* Add the way by which replies leave to connections that came in by the interface: by itself, or, while it is down,
 * by the routes. A bridge's port has a fixed way. */
static void replies_add(const struct moment *m, cJSON *one, unsigned i)
{
    const struct control *control = m->control;
    if (control->o->peer[i] != OPTIONS_NO_PEER || !has_replies(m->t->program)) return;
    cJSON_AddStringToObject(one, "replies", control->world->links[i] == LINK_UP ? "by it" : "by the routes");
}

static void interfaces_add(const struct moment *m, cJSON *root)
{
    static const char *const links[] = {
        [LINK_UP] = "up", [LINK_NO_CARRIER] = "no carrier", [LINK_DOWN] = "down", [LINK_GONE] = "gone"};
    unsigned i = 0;
    cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(root, "interfaces"))
    {
        cJSON_AddStringToObject(one, "link", links[m->control->world->links[i]]);
        replies_add(m, one, i);
        document_rates(m, one, &m->t->seen[i], m->before ? &m->earlier->seen[i] : NULL);
        document_rate(m, one, "sent_per_s", m->before, m->t->io[i].sent, m->before ? m->earlier->io[i].sent : 0);
        i++;
    }
}

static void workers_add(const struct moment *m, cJSON *root)
{
    cJSON *workers = cJSON_AddArrayToObject(root, "workers");
    for (unsigned i = 0; i < m->control->carry->worker_count; i++) {
        const struct tally_worker *w = &m->t->worker[i];
        cJSON *one = json_object(workers);
        json_number(one, "worker", i);
        json_number(one, "packets", w->judged.packets);
        json_number(one, "bytes", w->judged.bytes);
        json_number(one, "batches", w->batches);
        json_number(one, "flows", w->flows);
        document_rates(m, one, &w->judged, m->before ? &m->earlier->worker[i].judged : NULL);
    }
}

/* Add the use of the flow table, if the program keeps flows. */
static void flows_add(const struct moment *m, cJSON *root)
{
    cJSON *flows = cJSON_GetObjectItem(root, "flows");
    uint64_t now = 0;
    if (!cJSON_IsObject(flows) || !m->c->flows) return;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) now += m->c->flows->live[i];
    json_number(flows, "now", now);
    const struct carry *carry = m->control->carry;
    json_number(flows, "limit", carry->flows * carry->worker_count);
    if (m->t->program->flows != carry->flows)
        json_number(flows, "limit_of_rules", m->t->program->flows * carry->worker_count);
    const bool known = m->before && m->before->flows;
    document_rate(m, flows, "added_per_s", known, m->c->flows->added, known ? m->before->flows->added : 0);
}

static void checks_add(const struct moment *m, cJSON *root)
{
    const struct ruling *now = &m->control->carry->now;
    unsigned checked = 0, down = 0;
    for (uint32_t i = 0; now->checks && i < now->program->servers_count; i++) {
        if (program_is_past(now->program, i) || !checks_of(now->checks, i)->checked) continue;
        checked++;
        down += now->down[i] != 0;
    }
    cJSON *checks = cJSON_AddObjectToObject(root, "checks");
    json_number(checks, "servers", checked);
    json_number(checks, "down", down);
    json_number(checks, "not_begun", now->checks ? checks_not_begun(now->checks) : 0);
}

static void routes_add(const struct moment *m, cJSON *root)
{
    const struct control *control = m->control;
    cJSON *routes = cJSON_AddObjectToObject(root, "routes");
    json_number(routes, "kernel", control->world->routing.count);
    json_number(routes, "limit", routing_most(control->world));
    cJSON_AddBoolToObject(routes, "held", control->world->routing.table && !control->world->routing.full);
}

/* Add the reasons why ways of packets that a nat may take were unknown. */
static void unknown_ways_add(const struct moment *m, cJSON *root)
{
    const struct nat_counters *n = m->c->nat;
    cJSON *ways = n ? cJSON_AddArrayToObject(root, "unknown_ways") : NULL;
    for (enum way_why why = WAY_KNOWN + 1; n && why < WAY_WHYS; why++) {
        if (!way_why_packets(n, why)) continue;
        const struct way_told told = unknown_way(m->control->carry, why);
        cJSON *one = json_object(ways);
        cJSON_AddStringToObject(one, "cause", way_why_words(why)->name);
        json_number(one, "packets", way_why_packets(n, why));
        cJSON_AddStringToObject(one, "why", told.doc);
        cJSON_AddStringToObject(one, "then", told.then);
        cJSON_AddStringToObject(one, "instead", told.instead);
        cJSON_AddStringToObject(one, "next", told.next);
    }
}

static void recorder_add(const struct moment *m, cJSON *root)
{
    if (!m->control->carry->record.to) {
        cJSON_AddNullToObject(root, "recorder");
        return;
    }
    const struct recorder_counters c = recorder_counters(m->control->carry->record.to);
    cJSON *one = cJSON_AddObjectToObject(root, "recorder");
    json_text(one, "directory", m->control->o->record);
    json_number(one, "bytes", c.bytes);
    json_number(one, "files", c.files);
    json_number(one, "packets", c.packets);
    json_number(one, "sessions", c.sessions);
    json_number(one, "lost", c.lost);
    json_text(one, "error", c.failed ? strerror(-c.failed) : "");
}

/* Add the latest lines, the newest last. */
static void lines_add(cJSON *to, const char *key, const struct past_line *lines, uint64_t count, unsigned room)
{
    cJSON *list = cJSON_AddArrayToObject(to, key);
    for (uint64_t i = count > room ? count - room : 0; i < count; i++) {
        const struct past_line *line = &lines[i % room];
        cJSON *one = json_object(list);
        json_time(one, "time", line->wall_ns);
        cJSON_AddStringToObject(one, "event", event_word(line->kind));
        json_text(one, "text", line->text);
    }
}

static void past_add(const struct moment *m, cJSON *root)
{
    const struct past *past = &m->control->tell->events.past;
    cJSON *reloads = cJSON_AddObjectToObject(root, "reloads");
    json_number(reloads, "good", past->good);
    json_number(reloads, "refused", past->refused);
    lines_add(reloads, "history", past->reloads, past->reload_count, PAST_RELOADS);
    lines_add(root, "events", past->events, past->event_count, PAST_EVENTS);
}

static cJSON *document_build(struct control *control, const struct moment *m)
{
    cJSON *root = cJSON_CreateObject();
    instance_add(m, root);
    report_add(root, control, m->t);
    program_add(m, root);
    verdicts_add(m, root);
    interfaces_add(m, root);
    document_services(m, root);
    flows_add(m, root);
    sets_json(m->control, root);
    checks_add(m, root);
    routes_add(m, root);
    unknown_ways_add(m, root);
    workers_add(m, root);
    limits_add(control, root);
    recorder_add(m, root);
    past_add(m, root);
    history_json(control->documents->history, root, m->t->mono_ns);
    return root;
}

/* Return the moment of t. Rates start from the last tally if it is half a second old, else from the earlier one. */
static struct moment moment_of(const struct control *control, const struct tally *t)
{
    const struct documents *d = control->documents;
    struct moment m = {.control = control, .t = t, .c = tally_counters(t), .wall_ns = clock_ns(CLOCK_REALTIME)};
    const struct tally *from = d->last && t->mono_ns - d->last->mono_ns >= AT_LEAST_NS ? d->last : d->before;
    if (!from || from->program != t->program || t->mono_ns - from->mono_ns < AT_LEAST_NS) return m;
    m.earlier = from;
    m.before = tally_counters(from);
    m.over_ns = t->mono_ns - from->mono_ns;
    return m;
}

static void document_make(struct control *control)
{
    struct documents *d = control->documents;
    const uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    struct tally *t = tally_take(control->carry, true);
    if (!t) return;
    onfile_look(control);
    const struct moment m = moment_of(control, t);
    cJSON *root = document_build(control, &m);
    char *text = cJSON_PrintUnformatted(root);
    const uint64_t now = clock_ns(CLOCK_MONOTONIC), cost = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun) * SHARE;
    tally_free(t);
    cJSON_Delete(d->root);
    cJSON_free(d->text);
    d->root = root;
    d->text = text;
    d->number++;
    d->due_ns = now + (cost > EACH_NS ? cost : EACH_NS);
}

static struct documents *documents(struct control *control)
{
    if (!control->documents) control->documents = calloc(1, sizeof *control->documents);
    return control->documents;
}

struct document document_take(struct control *control)
{
    struct documents *d = documents(control);
    if (!d) return (struct document){0};
    if (d->changes != control->tell->changes) d->due_ns = 0;
    d->changes = control->tell->changes;
    if (clock_ns(CLOCK_MONOTONIC) >= d->due_ns && change_settled(control->carry)) document_make(control);
    if (!d->text) return (struct document){0};
    return (struct document){d->number, d->root, d->text, strlen(d->text)};
}

void document_tick(struct control *control, uint64_t now_ns, bool history)
{
    struct documents *d = documents(control);
    const uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (!d || now_ns < d->sample_due_ns || !change_settled(control->carry)) return;
    struct tally *t = tally_take(control->carry, true);
    if (!t) return;
    tally_free(d->before);
    d->before = d->last;
    d->last = t;
    if (history && !d->history) d->history = history_new(control->begun_ns);
    if (history && d->history) history_add(d->history, tally_counters(t), t->mono_ns);
    d->sample_due_ns = now_ns + (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun) * SAMPLE_SHARE;
}

void document_fini(struct control *control)
{
    struct documents *d = control->documents;
    if (!d) return;
    tally_free(d->last);
    tally_free(d->before);
    history_free(d->history);
    cJSON_Delete(d->root);
    cJSON_free(d->text);
    free(d);
    control->documents = NULL;
}
