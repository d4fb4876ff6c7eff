/* The counters of live traffic: a replay's summary, with interfaces, watched packets, and losses on the way out. */
#include "runtime/live/control/document/live_report.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/copies/copies_told.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/tally.h"
#include "runtime/live/control/document/proxied_seen.h"
#include "runtime/observe/log.h"
#include "runtime/observe/thread.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/json.h"
#include "runtime/report/live_report.h"

enum { PRINT_WAIT_MS = 1000, DOCUMENT_RULES = 1000 };

static const char *const losses[LOSS_COUNT] = {
#define LOSS_COUNTER(ident, key, words) key,
#include "runtime/counters/counter.def"
};

/* The input of a report. */
struct whole {
    const struct control *control;
    const struct tally *t;
    struct options options; /* copy with the running program's name */
};

static struct whole whole_of(const struct control *control, const struct tally *t)
{
    struct whole all = {control, t, *control->o};
    all.options.program = control->carry->now.name;
    return all;
}

/* Names of the reasons why packets come up. */
static const char *const ups[KERNEL_UPS] = {
#define UP(ident, name, doc) [KERNEL_UP_##ident] = name,
#include "vm/kernel/up.def"
};

/* Names of the reasons why packets take the long way in the kernel. */
static const char *const longs[KERNEL_LONGS] = {
#define LONG(ident, name, doc) [KERNEL_LONG_##ident] = name,
#include "vm/kernel/long.def"
};

static void observed_json(cJSON *root, const struct carry *carry)
{
    const struct program *p = carry->now.program;
    const struct observed_counters of = observed_thread_counters(carry->observed);
    const uint64_t *counter = (const void *)&of;
    cJSON *files = cJSON_AddObjectToObject(root, "observed_files");
    for (unsigned i = 0; i < OBSERVED_COUNTERS; i++) json_number(files, observed_counter_name[i], counter[i]);
    cJSON *services = cJSON_GetObjectItem(root, "observe_services");
    for (uint32_t i = 0; i < p->observes_count; i++) {
        const struct pbc_observe *o = &p->observes[i];
        cJSON *one = cJSON_GetArrayItem(services, (int)i);
        if (!one) continue;
        if (o->sessions) json_text(one, "sessions_to", program_str(p, o->sessions));
        if (o->stream) json_text(one, "stream_to", program_str(p, o->stream));
        if (o->stream) cJSON_AddBoolToObject(one, "pcapng", o->flags & PBC_OBSERVE_PCAPNG);
    }
}

static struct copies_told copied_of(const struct whole *all)
{
    const struct carry *carry = all->control->carry;
    return (struct copies_told){.copies = carry->copies,
                                .table = carry->now.copies,
                                .program = all->t->program,
                                .counters = tally_counters(all->t)};
}

static void in_kernel_json(cJSON *to, const struct tally *t)
{
    json_number(to, "packets", t->in_kernel.packets);
    json_number(to, "bytes", t->in_kernel.bytes);
#define KERNEL_COUNTER(field, key, words, doc) json_number(to, key, t->told.field);
#include "runtime/counters/counter.def"
    cJSON *up = cJSON_AddObjectToObject(to, "up");
    for (unsigned i = KERNEL_UP_NONE + 1; i < KERNEL_UPS; i++) json_number(up, ups[i], t->kernel.ups[i].packets);
    cJSON *way = cJSON_AddObjectToObject(to, "long");
    for (unsigned i = KERNEL_LONG_NONE + 1; i < KERNEL_LONGS; i++) json_number(way, longs[i], t->kernel.longs[i]);
}

static void interface_json(cJSON *one, const struct whole *all, unsigned i)
{
    const struct io_stats *s = &all->t->io[i];
    cJSON_AddStringToObject(one, "interface", all->control->o->ifaces[i]);
    cJSON_AddStringToObject(one, "io", all->control->carry->workers[0]->ports[i].ops->name);
    if (all->control->carry->in_kernel) cJSON_AddStringToObject(one, "hook", in_kernel_hook(all->control->carry, i));
    json_number(one, "packets", all->t->seen[i].packets);
    json_number(one, "bytes", all->t->seen[i].bytes);
#define IO_COUNTER(field, words, doc) json_number(one, #field, s->field);
#include "runtime/counters/counter.def"
}

static void live_json(cJSON *live, const struct whole *all)
{
    const struct worker_counters *c = &all->t->c;
    const struct egress_counters *e = &all->t->e;
    json_number(live, "workers", all->control->carry->worker_count);
    if (all->control->carry->worker_count > 1)
        cJSON_AddStringToObject(live, "dealt", all->control->carry->ports.dealt ? "owner" : "hash");
    json_number(live, "frames", c->totals.frames);
    json_number(live, "bytes", c->totals.bytes);
    json_number(live, "watched", c->watched.packets);
    json_number(live, "watched_bytes", c->watched.bytes);
#define WORKER_COUNTER(field, key, doc) json_number(live, key, c->field);
#include "runtime/counters/counter.def"
#define EGRESS_COUNTER(field, key, doc) json_number(live, key, e->field);
#include "runtime/counters/counter.def"
    json_number(live, "log_lost", all->control->tell->events.not_taken);
    cJSON *lost = cJSON_AddObjectToObject(live, "lost");
    for (unsigned i = 0; i < LOSS_COUNT; i++) json_number(lost, losses[i], e->lost[i]);
}

