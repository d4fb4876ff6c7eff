/* --explain of a capture. Meters, flows and fragments have memory, so all frames are judged. The worker is asked for
 * the reasons before it judges a wanted frame, which changes nothing. A worker whose packets go through the kernel
 * cannot be asked, so a second worker judges beside it in this process. The explanation waits until the frame's fate
 * is decided; later frames decide that of a held frame. Explanations come in frame order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/stop.h"
#include "runtime/replay/replay_priv.h"
#include "runtime/report/explain/explain_packet.h"
#include "runtime/report/explain/fate.h"
#include "runtime/report/given/given_ports.h"
#include "runtime/report/said/streams.h"
#include "vm/verdict.h"

enum { WAITING_MOST = 64 };

/* A frame to explain. */
struct wanted {
    struct wanted *next; /* next frame to explain, in frame order */
    uint64_t time_ns, held_ns;
    uint8_t *bytes; /* a copy of the frame, or NULL */
    struct explain_look look;
    struct fate fate;
    bool settled;
    char *text; /* explanation, once the fate is settled */
    size_t len;
};

/* A worker that gets frames one by one, as in a pass. */
struct walker {
    const struct subject *r;
    struct executor *exec;
    struct vm *vm; /* the executor's worker */
    struct replay_clock clock;
    struct streams *streams; /* connections to proxy services; NULL: no service of the program ends connections */
    struct wanted *first;    /* for the judging worker: frames whose fate is not reported yet */
    unsigned waiting;
    struct explain_steps *steps; /* steps of the later fragment that is traced */
    uint64_t judging;            /* frame of the current call; 0: timers */
    uint64_t released;           /* number of fragments released before this frame */
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
};

static struct wanted *wanted_find(const struct walker *w, uint64_t frame)
{
    struct wanted *at = w->first;
    while (at && at->fate.frame != frame) at = at->next;
    return at;
}

static const struct frag_counters *fragments(const struct walker *w) { return vm_counters(w->vm)->frags; }
static uint64_t released(const struct walker *w) { return fragments(w) ? fragments(w)->released : 0; }
static uint64_t followed(const struct walker *w) { return fragments(w) ? fragments(w)->followed : 0; }

static void walk_leave(void *arg)
{
    struct walker *w = arg;
    for (unsigned i = 0; i < w->tx.count; i++) {
        const struct tx_entry *e = &w->entries[i];
        const bool was_held = e->cause == TX_CAUSE_HELD;
        struct wanted *of = wanted_find(w, was_held ? e->cookie : w->judging && e->input == 0 ? w->judging : 0);
        if (of) departures_add(&of->fate.left, e);
        if (of && was_held) {
            of->fate.verdict = e->verdict;
            of->fate.waited_ns = w->clock.now_ns - of->held_ns;
            of->fate.followed = w->judging && released(w) > w->released;
            of->settled = true;
        }
        pool_put(e->pkt);
    }
    w->tx.count = w->tx.event_count = 0;
}

static void trace(void *arg, const struct trace_step *s)
{
    struct walker *w = arg;
    explain_steps_add(w->steps, s);
}

static bool traced(void *arg, uint64_t cookie)
{
    struct walker *w = arg;
    struct wanted *of = wanted_find(w, cookie);
    if (of) w->steps = &of->fate.steps;
    return of;
}

static bool walker_open(struct walker *w, const struct subject *r, bool in_kernel)
{
    const struct vm_cfg cfg = {.seed = r->o->seed,
                               .pool = r->pool,
                               .flow_events = true,
                               .follow_trace = trace,
                               .trace_arg = w,
                               .traced = traced};
    *w = (struct walker){.r = r, .clock = replay_clock_of(r)};
    w->tx.entries = w->entries;
    w->tx.cap = VM_BATCH * VM_TX_PER_PACKET;
    w->exec = replay_executor(r, &cfg, in_kernel);
    w->vm = w->exec ? executor_vm(w->exec) : NULL;
    bool failed = false;
    w->streams = streams_new(r->program, r->o->seed, true, &failed);
    if (failed) complain_memory(r->program);
    return w->exec && !failed;
}

/* Advance the clock to this frame. */
static struct vm_in walker_wait(struct walker *w, const struct capture_frame *f)
{
    w->judging = 0;
    replay_clock_tick(&w->clock, f->time_ns, w->exec, &w->tx, walk_leave, w);
    return replay_clock_at(&w->clock, f->time_ns);
}

static struct verdict walker_judge(struct walker *w, const struct capture_frame *f, uint64_t n)
{
    struct pkt pkt;
    struct verdict v;
    const struct vm_in in = walker_wait(w, f);
    frame_view(w->r, f, &pkt);
    pkt.cookie = n;
    w->judging = n;
    w->released = released(w);
    executor_run(w->exec, &in, (struct pkt *const[]){&pkt}, 1, &v, &w->tx);
    if (v.action == ACTION_HELD) replay_clock_held(&w->clock);
    if (w->streams) streams_judged(w->streams, &in, &pkt, n, &v);
    walk_leave(w);
    return v;
}

