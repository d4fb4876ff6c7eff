/* The counters of live traffic: a replay's summary with the interfaces, what was watched, and what was lost on the way
 * out. The workers stand still meanwhile, so that they add up. */
#include "runtime/live/report.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/live/clock.h"
#include "runtime/live/steered.h"
#include "runtime/replay/report.h"
#include "runtime/worker/sum.h"

enum { PRINT_WAIT_MS = 1000 };

static const char *const loss_words[] = {
#define LOSS(ident, words) words,
    EGRESS_LOSSES(LOSS)
#undef LOSS
};

/* All workers together. */
struct whole {
    struct live *l;
    struct worker_counters c;
    struct egress_counters e;
    struct io_stats io[PORTS_MOST];
    struct counter seen[PORTS_MOST];
};

static void add(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; i < bytes / sizeof *t; i++) t[i] += f[i];
}
static_assert(sizeof(struct worker_counters) % 8 == 0 && sizeof(struct egress_counters) % 8 == 0,
              "counters of 64 bits");

void io_stats_add(struct io_stats *to, const struct io_stats *s)
{
    to->received += s->received;
    to->lost += s->lost;
    to->renewed += s->renewed;
    to->refused += s->refused;
    to->cut += s->cut;
    to->super += s->super;
    to->copied += s->copied;
    to->completed += s->completed;
    to->sent += s->sent;
    to->not_sent += s->not_sent;
}

static void add_worker(struct whole *all, struct worker *w)
{
    add(&all->c, &w->counters, sizeof all->c);
    add(&all->e, &w->egress.counters, sizeof all->e);
    for (unsigned i = 0; i < w->egress.port_count; i++) {
        const unsigned iface = i % all->l->o->iface_count;
        struct io_stats s;
        w->ports[i].ops->stats(w->ports[i].io, &s);
        io_stats_add(&all->io[iface], &s);
        io_stats_add(&all->io[iface], &w->ports[i].before);
        add(&all->seen[iface], &w->ports[i].seen, sizeof all->seen[iface]);
    }
}

/* ---- text ---- */

static void interfaces_text(FILE *out, const struct whole *all)
{
    for (unsigned i = 0; i < all->l->o->iface_count; i++) {
        const struct io_stats *s = &all->io[i];
        char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER], d[TEXT_NUMBER];
        fprintf(out, "%-12s%s frames, %s bytes in, %s found no room, %s sent", all->l->o->ifaces[i],
                text_number(all->seen[i].packets, a), text_number(all->seen[i].bytes, b), text_number(s->lost, c),
                text_number(s->sent, d));
        if (s->super) fprintf(out, ", %s super-packets", text_number(s->super, a));
        if (s->completed) fprintf(out, ", %s checksums completed", text_number(s->completed, a));
        if (s->refused) fprintf(out, ", %s super-packets refused", text_number(s->refused, a));
        if (s->renewed) fprintf(out, ", made anew %s times", text_number(s->renewed, a));
        if (s->cut) fprintf(out, ", %s too long", text_number(s->cut, a));
        if (s->not_sent) fprintf(out, ", %s not taken by the device", text_number(s->not_sent, a));
        fputc('\n', out);
    }
}

static void more_text(FILE *out, const struct whole *all)
{
    const struct worker_counters *c = &all->c;
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    interfaces_text(out, all);
    if (all->l->o->monitor || c->watched.packets)
        fprintf(out, "watched     %s packets, %s bytes: dropped or rejected above, but this machine got them\n",
                text_number(c->watched.packets, a), text_number(c->watched.bytes, b));
    if (c->given)
        fprintf(out, "given back  %s packets to this machine, %s of them not taken\n", text_number(c->given, a),
                text_number(c->not_given, b));
    if (c->cut)
        fprintf(out, "offload     %s super-packets were cut into %s, for a tunnel\n", text_number(c->cut, a),
                text_number(c->pieces, b));
    if (c->crossed || c->stayed)
        fprintf(out, "bridge      %s frames crossed, %s were for the side that they came from\n",
                text_number(c->crossed, a), text_number(c->stayed, b));
    if (all->e.routed)
        fprintf(out, "routed      %s packets crossed from one interface to another\n", text_number(all->e.routed, a));
    if (c->handed)
        fprintf(out, "workers     %s packets were handed from one to another, %s of them found no room\n",
                text_number(c->handed, a), text_number(c->hand_lost, b));
    if (all->l->events.not_taken)
        fprintf(out, "log         %s lines were not written\n", text_number(all->l->events.not_taken, a));
    for (unsigned i = 0; i < LOSS_COUNT; i++)
        if (all->e.lost[i]) fprintf(out, "lost        %s: %s\n", text_number(all->e.lost[i], a), loss_words[i]);
}

