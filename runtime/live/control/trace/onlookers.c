/* Observers. Each has one of OBSERVERS_MOST places. Workers get sets of observers. A new set is made after all
 * workers have taken the last one, so at most two exist. A place and its filter are freed when no set has them. */
#include "runtime/live/control/trace/onlookers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/base/clock.h"
#include "runtime/kernel/run/events.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/control/handed.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/trace/seen.h"
#include "runtime/live/control/trace/talk.h"
#include "runtime/live/control/trace/wanted.h"

/* bytes that may wait for an observer; frames per second that a worker shows it */
enum { WAITS_MOST = 1 << 20, TRACED_A_SECOND = 1000, CAPTURED_A_SECOND = 50000 };
#define A_SECOND_NS UINT64_C(1000000000)
#define STEP_NS     UINT64_C(1000000)
#define TALK_NS     UINT64_C(5000000000)
enum { ROWS_TOLD = 10 /* rows of each kind, if no number was requested */ };
enum { TELL_MOST = 4096 /* most frames per turn, a few milliseconds */ };
enum { TRACED_BYTES = 512 /* bytes of a frame's headers */, SNAP_MOST = 1 << 18 };

struct onlooker {
    struct call *call; /* the client's call; NULL: the client is gone, and its place is not yet free */
    struct control *control;
    struct filter filter;
    struct observer as;
    struct wanted wanted;           /* chooses by verdict, after the filter */
    struct limit limit;             /* limit for packets to which no worker has applied one */
    bool captures, begun;           /* begun: all workers show it packets */
    struct talk *talk;              /* sums of packets that are not shown; NULL: they are shown */
    struct talk_asked asked;        /* with `talk`: the request; ns: time at which it began */
    bool framed;                    /* its capture has Ethernet frames, because some interface has Ethernet */
    uint64_t most, told;            /* number of frames requested, and shown */
    uint64_t left_out, lost_before; /* frames for which there was no room; frames that its place lost before it began */
    uint64_t untold_before;         /* frames lost on the way from the kernel, before it began */
    uint64_t lost_told, told_ns;    /* losses already reported, and time of the report */
    long judges;                    /* process that has taken over; 0: none */
    uint64_t until_ns;              /* end; UINT64_MAX: none */
};

struct onlookers {
    struct onlooker *at[OBSERVERS_MOST];
    struct observer_set *set, *before; /* the newest set; the older one, which some workers may hold */
    uint64_t last_id;
    uint64_t ahead_ns; /* wall clock minus CLOCK_MONOTONIC */
    bool changed;      /* observers have come or gone since the newest set */
};

static bool all_have_taken(const struct control *control)
{
    const struct observer_set *s = control->onlookers->set;
    for (unsigned i = 0; s && i < control->carry->worker_count; i++)
        if (__atomic_load_n(&control->carry->workers[i]->observing.taken, __ATOMIC_ACQUIRE) != s->number) return false;
    return true;
}

static void onlooker_free(struct onlooker *k)
{
    filter_fini(&k->filter);
    wanted_fini(&k->wanted);
    talk_free(k->talk);
    free(k);
}

/* Free the older set and the places that only it had, because no worker holds it. */
static void free_places(struct onlookers *o)
{
    free(o->before);
    o->before = NULL;
    for (unsigned i = 0; i < OBSERVERS_MOST; i++) {
        struct onlooker *k = o->at[i];
        if (!k || k->call || (o->set && o->set->of[i].id == k->as.id)) continue;
        onlooker_free(k);
        o->at[i] = NULL;
    }
}

static void give_set(struct control *control)
{
    struct onlookers *o = control->onlookers;
    struct observer_set *s = calloc(1, sizeof *s);
    if (!s) return; /* tried again later */
    s->number = o->set ? o->set->number + 1 : 1;
    for (unsigned i = 0; i < OBSERVERS_MOST; i++) {
        if (!o->at[i] || !o->at[i]->call) continue;
        s->of[i] = o->at[i]->as;
        *(s->of[i].thins ? &s->thin : &s->all) |= 1u << i;
        s->count++;
    }
    o->before = o->set;
    o->set = s;
    o->changed = false;
    for (unsigned i = 0; i < control->carry->worker_count; i++) worker_observe(control->carry->workers[i], s);
}