static void wanted_tell(const struct subject *r, struct wanted *of)
{
    FILE *out = open_memstream(&of->text, &of->len);
    if (!out) return;
    explain_fate(r, &of->look, of->time_ns, &of->fate, out);
    if (r->o->json) fputs("}\n", out);
    fclose(out);
}

/* Print explanations that are due, in order. all: also held frames, in their present state. Return 0 or a negative
 * errno. */
static int wanted_print(struct walker *w, struct out *out, bool all)
{
    for (struct wanted *of = w->first; of; of = of->next) {
        if (!of->settled && all) of->fate.waited_ns = w->clock.now_ns - of->held_ns;
        if ((of->settled || all) && !of->text) wanted_tell(w->r, of);
    }
    while (w->first && w->first->text) {
        struct wanted *of = w->first;
        w->first = of->next;
        w->waiting--;
        if (of->fate.frame != options_explained_after(w->r->o, 0) && !w->r->o->json) fputc('\n', out->f);
        fwrite(of->text, 1, of->len, out->f);
        explain_look_fini(&of->look);
        departures_fini(&of->fate.left);
        free(of->fate.steps.of);
        free(of->bytes);
        free(of->text);
        free(of);
    }
    return w->first && w->waiting >= WAITING_MOST ? wanted_print(w, out, true) : out_failed(out) ? -out->error : 0;
}

static struct wanted *wanted_new(struct walker *asked, const struct capture_frame *f, uint64_t n)
{
    const struct subject *r = asked->r;
    const struct vm_in in = walker_wait(asked, f);
    struct wanted *of = calloc(1, sizeof *of);
    struct capture_frame kept = *f;
    struct pkt pkt;
    if (!of) return NULL;
    of->time_ns = f->time_ns;
    of->fate.frame = n;
    if (!capture_keeps(r->capture)) {
        kept.data = of->bytes = malloc(f->cap_len + 1u);
        if (of->bytes) memcpy(of->bytes, f->data, f->cap_len);
    }
    if (kept.data) {
        frame_view(r, &kept, &pkt);
        explain_look(&of->look, asked->vm, &in, r->program, r->pool, &pkt);
        of->look.unnamed = port_unnamed(r->ports, f->port);
        return of;
    }
    free(of);
    return NULL;
}

/* Explain a frame: ask one worker, and let the other, or the same, judge. */
static int explain_at(struct walker *w, struct walker *asked, const struct capture_frame *f, uint64_t n)
{
    struct wanted *of = wanted_new(asked, f, n);
    if (!of) return complain("out of memory");
    struct wanted **end = &w->first;
    while (*end) end = &(*end)->next;
    *end = of;
    w->waiting++;
    const uint64_t before = followed(w), limited = vm_counters(w->vm)->answers_limited;
    of->fate.verdict = walker_judge(w, f, n);
    of->fate.limited = vm_counters(w->vm)->answers_limited > limited;
    of->fate.held = of->fate.verdict.action == ACTION_HELD;
    of->held_ns = w->clock.now_ns;
    if (of->fate.held) return 0;
    of->fate.followed = followed(w) > before;
    of->look.proxied = w->streams ? streams_last(w->streams) : NULL;
    of->settled = true;
    return 0;
}

static int capture_walk(const struct subject *r, struct walker *w, struct walker *asked, struct out *out)
{
    const struct capture_waiting waiting = {.stop_fd = stop_fd()};
    struct capture_frame f;
    uint64_t n = 0, next = options_explained_after(r->o, 0);
    int got = 0, failed = 0;
    capture_waiting(r->capture, &waiting);
    while (!failed && !stop_asked() && (next || w->first) && (got = capture_next(r->capture, &f)) == 1) {
        if (++n < r->o->from && n < next) continue;
        const bool is_wanted = n == next;
        if (is_wanted && explain_at(w, asked, &f, n)) return 2;
        if (!is_wanted) walker_judge(w, &f, n);
        if (asked != w) walker_judge(asked, &f, n);
        if (is_wanted) next = options_explained_after(r->o, n);
        failed = wanted_print(w, out, false);
    }
    if (!failed) failed = wanted_print(w, out, true);
    out_flush(out);
    if (failed) return -failed == EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
    if (got < 0) return complain_capture(r);
    if (next && !stop_asked())
        return complain("--explain %llu: the capture has only %llu frames", (unsigned long long)next,
                        (unsigned long long)n);
    return 0;
}

int explain(const struct subject *r)
{
    const bool in_kernel = r->o->exec == OPTIONS_EXEC_KERNEL;
    const unsigned count = in_kernel ? 2 : 1; /* the first judges, the last is asked */
    struct walker *walkers = calloc(count, sizeof *walkers);
    struct out out;
    out_open(&out, "-");
    const bool open =
        walkers && walker_open(&walkers[0], r, in_kernel) && (!in_kernel || walker_open(&walkers[1], r, false));
    int status = open ? capture_walk(r, walkers, &walkers[count - 1], &out) : 2;
    if (!walkers) complain("out of memory");
    for (unsigned i = 0; walkers && i < count; i++) {
        executor_free(walkers[i].exec);
        streams_free(walkers[i].streams);
    }
    free(walkers);
    const int failed = out_close(&out);
    if (failed && !status) status = -failed == EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
    return status;
}