/* ---- JSON ---- */

static void number(cJSON *to, const char *key, uint64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, n);
    cJSON_AddRawToObject(to, key, digits);
}

static void interface_json(cJSON *one, const struct whole *all, unsigned i)
{
    const struct io_stats *s = &all->io[i];
    cJSON_AddStringToObject(one, "interface", all->l->o->ifaces[i]);
    cJSON_AddStringToObject(one, "io", all->l->workers[0]->ports[i].ops->name);
    number(one, "packets", all->seen[i].packets);
    number(one, "bytes", all->seen[i].bytes);
    number(one, "lost", s->lost);
    number(one, "renewed", s->renewed);
    number(one, "refused", s->refused);
    number(one, "cut", s->cut);
    number(one, "super", s->super);
    number(one, "copied", s->copied);
    number(one, "completed", s->completed);
    number(one, "sent", s->sent);
    number(one, "not_sent", s->not_sent);
}

static void live_json(cJSON *live, const struct whole *all)
{
    const struct worker_counters *c = &all->c;
    static const char *const keys[] = {
#define LOSS(ident, words) #ident,
        EGRESS_LOSSES(LOSS)
#undef LOSS
    };
    number(live, "workers", all->l->worker_count);
    if (all->l->worker_count > 1) cJSON_AddStringToObject(live, "dealt", all->l->dealt ? "owner" : "hash");
    number(live, "frames", c->totals.frames);
    number(live, "bytes", c->totals.bytes);
    number(live, "watched", c->watched.packets);
    number(live, "watched_bytes", c->watched.bytes);
    number(live, "batches", c->batches);
    number(live, "ticks", c->ticks);
    number(live, "routed", all->e.routed);
    number(live, "waited", all->e.waited);
    number(live, "given", c->given);
    number(live, "not_given", c->not_given);
    number(live, "cut", c->cut);
    number(live, "pieces", c->pieces);
    number(live, "crossed", c->crossed);
    number(live, "stayed", c->stayed);
    number(live, "handed", c->handed);
    number(live, "hand_lost", c->hand_lost);
    number(live, "log_lost", all->l->events.not_taken);
    cJSON *lost = cJSON_AddObjectToObject(live, "lost");
    for (unsigned i = 0; i < LOSS_COUNT; i++) number(lost, keys[i], all->e.lost[i]);
}

static void more_json(cJSON *root, const void *arg)
{
    const struct whole *all = arg;
    cJSON *interfaces = cJSON_AddArrayToObject(root, "interfaces");
    for (unsigned i = 0; i < all->l->o->iface_count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(interfaces, one);
        interface_json(one, all, i);
    }
    live_json(cJSON_AddObjectToObject(root, "live"), all);
}

/* ---- printing ---- */

static bool write_report(FILE *out, const struct live *l, const struct sum *sum, struct whole *all)
{
    const struct report of = {.options = l->o,
                              .program = l->now.program,
                              .labels = &l->now.labels,
                              .counters = sum_counters(sum),
                              .totals = &all->c.totals};
    if (l->o->json) return !report_json(out, &of, more_json, all);
    report_text(out, &of);
    more_text(out, all);
    return true;
}

char *live_report(struct live *l, size_t *len)
{
    struct whole all = {.l = l};
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    struct sum *sum = sum_new(l->now.program, vm_counters(l->workers[0]->vm));
    for (unsigned i = 0; i < l->worker_count && sum; i++) {
        add_worker(&all, l->workers[i]);
        sum_add(sum, vm_counters(l->workers[i]->vm));
    }
    for (unsigned i = 0; i < l->o->iface_count; i++) steered_stats(l, i, &all.io[i]);
    bool good = out && sum && write_report(out, l, sum, &all);
    if (out) good = !fclose(out) && good;
    sum_free(sum);
    if (good) return text;
    free(text);
    return NULL;
}

/* A pipe that poll calls ready takes PIPE_BUF bytes at once. */
int report_print(int fd, const char *text, size_t len)
{
    const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + PRINT_WAIT_MS * UINT64_C(1000000);
    while (len) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
        const int ready = poll(&room, 1, now_ns < until_ns ? (int)((until_ns - now_ns) / 1000000) : 0);
        if (!ready) return -ETIMEDOUT;
        const ssize_t written = ready < 0 ? -1 : write(fd, text, len < PIPE_BUF ? len : PIPE_BUF);
        if (written < 0 && errno != EINTR) return -errno;
        if (written < 0) continue;
        text += written;
        len -= (size_t)written;
    }
    return 0;
}