static uint64_t lost(const struct onlooker *k, unsigned place)
{
    uint64_t n = k->left_out - k->lost_before;
    for (unsigned i = 0; i < k->control->carry->worker_count; i++)
        n += __atomic_load_n(&k->control->carry->workers[i]->observing.lost[place], __ATOMIC_RELAXED);
    return n;
}

static unsigned seat_of(const struct onlooker *k)
{
    unsigned at = 0;
    while (k->control->onlookers->at[at] != k) at++;
    return at;
}

/* Report as a document how many packets --only has shown and left out. */
static void tell_chosen(struct onlooker *k)
{
    char line[80];
    const int len = snprintf(line, sizeof line, "{\"shown\":%llu,\"left_out\":%llu}", (unsigned long long)k->told,
                             (unsigned long long)k->wanted.left_out);
    call_json(k->call, line, (size_t)len); /* the last line reports it, too */
}

static void onlooker_end(void *arg)
{
    struct onlooker *k = arg;
    char number[TEXT_NUMBER], chosen[80] = "", more[80] = "", unseen[80] = "", other[80] = "";
    const uint64_t n = lost(k, seat_of(k)), untold = in_kernel_more(k->control->carry).untold - k->untold_before;
    if (n) snprintf(more, sizeof more, "; %s more packets came too fast to be shown", text_number(n, number));
    if (untold)
        snprintf(unseen, sizeof unseen, "; in the kernel, %s packets came too fast to be examined",
                 text_number(untold, number));
    if (k->wanted.words)
        snprintf(chosen, sizeof chosen, "; --only left out %s", text_number(k->wanted.left_out, number));
    if (k->wanted.words) tell_chosen(k);
    k->asked.ns = clock_ns(CLOCK_MONOTONIC) - k->asked.ns;
    if (k->judges)
        snprintf(other, sizeof other, "; process %ld has taken over%s", k->judges,
                 k->talk ? "" : ": run the command again");
    if (k->talk && !talk_answer(k->talk, &k->asked, k->call))
        call_end(k->call, 2, "out of memory, or the reply is too long: ask for fewer rows with --limit");
    else
        call_end(k->call, k->judges && !k->talk ? 2 : 0, "%s packet%s%s%s%s%s%s", text_number(k->told, number),
                 k->told == 1 ? "" : "s", k->talk ? " looked at" : "", chosen, more, unseen, other);
}

static void onlooker_over(void *arg)
{
    struct onlooker *k = arg;
    k->call = NULL;
    k->control->onlookers->changed = true;
    in_kernel_samples(k->control->carry);
}

/* Look up the names of --only in a program, unless that is done. False: the call has ended. */
static bool names_look_up(struct onlooker *k, const struct labels *labels)
{
    char err[400];
    const int lacks = wanted_program(&k->wanted, labels, err, sizeof err);
    if (lacks < 0) call_end(k->call, 2, "%s", err);
    if (lacks > 0 && labels == &k->control->carry->now.labels)
        call_text(k->call, "%s in the program that has taken over: no packet can match until a program has it", err);
    return lacks >= 0;
}

/* Report a packet that --only takes. limited: no worker has applied a limit to it. */
static void tell_one(struct onlooker *k, const struct seen *s, bool limited)
{
    if (s->labels && !names_look_up(k, s->labels)) return;
    if (!wanted_takes(&k->wanted, s->labels, s->verdict)) return;
    if (limited && !limit_take(&k->limit, s->at_ns)) {
        k->left_out++;
        return;
    }
    const bool room = call_waits(k->call) < WAITS_MOST;
    if (!room || !(k->captures ? seen_block(k->call, s, k->framed, k->as.snap) : seen_line(k->call, s)))
        k->left_out++;
    else
        k->told++;
    if (k->told == k->most) onlooker_end(k);
}

/* Return the most packets per second that the observer is shown. For a trace with --only this is the sum for all
 * workers and the kernel. */
