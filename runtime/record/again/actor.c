/* An actor's steps: its worker's work, done again and compared with the recording. */
#include "runtime/record/again/actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/grown.h"
#include "runtime/io/io.h"
#include "runtime/record/again/single.h"

void actor_stop(struct actor *a, const char *why)
{
    if (!a->stopped) a->stopped = why;
}

/* Return the next decision or sent packet on the tape that was not compared yet; NULL: none. */
static const struct tape_record *next_result(struct actor *a)
{
    const uint64_t there = tape_there(&a->tape);
    const struct tape_record *r;
    while ((r = tape_next(&a->tape, there)) && !(r->kind == TAPE_VERDICTS || r->kind == TAPE_LEFT))
        tape_done(&a->tape, r);
    return r;
}

static void take_left(struct actor *a, const struct tape_record *r)
{
    if (a->watch->left) a->watch->left(a->watch->arg, (const void *)(r + 1), actor_wall(a, r->now_ns));
    tape_done(&a->tape, r);
}

/* Count and take the tape's entries without a recorded counterpart. */
static void rest(struct actor *a)
{
    for (const struct tape_record *r; (r = next_result(a));) {
        if (r->kind == TAPE_LEFT) {
            a->counters.packets_other++;
            take_left(a, r);
            continue;
        }
        a->counters.verdicts_other += r->count;
        tape_done(&a->tape, r);
    }
}

void actor_rest(struct actor *a)
{
    actor_finish(a);
    if (!a->stopped && !a->over && a->w) rest(a);
}

/* True if the verdicts are the same. Under another program only actions are compared, because each program has its
 * own rule numbers. */
static bool same_verdict(const struct actor *a, const struct tape_verdict *x, const struct tape_verdict *y)
{
    const uint8_t seen = (uint8_t) ~(a->story->start.snap == UINT32_MAX ? 0 : PKT_SNAPPED);
    if (!a->program) return x->action == y->action;
    return x->rule == y->rule && x->service == y->service && x->server == y->server && x->action == y->action &&
           x->reason == y->reason && !((x->flags ^ y->flags) & seen);
}

static const struct tape_verdict *own_verdicts(const struct tape_record *r, unsigned n)
{
    return r && r->kind == TAPE_VERDICTS && r->count == n ? (const void *)(r + 1) : NULL;
}

static void compare_verdicts(struct actor *a, unsigned n, const uint8_t *body)
{
    const struct tape_record *r = next_result(a);
    const struct tape_verdict *own = own_verdicts(r, n);
    for (unsigned i = 0; i < n; i++) {
        struct tape_verdict recorded;
        memcpy(&recorded, body + i * sizeof recorded, sizeof recorded);
        const bool same = own && same_verdict(a, &own[i], &recorded);
        a->counters.verdicts += same;
        a->counters.verdicts_other += !same;
    }
    if (own) tape_done(&a->tape, r);
}

static bool same_frame(const struct tape_frame *own, const struct scene *s)
{
    if (memcmp(own, &s->frame, sizeof *own) != 0) return false;
    const uint8_t *bytes = (const uint8_t *)(own + 1);
    const uint32_t front = s->front ? 12 : 0;
    return (!front || !memcmp(bytes, s->front, front)) && !memcmp(bytes + front, s->body, own->cap_len - front);
}

static void compare_left(struct actor *a, const struct scene *s)
{
    const struct tape_record *r = next_result(a);
    const bool there = r && r->kind == TAPE_LEFT, same = there && same_frame((const void *)(r + 1), s);
    a->counters.packets += same;
    a->counters.packets_other += !same;
    if (there) take_left(a, r);
}

static void hand_logs(struct actor *a)
{
    struct log_note note;
    while (a->watch->logged && ring_take(&a->w->logs, &note)) a->watch->logged(a->watch->arg, a, &note);
}

/* Send on the batch's packets, which came from the inline stack. */
static void inline_go_on(struct actor *a)
{
    const unsigned n = a->want;
    a->want = a->got = 0;
    a->inline_sent = false;
    for (unsigned i = 0; i < n; i++) {
        struct pkt *p = a->views[i];
        p->data += TAPE_INLINE_LINK;
        p->head_len -= TAPE_INLINE_LINK;
        p->cap_len -= TAPE_INLINE_LINK;
        p->wire_len -= TAPE_INLINE_LINK;
        p->link = LINK_RAW;
        p->iface = IFACE_NONE;
    }
    worker_inline_sent(a->w, a->views, n, a->now_ns);
    hand_logs(a);
}

