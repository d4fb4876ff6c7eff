/* Notes become rows with names at once, because a rule's number means another rule after the next reload */
#include "runtime/live/control/dropped/dropped.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/control/dropped/drop_table.h"
#include "runtime/live/control/end_text.h"
#include "runtime/live/control/questions.h"
#include "runtime/report/text.h"

enum { MINUTES_MOST = DROP_MINUTES - 1, ROWS_SHOWN = 20 };

struct dropped {
    struct drop_table *table;
    uint64_t lost; /* drops that could not be kept for lack of memory */
};

/* Return the table, made for the first note; NULL: out of memory. */
static struct dropped *dropped_at(struct control *control)
{
    uint64_t seed = 0;
    if (!control->dropped && !(control->dropped = calloc(1, sizeof *control->dropped))) return NULL;
    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    if (!control->dropped->table) control->dropped->table = drop_table_new(seed);
    return control->dropped;
}

void dropped_fini(struct control *control)
{
    if (control->dropped) drop_table_free(control->dropped->table);
    free(control->dropped);
    control->dropped = NULL;
}

/* Return the name of the rule or default that decided, and its kind in *kind. Names of a replaced program are
 * unknown. */
static const char *decided_by_name(const struct control *control, const struct drop_note *n, uint8_t *kind)
{
    const struct labels *labels = change_labels(control->carry, n->program);
    *kind = n->reason != REASON_NONE  ? DROP_BY_REASON
            : n->rule == RULE_NONE    ? DROP_BY_NOBODY
            : n->rule == RULE_DEFAULT ? DROP_BY_DEFAULT
                                      : DROP_BY_RULE;
    const char *service = *kind == DROP_BY_REASON && labels ? label_service(labels, n->service) : "-";
    if (*kind == DROP_BY_REASON) return strcmp(service, "-") ? service : "";
    if (*kind == DROP_BY_NOBODY) return "";
    if (!labels) return "?";
    if (*kind == DROP_BY_RULE) return label_rule(labels, n->rule);
    return n->firewall < labels->program->firewalls_count ? labels->firewall[n->firewall] : "?";
}

void dropped_see(struct control *control, const struct drop_note *n)
{
    struct dropped *d = dropped_at(control);
    const struct packet_end *src = &n->ends.src;
    struct drop_seen s = {
        .key = {.from = src->kind, .action = n->action, .reason = n->reason, .port = n->port, .passed = n->watched},
        .at_ns = n->at_ns,
        .stands = n->stands,
        .dst_port = n->ends.dst_port,
        .has_port = n->ends.has_port};
    memcpy(s.key.src, src->addr, sizeof s.key.src);
    s.by = decided_by_name(control, n, &s.key.by_kind);
    if (d && d->table)
        drop_table_add(d->table, &s);
    else if (d)
        d->lost += n->stands;
}

void dropped_take(struct control *control)
{
    struct drop_note n;
    for (unsigned i = 0; i < control->carry->worker_count; i++) {
        struct ring *notes = &control->carry->workers[i]->drops.notes;
        for (unsigned most = DROPS_NOTED; most && ring_take(notes, &n); most--) dropped_see(control, &n);
    }
}

/* Return the number of drops without a note. */
static uint64_t dropped_unnoted(const struct control *control)
{
    uint64_t sum = in_kernel_drops_untold(control->carry) + (control->dropped ? control->dropped->lost : 0);
    for (unsigned i = 0; i < control->carry->worker_count; i++)
        sum += __atomic_load_n(&control->carry->workers[i]->drops.unnoted, __ATOMIC_RELAXED);
    return sum;
}

static const char *name_if(const struct drop_row *r, enum drop_by kind)
{
    return r->key.by_kind == kind && *r->by ? r->by : NULL;
}