static uint32_t rate_shown(const struct onlooker *k) { return k->captures ? CAPTURED_A_SECOND : TRACED_A_SECOND; }

/* Return the name of the decider: a rule, a default, or the reason of a drop that none of these decided. */
static const char *decided_by(const struct seen *s)
{
    if (s->verdict->reason != REASON_NONE) return reason_name(s->verdict->reason);
    return s->labels ? label_of(s->labels, s->verdict->rule) : "?";
}

static void talk_one(struct onlooker *k, const struct seen *s, uint32_t stands)
{
    struct packet_ends ends;
    struct pkt pkt;
    seen_packet(s, &pkt);
    packet_ends_read(&pkt, &ends);
    talk_add(k->talk, &ends, decided_by(s), s->frame->wire_len, stands);
    k->told++;
}

/* Sum a packet up, or report it. stands: as in struct tape_seen; limited: as for tell_one. */
static void tell_seen(struct onlooker *k, const struct seen *s, uint32_t stands, bool limited)
{
    if (k->talk)
        talk_one(k, s, stands);
    else
        tell_one(k, s, limited);
}

static void tell_all(struct control *control, const struct tape_seen *from, const struct seen *s)
{
    for (uint32_t left = from->observers; left; left &= left - 1) {
        struct onlooker *k = control->onlookers->at[__builtin_ctz(left)];
        if (k && k->call) tell_seen(k, s, from->stands, k->as.rate > rate_shown(k));
    }
}

/* Return the wall clock's lead. It changes only if the clock was certainly set or steered. Smaller differences come
 * from reading two clocks one after the other, and times must stay in order. */
static uint64_t ahead(struct onlookers *o)
{
    const uint64_t before_ns = clock_ns(CLOCK_MONOTONIC), wall_ns = clock_ns(CLOCK_REALTIME),
                   after_ns = clock_ns(CLOCK_MONOTONIC), mono_ns = wall_ns - o->ahead_ns;
    if (mono_ns < before_ns - STEP_NS || mono_ns > after_ns + STEP_NS) o->ahead_ns = wall_ns - after_ns;
    return o->ahead_ns;
}

/* Report a record. Names of a program that is gone are unknown. */
static void tell_record(struct control *control, struct worker *w, const struct tape_record *r, uint64_t ahead_ns)
{
    const struct labels *labels = change_labels(control->carry, r->number);
    const uint8_t *at = (const uint8_t *)(r + 1);
    for (unsigned i = 0; i < r->count; i++) {
        const struct tape_seen *from = (const void *)at;
        const struct tape_frame *frame = (const void *)(from + 1);
        const struct seen s = {.wall_ns = r->now_ns + ahead_ns,
                               .at_ns = r->now_ns,
                               .worker = w->cfg.worker,
                               .device = control->o->ifaces[frame->port % control->o->iface_count],
                               .iface = frame->port % control->o->iface_count,
                               .verdict = &from->verdict,
                               .labels = labels,
                               .frame = frame};
        tell_all(control, from, &s);
        at += sizeof *from + sizeof *frame + tape_padded(frame->cap_len);
    }
}

/* Return the oldest record of all tapes and its worker. there: end of reading on each tape; NULL: no limit. */
static const struct tape_record *oldest(const struct control *control, const uint64_t there[], struct worker **whose)
{
    const struct tape_record *first = NULL;
    for (unsigned i = 0; i < control->carry->worker_count; i++) {
        struct tape *t = &control->carry->workers[i]->observing.tape;
        const struct tape_record *r = tape_next(t, there ? there[i] : tape_there(t));
        if (!r || (first && r->now_ns >= first->now_ns)) continue;
        first = r;
        *whose = control->carry->workers[i];
    }
    return first;
}