static void batch_play(struct actor *a)
{
    const unsigned n = a->want;
    a->want = a->got = 0;
    if (a->watch->before && a->watch->before(a->watch->arg, a, n)) return;
    worker_judge(a->w, a->views, n, a->now_ns);
    struct judged j = {.n = n, .program = a->w->cfg.program, .now = a->w->verdicts, .ran = a->ran};
    if (a->recorded) {
        const struct tape_verdict *own = own_verdicts(next_result(a), j.n);
        memcpy(j.was, a->recorded, j.n * sizeof *j.was);
        for (unsigned i = 0; i < j.n; i++) j.otherwise[i] = !own || !same_verdict(a, &own[i], &j.was[i]);
    }
    if (a->watch->judged) a->watch->judged(a->watch->arg, a, &j);
    hand_logs(a);
}

/* Check that live sets had an answer to all questions of the step, and that all flows existed that cuts ended. Both
 * hold with the recorded program; another one may ask more, and have other flows. */
static void members_checked(struct actor *a)
{
    a->counters.unheard += a->members.missing;
    if (a->program && a->members.missing) actor_stop(a, "the recording lacks results of look-ups in live sets");
    if (a->program && a->cuts.missing) actor_stop(a, "a flow that a member with `cut` ended is missing");
    a->members.missing = 0;
    a->cuts.missing = 0;
}

/* Begin a step, whose answers and cuts follow. */
static void step_begin(struct actor *a, uint64_t now_ns)
{
    a->now_ns = now_ns;
    a->heard_count = a->heard_at = 0;
    heard_again_clear(&a->members);
    a->cuts.count = 0;
}

/* Add answers of live sets. */
static void take_members(struct actor *a, const struct tape_record *r, const uint8_t *body)
{
    const int failed = heard_again_add(&a->members, body, r->bytes - sizeof *r, r->number);
    if (failed)
        actor_stop(a,
                   failed == -ENOMEM ? "out of memory" : "the recorded results of look-ups in live sets are damaged");
}

/* Add flows that cuts ended. Another program without live sets ends none. */
static void take_cuts(struct actor *a, const struct tape_record *r, const uint8_t *body)
{
    const size_t bytes = r->count * sizeof *a->cut;
    if (!r->count || r->bytes - sizeof *r != bytes || r->count > VM_CUTS_MOST - a->cuts.count) {
        actor_stop(a, "the record of flows that a member with `cut` ended is damaged");
        return;
    }
    if (!a->program && !a->story->other->lives_count) return;
    memcpy(a->cut + a->cuts.count, body, bytes);
    a->cuts.count += r->count;
}

/* Complete a tick, or a batch whose frames are all read. It is called after all words that the worker got meanwhile:
 * at a step other than TAPE_SHARED, or at a packet that left. */
void actor_finish(struct actor *a)
{
    const bool batch = a->want && a->got == a->want, ticks = a->ticks, asks = a->asks;
    if (a->stopped || a->over || !a->w || (!batch && !ticks && !asks))
        return; /* single packets have no worker (single.h) */
    a->ticks = a->asks = a->unheard = false;
    if (batch && a->inline_sent)
        inline_go_on(a);
    else if (batch)
        batch_play(a);
    if (ticks) worker_tick(a->w, a->now_ns);
    if (asks) worker_asked(a->w, &a->ask, a->now_ns);
    if (ticks || asks) hand_logs(a);
    if (a->unheard) actor_stop(a, "shared counts of the workers are missing");
    members_checked(a);
}

/* Add a word that the worker got. */
static void take_heard(struct actor *a, uint64_t value)
{
    if (!grow(&a->heard, a->heard_count, &a->heard_room, 64, sizeof value)) {
        actor_stop(a, "out of memory");
        return;
    }
    a->heard[a->heard_count++] = value;
}

/* Add a frame to the batch, writable and with headroom, as it came. */
void actor_take(struct actor *a, const struct scene *s)
{
    const struct tape_frame *f = &s->frame;
    const unsigned i = a->got++;
    uint8_t *to = a->bytes + (size_t)i * ACTOR_SLOT + ACTOR_ROOM;
    const uint32_t front = s->front ? 12 : 0;
    if (front) memcpy(to, s->front, front);
    memcpy(to + front, s->body, f->cap_len - front);
    a->walls[i] = s->wall_ns;
    a->ages_us[i] = tape_age(f);
    a->pkts[i] = (struct pkt){.data = to,
                              .head_len = f->cap_len,
                              .cap_len = f->cap_len,
                              .wire_len = f->wire_len,
                              .headroom = IO_HEADROOM,
                              .link = (uint8_t)tape_link(f),
                              .segment = f->segment,
                              .tag_count = f->tag_count,
                              .tags = {{f->tags[0].tpid, f->tags[0].tci}, {f->tags[1].tpid, f->tags[1].tci}},
                              .flags = PKT_WRITABLE | (f->flags & PKT_CSUM_PARTIAL),
                              .cookie = f->port};
}