static void more_json(cJSON *root, const struct whole *all)
{
    cJSON *interfaces = cJSON_AddArrayToObject(root, "interfaces");
    for (unsigned i = 0; i < all->control->o->iface_count; i++) {
        cJSON *one = json_object(interfaces);
        interface_json(one, all, i);
    }
    live_json(cJSON_AddObjectToObject(root, "live"), all);
    if (all->control->carry->in_kernel) in_kernel_json(cJSON_AddObjectToObject(root, "kernel"), all->t);
    observed_json(root, all->control->carry);
    const struct copies_told copied = copied_of(all);
    copies_json(root, &copied);
    proxied_json(root, all->t, all->control->carry->proxied);
}

static struct report report_of(const struct whole *all)
{
    return (struct report){.options = &all->options,
                           .program = all->t->program,
                           .labels = &all->control->carry->now.labels,
                           .counters = tally_counters(all->t),
                           .totals = &all->t->c.totals,
                           .down = all->control->carry->now.down};
}

void report_add(cJSON *root, const struct control *control, const struct tally *t)
{
    const struct whole all = whole_of(control, t);
    struct report of = report_of(&all);
    of.rules_most = DOCUMENT_RULES;
    report_json_add(root, &of);
    more_json(root, &all);
}

static void interfaces_text(FILE *out, const cJSON *interfaces)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, interfaces)
    {
        fill(out, one, "{interface:-12}{#packets|frame}, {#bytes|byte} in, {#lost} found no room, {#sent} sent");
#define IO_COUNTER(field, words, doc)                                                                                  \
    if (*words) fill(out, one, "{?" #field " , {#" #field "|" words "}}");
#include "runtime/counters/counter.def"
        fputc('\n', out);
    }
}

static void in_kernel_text(FILE *out, const cJSON *kernel)
{
    if (!kernel) return;
    fill(out, kernel,
         "kernel      {#packets|frame}, {#bytes|byte} judged there{*up?.|||; {#.} sent to preyrun: {$}}\n"
         "{*long?.|            long path: |, |{$} {#.}| (man preyrun, kernel.long)\n}");
#define KERNEL_COUNTER(field, key, words, doc)                                                                         \
    if (*words) fill(out, kernel, "{?" key "             {#" key "|" words "}\n}");
#include "runtime/counters/counter.def"
}

static void more_text(FILE *out, const cJSON *root, const struct whole *all)
{
    const struct copies_told copied = copied_of(all);
    const cJSON *live = item(root, "live");
    interfaces_text(out, item(root, "interfaces"));
    in_kernel_text(out, item(root, "kernel"));
    if (all->control->o->monitor || item_number(live, "watched"))
        fill(out, live,
             "watched     {#watched|packet}, {#watched_bytes|byte}: counted above as dropped or rejected, but this "
             "machine received {=watched|it|them}\n");
    fill(out, live,
         "{?given given back  {#given|packet} to this machine, {#not_given} of them rejected\n}"
         "{?no_receiver dropped     {#no_receiver|packet} for this machine, which has no device for their VLAN tags\n}"
         "{?cut offload     {#cut|super-packet was|super-packets were} cut into {#pieces}, for a tunnel\n}"
         "{?crossed,stayed bridge      {#crossed|frame} crossed, {#stayed} "
         "{=stayed|was for the side that it|were for the side that they} came from\n}"
         "{?to_inside,from_inside in the wire {#to_inside|packet} to inline connections, {#inside_lost} of them "
         "rejected, {#from_inside} from these connections\n}"
         "{?routed routed      {#routed|packet} crossed from one interface to another\n}");
    fill(out, root, "{*observed_files?.|observed    in files: |, |{#.} {$}|\n}");
    proxied_text(out, root, all->t);
    fill(
        out, live,
        "{?handed workers     {#handed|packet was|packets were} handed from one to another, {#hand_lost} of them found "
        "no room\n}"
        "{?log_lost log         {#log_lost|line was|lines were} not written\n}");
    copies_text(out, root, &copied);
#define LOSS_COUNTER(ident, key, words) "{?lost." key " lost        {#lost." key "}: " words "\n}"
    fill(out, live,
#include "runtime/counters/counter.def"
    );
}

bool report_write(FILE *out, const struct control *control, const struct tally *t)
{
    const struct whole all = whole_of(control, t);
    const struct report of = report_of(&all);
    cJSON *root = report_document(&of);
    if (!root) return false;
    more_json(root, &all);
    if (control->o->json) return !report_json(out, root, NULL);
    report_text(out, &of, root);
    more_text(out, root, &all);
    cJSON_Delete(root);
    return true;
}

char *live_report(const struct control *control, bool running, size_t *len)
{
    struct tally *t = tally_take(control->carry, running);
    char *text = NULL;
    FILE *out = t ? open_memstream(&text, len) : NULL;
    bool good = out && report_write(out, control, t);
    if (out) good = !fclose(out) && good;
    tally_free(t);
    if (good) return text;
    free(text);
    return NULL;
}

/* Write in parts of PIPE_BUF bytes, because a pipe takes so many at once when poll reports it as ready. */
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