/* Report the records up to until_ns. False: there are more, and the main thread was woken to go on. */
static bool tell_until(struct control *control, uint64_t until_ns, const uint64_t there[])
{
    const uint64_t ahead_ns = ahead(control->onlookers);
    const struct tape_record *r;
    struct worker *w = NULL;
    unsigned told = 0;
    while ((r = oldest(control, there, &w)) && r->now_ns <= until_ns) {
        if (told >= TELL_MOST) {
            wake(w->call_fd);
            return false;
        }
        told += r->count + 1u;
        if (r->kind == TAPE_SEEN) tell_record(control, w, r, ahead_ns);
        tape_done(&w->observing.tape, r);
    }
    return true;
}

/* Report records in order of time. The tapes' ends are noted first. Then the kernel's reports are shown, each after
 * the earlier records. Records left up to the noted ends are later than those reports. */
bool onlookers_tell(struct control *control)
{
    uint64_t there[WORKERS_MOST];
    if (!control->onlookers) return true;
    for (unsigned i = 0; i < control->carry->worker_count; i++)
        there[i] = tape_there(&control->carry->workers[i]->observing.tape);
    if (onlookers_there(control) && !in_kernel_called(control->carry)) return false;
    return tell_until(control, UINT64_MAX, there);
}

unsigned onlookers_looks(const struct control *control)
{
    unsigned looks = 0;
    for (unsigned i = 0; control->onlookers && i < OBSERVERS_MOST; i++) {
        const struct onlooker *k = control->onlookers->at[i];
        if (k && k->call) looks |= k->as.thins ? LOOKS_AT_SOME : LOOKS_AT_ALL;
    }
    return looks;
}

bool onlookers_there(const struct control *control) { return onlookers_looks(control); }

/* A packet in the form of a worker's tape. */
struct copied {
    struct tape_frame frame;
    uint8_t bytes[KERNEL_EVENT_BYTES];
};

static void copy_packet(struct copied *c, const struct pkt *pkt)
{
    c->frame =
        (struct tape_frame){.cap_len = pkt->cap_len,
                            .wire_len = pkt->wire_len,
                            .segment = pkt->segment,
                            .port = (uint8_t)pkt->cookie,
                            .flags = pkt->link == LINK_RAW ? TAPE_BARE : 0,
                            .tag_count = pkt->tag_count,
                            .tags = {{pkt->tags[0].tpid, pkt->tags[0].tci}, {pkt->tags[1].tpid, pkt->tags[1].tci}}};
    memcpy(c->bytes, pkt->data, pkt->cap_len);
}

/* Return the device by which the packet came in. The kernel executor judges packets of an unserved device where they
 * leave by the port: then it is that device's name in the rules, or "-" if they have none. */
static const char *came_by(const struct control *control, const struct sampled *s, unsigned port)
{
    const struct program *p = s->labels ? s->labels->program : NULL;
    const uint16_t came = s->said->came;
    if (!came || !(s->key->kind & KIND_FORWARD)) return control->o->ifaces[port];
    return p && came <= p->ifaces_count ? program_str(p, p->ifaces[came - 1].device) : "-";
}

void onlookers_see(struct control *control, const struct sampled *s)
{
    const struct tape_verdict v = tape_verdict_of(s->verdict);
    struct copied copied;
    const unsigned port = (unsigned)s->pkt->cookie;
    if (!control->onlookers) return;
    tell_until(control, s->at_ns, NULL);
    copy_packet(&copied, s->pkt);
    const struct seen seen = {.wall_ns = s->at_ns + ahead(control->onlookers),
                              .at_ns = s->at_ns,
                              .worker = SEEN_IN_KERNEL,
                              .device = came_by(control, s, port),
                              .iface = port,
                              .verdict = &v,
                              .labels = s->labels,
                              .frame = &copied.frame};
    for (unsigned i = 0; i < OBSERVERS_MOST; i++) {
        struct onlooker *k = control->onlookers->at[i];
        if (!k || !k->call || (k->talk && !s->said->stands)) continue;
        if (filter_takes(&k->filter, s->pkt, s->key, port)) tell_seen(k, &seen, s->said->stands, true);
    }
}