/* True if the batch that is being read may have the frame, by its port. */
static bool is_in_place(const struct actor *a, const struct tape_frame *f)
{
    if (a->inline_sent) return f->port == TAPE_TO_HOST && f->cap_len >= TAPE_INLINE_LINK;
    return f->port < a->story->start.ports;
}

void actor_packet(struct actor *a, const struct scene *s)
{
    if (a->over) return;
    if (a->story->start.in_kernel) {
        single_packet(a, s);
        return;
    }
    if (a->stopped || !a->w) {
        a->counters.passed_over += !s->left;
        return;
    }
    if (s->left) {
        actor_finish(a);
        if (!a->stopped) compare_left(a, s);
    } else if (a->got >= a->want || !is_in_place(a, &s->frame) || s->frame.cap_len > ACTOR_FRAME_MOST) {
        actor_stop(a, "a packet is out of place");
    } else {
        actor_take(a, s);
    }
}

static void world_look(struct actor *a, const struct tape_record *r)
{
    struct snapshot *s = story_world(a->story, r->number);
    if (!s) {
        actor_stop(a, "a record of the machine's state is missing");
        return;
    }
    a->w->latest = s;
    worker_look(a->w, r->now_ns);
}

/* Change to the recorded program. If another program judges, it keeps judging. */
static void change(struct actor *a, const struct tape_record *r)
{
    const struct told_program *k = story_program(a->story, r->number);
    if (k) a->ran = k;
    actor_members(a);
    if (!a->program) return;
    struct snapshot *s = k ? story_world(a->story, k->world) : NULL;
    if (!s || !k->remap || k->remap->from != a->program->p) {
        actor_stop(a, "a change of programs is missing");
        return;
    }
    if (a->watch->observed) a->watch->observed(a->watch->arg, a, k->p);
    if (worker_leaving(a->w, k->p)) {
        actor_stop(a, "out of memory");
        return;
    }
    const struct vm_cfg cfg = worker_vm_cfg(a->w);
    const struct vm_in in = {.mono_ns = k->prepare_ns, .facts = &s->facts};
    struct next_program next = {.fresh = vm_prepare(&cfg, k->remap, &in),
                                .remap = k->remap,
                                .copies = a->watch->copies ? a->watch->copies(a->watch->arg, a, k->p) : NULL,
                                .snapshot = s,
                                .iface = k->iface,
                                .opened = &k->opened,
                                .routes = actor_routes(a->story, k->p),
                                .tun = a->w->cfg.tun,
                                .inline_tun = -1,
                                .number = k->number};
    a->w->change = &next;
    if (next.fresh) worker_take_change(a->w, r->now_ns);
    if (!next.fresh || a->w->change || a->w->refused) actor_stop(a, "a change of programs can't be repeated");
    a->w->change = NULL;
    a->program = k;
    actor_members(a);
    vm_free(next.fresh);
}

/* Stop the actor if it has no world yet. */
static bool blind(struct actor *a)
{
    if (!a->w->egress.snapshot) actor_stop(a, "a record of the machine's state is missing");
    return a->stopped;
}

/* Take the proxy loop's requests. */
static void take_ask(struct actor *a, const struct tape_record *r, const uint8_t *body)
{
    if (blind(a)) return;
    if (r->bytes != sizeof *r + sizeof a->ask) {
        actor_stop(a, "a record is cut short");
        return;
    }
    memcpy(&a->ask, body, sizeof a->ask);
    step_begin(a, r->now_ns);
    a->asks = true;
}

