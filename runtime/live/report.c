/* The counters of live traffic: a replay's summary with the interfaces, what was watched, and what was lost on the way
 * out. The worker stands still meanwhile, so that they add up. */
#include <cjson/cJSON.h>
#include <inttypes.h>

#include "runtime/live/live_priv.h"
#include "runtime/replay/report.h"

static const char *const loss_words[] = {
#define LOSS(ident, words) words,
    EGRESS_LOSSES(LOSS)
#undef LOSS
};

static void interfaces_text(const struct live *l)
{
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        struct port *p = &l->worker->ports[i];
        struct io_stats s;
        char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER], d[TEXT_NUMBER];
        p->ops->stats(p->io, &s);
        printf("%-12s%s frames, %s bytes in, %s found no room, %s sent", l->o->ifaces[i],
               text_number(p->seen.packets, a), text_number(p->seen.bytes, b), text_number(s.lost, c),
               text_number(s.sent, d));
        if (s.super) printf(", %s super-packets", text_number(s.super, a));
        if (s.cut) printf(", %s too long", text_number(s.cut, a));
        if (s.not_sent) printf(", %s not taken by the device", text_number(s.not_sent, a));
        putchar('\n');
    }
}

static void lost_text(const struct live *l)
{
    const struct egress_counters *e = &l->worker->egress.counters;
    char a[TEXT_NUMBER];
    for (unsigned i = 0; i < LOSS_COUNT; i++)
        if (e->lost[i]) printf("lost        %s: %s\n", text_number(e->lost[i], a), loss_words[i]);
}

static void more_text(const struct live *l)
{
    const struct worker_counters *c = &l->worker->counters;
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    interfaces_text(l);
    if (l->o->monitor || c->watched.packets)
        printf("watched     %s packets, %s bytes: dropped or rejected above, but this machine got them\n",
               text_number(c->watched.packets, a), text_number(c->watched.bytes, b));
    if (c->cut)
        printf("offload     %s super-packets were cut into %s, for a tunnel\n", text_number(c->cut, a),
               text_number(c->pieces, b));
    lost_text(l);
}

static void number(cJSON *to, const char *key, uint64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, n);
    cJSON_AddRawToObject(to, key, digits);
}

static void interfaces_json(cJSON *root, const struct live *l)
{
    cJSON *all = cJSON_AddArrayToObject(root, "interfaces");
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        struct port *p = &l->worker->ports[i];
        struct io_stats s;
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(all, one);
        p->ops->stats(p->io, &s);
        cJSON_AddStringToObject(one, "interface", l->o->ifaces[i]);
        cJSON_AddStringToObject(one, "io", p->ops->name);
        number(one, "packets", p->seen.packets);
        number(one, "bytes", p->seen.bytes);
        number(one, "lost", s.lost);
        number(one, "cut", s.cut);
        number(one, "super", s.super);
        number(one, "copied", s.copied);
        number(one, "sent", s.sent);
        number(one, "not_sent", s.not_sent);
    }
}

static void more_json(cJSON *root, const void *arg)
{
    const struct live *l = arg;
    const struct worker_counters *c = &l->worker->counters;
    const struct egress_counters *e = &l->worker->egress.counters;
    interfaces_json(root, l);
    cJSON *live = cJSON_AddObjectToObject(root, "live");
    number(live, "frames", c->totals.frames);
    number(live, "bytes", c->totals.bytes);
    number(live, "watched", c->watched.packets);
    number(live, "watched_bytes", c->watched.bytes);
    number(live, "batches", c->batches);
    number(live, "ticks", c->ticks);
    number(live, "waited", e->waited);
    number(live, "cut", c->cut);
    number(live, "pieces", c->pieces);
    cJSON *lost = cJSON_AddObjectToObject(live, "lost");
    static const char *const keys[] = {
#define LOSS(ident, words) #ident,
        EGRESS_LOSSES(LOSS)
#undef LOSS
    };
    for (unsigned i = 0; i < LOSS_COUNT; i++) number(lost, keys[i], e->lost[i]);
}

int live_report(struct live *l)
{
    const struct report of = {.options = l->o,
                              .program = l->program,
                              .labels = &l->labels,
                              .counters = vm_counters(l->worker->vm),
                              .totals = &l->worker->counters.totals};
    int failed = 0;
    if (l->o->json) {
        failed = report_json(stdout, &of, more_json, l);
    } else {
        report_text(stdout, &of);
        more_text(l);
    }
    return failed || fflush(stdout) ? 2 : 0;
}