/* Report losses to an observer, at most once per second. */
static void tell_lost(struct onlooker *k, unsigned seat, uint64_t now_ns)
{
    char line[60];
    const uint64_t n = lost(k, seat);
    if (k->captures || k->talk || n == k->lost_told || now_ns - k->told_ns < A_SECOND_NS) return;
    const int len = snprintf(line, sizeof line, "{\"lost\":%llu}", (unsigned long long)(n - k->lost_told));
    k->told_ns = now_ns;
    if (call_waits(k->call) < WAITS_MOST && call_json(k->call, line, (size_t)len)) k->lost_told = n;
}

/* Serve an observer, once all workers have the newest set. */
static void look_after(struct onlooker *k, unsigned seat, uint64_t now_ns)
{
    const struct observer_set *set = k->control->onlookers->set;
    const unsigned n = k->control->carry->worker_count;
    if (!k->begun && set && set->of[seat].id == k->as.id) {
        k->begun = true;
        call_text(k->call, "%u worker%s the packets", n, n == 1 ? " shows" : "s show");
    }
    tell_lost(k, seat, now_ns);
    names_look_up(k, &k->control->carry->now.labels);
}

void onlookers_leave(struct control *control, long process)
{
    struct onlookers *o = control->onlookers;
    for (unsigned i = 0; o && i < OBSERVERS_MOST; i++) {
        if (!o->at[i] || !o->at[i]->call) continue;
        o->at[i]->judges = process;
        onlooker_end(o->at[i]);
    }
}

void onlookers_step(struct control *control, uint64_t now_ns)
{
    struct onlookers *o = control->onlookers;
    if (!o) return;
    for (unsigned i = 0; i < OBSERVERS_MOST; i++)
        if (o->at[i] && o->at[i]->call && now_ns >= o->at[i]->until_ns) onlooker_end(o->at[i]);
    if (!all_have_taken(control)) return;
    /* Observers that are only in the older set still get their records. */
    if (o->before && !onlookers_tell(control) && !tell_until(control, UINT64_MAX, NULL))
        return; /* the next step goes on; the kernel is not waited for, because it may report forever */
    free_places(o);
    for (unsigned i = 0; i < OBSERVERS_MOST; i++)
        if (o->at[i] && o->at[i]->call) look_after(o->at[i], i, now_ns);
    if (o->changed) give_set(control);
}

uint64_t onlookers_due_ns(const struct control *control)
{
    uint64_t due_ns = UINT64_MAX;
    for (unsigned i = 0; control->onlookers && i < OBSERVERS_MOST; i++) {
        const struct onlooker *k = control->onlookers->at[i];
        if (k && k->call && k->until_ns < due_ns) due_ns = k->until_ns;
    }
    return due_ns;
}

void onlookers_fini(struct control *control)
{
    struct onlookers *o = control->onlookers;
    if (!o) return;
    for (unsigned i = 0; i < OBSERVERS_MOST; i++)
        if (o->at[i]) onlooker_free(o->at[i]);
    free(o->set);
    free(o->before);
    free(o);
    control->onlookers = NULL;
}

/* Return a free place, with tapes for all workers; NULL after the call has ended. */
static struct onlooker **place_for(struct control *control, struct call *c)
{
    bool fine = control->onlookers || (control->onlookers = calloc(1, sizeof *control->onlookers));
    for (unsigned i = 0; fine && i < control->carry->worker_count; i++)
        fine = !observing_init(&control->carry->workers[i]->observing);
    for (unsigned i = 0; fine && i < OBSERVERS_MOST; i++)
        if (!control->onlookers->at[i]) return &control->onlookers->at[i];
    if (fine)
        call_end(
            c, 2,
            "%d other commands such as trace are running, which is the limit: run the command again when one has ended",
            OBSERVERS_MOST);
    else
        call_end(c, 2, "out of memory");
    return NULL;
}

