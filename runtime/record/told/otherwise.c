/* Pairs of verdicts in a list, sorted by packets for the report */
#include <stdlib.h>

#include "runtime/record/told/recording_priv.h"
#include "runtime/report/json.h"
#include "runtime/report/verdicts.h"

enum { PRINTED = 10 };

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->action == b->action && a->reason == b->reason && a->rule == b->rule && a->service == b->service &&
           a->server == b->server;
}

/* True if the pair matches. Servers vary, so they do not count. */
static bool is_pair(const struct otherwise_pair *x, const struct judged *j, const struct verdict *was,
                    const struct verdict *now)
{
    struct verdict was_there = *was, now_there = *now;
    was_there.server = x->was.server;
    now_there.server = x->now.server;
    return x->ran == j->ran->p && x->judges == j->program && same_verdict(&x->was, &was_there) &&
           same_verdict(&x->now, &now_there);
}

struct otherwise_pair *otherwise_add(struct otherwise *o, const struct judged *j, unsigned i, uint64_t frame,
                                     uint64_t wall_ns)
{
    const struct tape_verdict *then = &j->was[i];
    const struct verdict *now = &j->now[i];
    const struct verdict was = {
        .action = then->action,
        .reason = then->reason,
        .rule = then->rule,
        .firewall = j->ran->p->firewalls_count == 1 ? 0 : PBC_NONE, /* the recorded firewall is unknown */
        .service = then->service,
        .server = then->server};
    for (unsigned k = 0; k < o->count; k++) {
        if (!is_pair(&o->pairs[k], j, &was, now)) continue;
        o->pairs[k].packets++;
        return NULL;
    }
    if (o->count == OTHERWISE_PAIRS) {
        o->left_out++;
        return NULL;
    }
    struct otherwise_pair *x = &o->pairs[o->count++];
    *x = (struct otherwise_pair){.ran = j->ran->p,
                                 .judges = j->program,
                                 .was = was,
                                 .now = *now,
                                 .packets = 1,
                                 .frame = frame,
                                 .time_ns = wall_ns};
    return x;
}

static int by_packets(const void *a, const void *b)
{
    const struct otherwise_pair *x = a, *y = b;
    if (x->packets != y->packets) return x->packets < y->packets ? 1 : -1;
    return x->frame > y->frame ? 1 : -1;
}

void otherwise_sort(struct otherwise *o) { qsort(o->pairs, o->count, sizeof *o->pairs, by_packets); }

static void side_text(FILE *out, const char *when, const struct program *p, const struct verdict *v)
{
    struct labels labels;
    fprintf(out, "            %s ", when);
    if (labels_init(&labels, p))
        fputs(action_name(v->action), out);
    else
        verdict_text(out, &labels, v);
    putc('\n', out);
    labels_fini(&labels);
}

void otherwise_text(FILE *out, const struct otherwise *o)
{
    uint64_t rest = o->left_out;
    char number[TEXT_NUMBER], when[TEXT_TIME];
    for (unsigned i = 0; i < o->count && i < PRINTED; i++) {
        const struct otherwise_pair *x = &o->pairs[i];
        fprintf(out, "otherwise   %s packet%s\n", text_number(x->packets, number), text_plural(x->packets));
        side_text(out, "was", x->ran, &x->was);
        side_text(out, "now", x->judges, &x->now);
        fprintf(out, "            first frame %s at %s: %s\n", text_number(x->frame, number),
                text_clock(x->time_ns, when), x->packet);
    }
    for (unsigned i = PRINTED; i < o->count; i++) rest += o->pairs[i].packets;
    if (rest)
        fprintf(out, "otherwise   %s more packet%s; for a line per packet, add `--only otherwise --describe`\n",
                text_number(rest, number), text_plural(rest));
}

static void side_json(cJSON *to, const char *when, const struct program *p, const struct verdict *v)
{
    struct labels labels;
    cJSON *side = cJSON_AddObjectToObject(to, when);
    json_text(side, "verdict", label_or_null(action_name(v->action)));
    if (!labels_init(&labels, p)) {
        json_text(side, "rule", label_or_null(label_of(&labels, v->rule)));
        json_text(side, "service", label_or_null(label_service(&labels, v->service)));
        json_text(side, "server", label_or_null(label_server(&labels, v->server)));
        json_text(side, "reason", label_or_null(reason_name(v->reason)));
    }
    labels_fini(&labels);
}

void otherwise_json(cJSON *to, const struct otherwise *o)
{
    cJSON *list = cJSON_AddArrayToObject(to, "otherwise");
    for (unsigned i = 0; i < o->count; i++) {
        const struct otherwise_pair *x = &o->pairs[i];
        cJSON *pair = json_object(list);
        json_number(pair, "packets", x->packets);
        side_json(pair, "was", x->ran, &x->was);
        side_json(pair, "now", x->judges, &x->now);
        cJSON *first = cJSON_AddObjectToObject(pair, "first");
        json_number(first, "frame", x->frame);
        json_time(first, "time", x->time_ns);
        json_text(first, "packet", x->packet);
    }
    json_number(to, "otherwise_left_out", o->left_out);
}