static void act(struct actor *a, const struct tape_record *r, const uint8_t *body)
{
    switch (r->kind) {
    case TAPE_INLINE:
    case TAPE_BATCH:
        if (blind(a) || !r->count || r->count > VM_BATCH) break;
        a->inline_sent = r->kind == TAPE_INLINE;
        step_begin(a, r->now_ns);
        a->want = r->count;
        return;
    case TAPE_VERDICTS:
        if (r->bytes - sizeof *r != r->count * sizeof(struct tape_verdict)) break;
        compare_verdicts(a, r->count, body);
        return;
    case TAPE_TICK:
        if (blind(a)) return;
        step_begin(a, r->now_ns);
        a->ticks = true;
        return;
    case TAPE_SHARED: take_heard(a, r->number); return;
    case TAPE_HEARD: take_members(a, r, body); return;
    case TAPE_CUT: take_cuts(a, r, body); return;
    case TAPE_RETRY:
        if (!blind(a)) worker_retry(a->w, r->now_ns);
        return;
    case TAPE_ASKED: take_ask(a, r, body); return;
    case TAPE_WORLD: world_look(a, r); return;
    case TAPE_CHANGE: change(a, r); return;
    case TAPE_GAP: actor_stop(a, "the recorder had no room"); return;
    case TAPE_STATE: return; /* the actor is in that state already */
    default: break;
    }
    actor_stop(a, "a record has an unknown kind");
}

/* Make the worker again from its recorded state, under the program that it ran. */
static void read_state(struct actor *a, const struct tape_record *r, struct cursor c)
{
    uint64_t number = 0;
    struct archive state = {.at = (uint8_t *)(uintptr_t)c.at,
                            .left = c.left,
                            .reads = true,
                            .cookies = a->story->start.ports,
                            .unordered = a->story->start.version < RECORD_ORDERED};
    const bool whole = cursor_copy(&c, &number, sizeof number);
    const struct told_program *k = story_program(a->story, number);
    /* A late state of the previous file is skipped: this file's own state follows. */
    if (!a->w && !a->stopped && !story_world(a->story, r->number)) return;
    a->missed = a->stopped ? a->stopped : a->missed;
    a->stopped = NULL;
    actor_unmake(a);
    if (!whole || !k || !story_world(a->story, r->number)) {
        actor_stop(a, "the worker's state needs a program or a record of the machine's state, which is missing");
        return;
    }
    a->ran = k;
    if (actor_make(a, a->story->other ? NULL : k)) {
        actor_stop(a, "out of memory");
        return;
    }
    world_look(a, r);
    if (a->program && (!a->w->egress.snapshot || !worker_archive(a->w, &state, r->now_ns)))
        actor_stop(a, "the worker's state is damaged");
}

/* End the actor if the step is later than watch->to_ns. True: it has ended. */
static bool actor_is_over(struct actor *a, const struct scene *s)
{
    struct tape_record r;
    struct cursor c = {s->body, s->len};
    if (a->over || !a->watch->to_ns || !cursor_copy(&c, &r, sizeof r)) return a->over;
    if (actor_wall(a, r.now_ns) <= a->watch->to_ns) return false;
    actor_rest(a);
    return a->over = true;
}

static bool has_body(const struct tape_record *r)
{
    return r->kind == TAPE_VERDICTS || r->kind == TAPE_ASKED || r->kind == TAPE_HEARD || r->kind == TAPE_CUT;
}

/* True for words that the worker got in the step before. */
static bool goes_with_step(const struct tape_record *r)
{
    return r->kind == TAPE_SHARED || r->kind == TAPE_HEARD || r->kind == TAPE_CUT;
}

void actor_step(struct actor *a, const struct scene *s)
{
    struct tape_record r;
    struct cursor c = {s->body, s->len};
    if (actor_is_over(a, s)) return;
    if (a->story->start.in_kernel) {
        single_step(a, s);
        return;
    }
    if (a->stopped || !a->w) {
        if (cursor_copy(&c, &r, sizeof r) && r.kind == TAPE_STATE && r.bytes == s->len) read_state(a, &r, c);
        return;
    }
    if (!cursor_copy(&c, &r, sizeof r) || (has_body(&r) && r.bytes != s->len)) {
        actor_stop(a, "a record is cut short");
        return;
    }
    const bool of_batch =
        r.kind == TAPE_VERDICTS && r.count == a->want && r.bytes - sizeof r == r.count * sizeof(struct tape_verdict);
    a->recorded = of_batch ? c.at : NULL;
    if (!goes_with_step(&r) && r.kind != TAPE_GAP) actor_finish(a);
    a->recorded = NULL;
    if (r.kind != TAPE_VERDICTS && r.kind != TAPE_GAP && r.kind != TAPE_STATE && !goes_with_step(&r)) rest(a);
    if (a->got < a->want) actor_stop(a, "a batch of packets is incomplete");
    if (!a->stopped) act(a, &r, c.at);
}