static bool read_bounds(const struct call *c, struct onlooker *k, char *err, size_t err_len)
{
    uint64_t ns = 0, snap = SNAP_MOST;
    k->most = UINT64_MAX;
    const bool good = (!call_has(c, "count") || call_number_of(c, "count", UINT32_MAX, &k->most)) &&
                      (!call_has(c, "ns") || call_number_of(c, "ns", INT64_MAX, &ns)) &&
                      (!call_has(c, "snap") || call_number_of(c, "snap", SNAP_MOST, &snap)) && snap && k->most;
    if (!good)
        snprintf(err, err_len, "`count`, `ns` and `snap` must be numbers of at least 1, and `snap` of at most %d",
                 SNAP_MOST);
    k->until_ns = ns ? clock_ns(CLOCK_MONOTONIC) + ns : UINT64_MAX;
    k->as.snap = k->captures ? (uint32_t)snap : TRACED_BYTES;
    return good;
}

static bool read_only(const struct call *c, struct onlooker *k, char *err, size_t err_len)
{
    const char *words = call_text_of(c, "only");
    if (words || !call_has(c, "only"))
        return wanted_init(&k->wanted, words, &k->control->carry->now.labels, err, err_len);
    snprintf(err, err_len, "`only` must be a string, such as \"drop, rule SSH\"");
    return false;
}

static void begin_capture(const struct control *control, const struct onlooker *k, struct call *c)
{
    uint8_t links[PORTS_MOST];
    for (unsigned i = 0; i < control->o->iface_count; i++) links[i] = k->framed ? LINK_ETHER : LINK_RAW;
    seen_section(c, control->o->ifaces, links, control->o->iface_count);
}

/* Make the observer's sums, if it wants these instead of packets. False, with the reason in err. */
static bool begin_talk(const struct call *c, struct onlooker *k, char *err, size_t err_len)
{
    uint64_t seed = 0, limit = ROWS_TOLD;
    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    k->asked = (struct talk_asked){.ns = clock_ns(CLOCK_MONOTONIC), .by_bytes = call_is_true(c, "bytes")};
    if ((call_has(c, "limit") && !call_number_of(c, "limit", UINT32_MAX, &limit)) || !limit) {
        snprintf(err, err_len, "`limit` must be a number of rows, at least 1");
        return false;
    }
    k->asked.limit = (unsigned)limit;
    k->as.thins = true;
    if (k->until_ns == UINT64_MAX) k->until_ns = k->asked.ns + TALK_NS;
    k->talk = talk_new(seed);
    if (!k->talk) snprintf(err, err_len, "out of memory");
    return k->talk;
}

static void onlooker_begin(struct control *control, struct call *c, enum question q)
{
    static const struct call_ops looks = {.closes = onlooker_end, .over = onlooker_over};
    char err[400];
    struct onlooker **place = place_for(control, c), *k = place ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        if (place) call_end(c, 2, "out of memory");
        return;
    }
    k->control = control;
    k->captures = q == QUESTION_CAPTURE;
    k->framed = control->carry->bare != (1u << control->o->iface_count) - 1;
    if (!read_bounds(c, k, err, sizeof err) || (q == QUESTION_TALKERS && !begin_talk(c, k, err, sizeof err)) ||
        !handed_filter(control, c, &k->filter, err, sizeof err) || !read_only(c, k, err, sizeof err)) {
        call_end(c, 2, "%s", err);
        onlooker_free(k);
        return;
    }
    k->as.filter = &k->filter;
    k->as.id = ++control->onlookers->last_id;
    k->as.rate = k->wanted.words ? CAPTURED_A_SECOND : rate_shown(k); /* workers cannot know the verdict yet */
    *place = k;
    k->lost_before = lost(k, (unsigned)(place - control->onlookers->at));
    k->untold_before = in_kernel_more(control->carry).untold;
    k->call = c;
    control->onlookers->changed = true;
    limit_init(&k->limit, rate_shown(k));
    in_kernel_samples(control->carry);
    call_follow(c, &looks, k);
    if (k->captures) begin_capture(control, k, c);
}

void asked_TRACE(void *with, struct call *c) { onlooker_begin(with, c, QUESTION_TRACE); }
void asked_TALKERS(void *with, struct call *c) { onlooker_begin(with, c, QUESTION_TALKERS); }
void asked_CAPTURE(void *with, struct call *c) { onlooker_begin(with, c, QUESTION_CAPTURE); }