/* Add a document to the answer. False: no room. */
static bool row_answer(const struct control *control, struct call *c, const struct drop_told *told)
{
    const struct drop_row *r = &told->row;
    const uint8_t port = r->key.port;
    char source[END_TEXT], when[TEXT_TIME], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) return false;
    struct packet_end src = {.kind = r->key.from};
    memcpy(src.addr, r->key.src, sizeof src.addr);
    const uint64_t ahead_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    json_print(out, "{'source':%s,'others':%i,'verdict':%s,'passed':%i", end_text(&src, source),
               r->key.from == DROP_FROM_OTHERS, action_name(r->key.action), r->key.passed);
    json_print(out, ",'rule':%s,'default':%s,'reason':%s,'service':%s", name_if(r, DROP_BY_RULE),
               name_if(r, DROP_BY_DEFAULT), r->key.by_kind == DROP_BY_REASON ? reason_name(r->key.reason) : NULL,
               name_if(r, DROP_BY_REASON));
    json_print(out, ",'interface':%s,'port':", port < control->o->iface_count ? control->o->ifaces[port] : NULL);
    if (r->has_port)
        fprintf(out, "%u", r->dst_port);
    else
        fputs("null", out);
    json_print(out, ",'packets':%llu,'estimated':%i,'last':%s}", (unsigned long long)told->packets, told->scaled,
               text_iso(r->last_ns + ahead_ns, when));
    const bool fits = !fclose(out) && call_json(c, text, len);
    free(text);
    return fits;
}

/* End the answer with the number of rows, and of their packets. */
static void rows_end(const struct control *control, struct call *c, const struct drop_told *all, unsigned count,
                     unsigned shown, unsigned minutes)
{
    char packets[TEXT_NUMBER], rows[TEXT_NUMBER], unnoted[TEXT_NUMBER], more[120] = "", lost[120] = "";
    uint64_t sum = 0, without = dropped_unnoted(control);
    bool scaled = false;
    for (unsigned i = 0; i < count; i++) {
        sum += all[i].packets;
        scaled |= all[i].scaled;
    }
    if (shown < count)
        snprintf(more, sizeof more, "; %u of %s rows: --limit N shows more", shown, text_number(count, rows));
    if (without)
        snprintf(lost, sizeof lost, "; since the start, %s more packets came too fast to be recorded",
                 text_number(without, unnoted));
    call_end(c, 0, "%s%s packet%s in the last %u min%s%s", scaled ? "~" : "", text_number(sum, packets),
             text_plural(sum), minutes, more, lost);
}

void asked_DROPPED(void *with, struct call *c)
{
    struct control *control = with;
    uint64_t ns = MINUTES_MOST * DROP_MINUTE_NS, limit = ROWS_SHOWN;
    if ((call_has(c, "ns") && !call_number_of(c, "ns", MINUTES_MOST * DROP_MINUTE_NS, &ns)) || !ns) {
        call_end(c, 2, "drops are counted for %u minutes: --for takes up to %um", MINUTES_MOST, MINUTES_MOST);
        return;
    }
    if ((call_has(c, "limit") && !call_number_of(c, "limit", UINT32_MAX, &limit)) || !limit) {
        call_end(c, 2, "`limit` must be a number of rows, at least 1");
        return;
    }
    dropped_take(control);
    const unsigned minutes = (unsigned)((ns + DROP_MINUTE_NS - 1) / DROP_MINUTE_NS);
    struct drop_told *all = calloc(DROP_ROWS_MOST, sizeof *all);
    const bool has = control->dropped && control->dropped->table;
    const unsigned count =
        all && has ? drop_table_tell(control->dropped->table, clock_ns(CLOCK_MONOTONIC), minutes, all) : 0;
    unsigned shown = 0;
    while (shown < count && shown < limit && row_answer(control, c, &all[shown])) shown++;
    if (!all || (shown < count && shown < limit))
        call_end(c, 2, "out of memory, or the reply is too long: ask for fewer rows with --limit");
    else
        rows_end(control, c, all, count, shown, minutes);
    free(all);
}
