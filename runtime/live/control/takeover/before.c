/* Messages of another process are hostile: only numbers are read from them */
#include "runtime/live/control/takeover/before.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/grown.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/control/control_state.h"
#include "runtime/live/tell/log.h"
#include "runtime/parent/between/channel.h"
#include "runtime/parent/between/handoff.h"
#include "runtime/report/json.h"

#define ENDS_NS UINT64_C(1000000000) /* time in which each process ends its sessions */
enum {
    LOOK_MS = 50,        /* interval of looks during a wait for their ends */
    TOLD_MOST = 1 << 16, /* words kept for a process that does not listen */
    HEARD_MOST = 64      /* messages per process and turn: the main thread has other work */
};

struct before {
    int epoll;
    unsigned count;
    bool stands; /* this process's guard rules are in force, and the newest process was notified, if there is one */
    struct one {
        int link;
        int32_t process;
        uint32_t sessions;
        struct handoff_said said; /* message received so far, as far as `part` shows */
        struct message_part part;
        bool waits;    /* `said` is complete, and waits for room */
        uint32_t told; /* number of `words` already sent to it */
    } all[HANDOFF_BEFORE_MOST];
    struct handoff_told *words; /* [told] for all processes, because the owner of a connection is unknown here */
    uint32_t told, room;
};

struct before *before_new(void)
{
    struct before *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (b->epoll >= 0) return b;
    free(b);
    return NULL;
}

void before_free(struct before *b)
{
    if (!b) return;
    close(b->epoll); /* comes first: another process may have the sockets, too */
    for (unsigned i = 0; i < b->count; i++) close(b->all[i].link);
    free(b->words);
    free(b);
}

int before_add(struct before *b, int link, int32_t process, uint32_t sessions)
{
    struct epoll_event e = {.events = EPOLLIN};
    int failed = b->count == HANDOFF_BEFORE_MOST || process <= 0 ? -EPROTO : 0;
    if (!failed && epoll_ctl(b->epoll, EPOLL_CTL_ADD, link, &e)) failed = -errno;
    if (failed)
        close(link);
    else
        b->all[b->count++] = (struct one){.link = link, .process = process, .sessions = sessions, .told = b->told};
    return failed;
}

unsigned before_count(const struct before *b) { return b ? b->count : 0; }

int before_link(const struct before *b, unsigned at, int32_t *process, uint32_t *sessions)
{
    *process = b->all[at].process;
    *sessions = b->all[at].sessions;
    return b->all[at].link;
}

int before_fd(const struct before *b) { return b && b->count ? b->epoll : -1; }

/* Do what a process's message requests. False if the message waits for room. */
static bool heed(const struct carry *carry, struct one *o)
{
    const struct handoff_said *m = &o->said;
    const bool ends = m->what == HANDOFF_END, aims = m->what == HANDOFF_TARGET;
    struct leaving *l = (ends || aims) && m->n < carry->worker_count ? carry->workers[m->n]->leaving : NULL;
    struct inline_ask ask = {.kind = ends ? INLINE_END : INLINE_TARGET,
                             .former = 1,
                             .port = (uint16_t)m->port,
                             .number = m->number,
                             .of.target = {.port = (uint16_t)m->at, .keeps = m->keeps != 0}};
    memcpy(ask.of.target.addr, m->addr, sizeof m->addr);
    if (m->what == HANDOFF_SERVES) o->sessions = m->n;
    o->waits = l && !leaving_pass(l, &ask);
    return !o->waits;
}

/* Read one process's messages. False if that process has ended. */
static bool hear(const struct carry *carry, struct one *o)
{
    int more = 1;
    if (o->waits && !heed(carry, o)) return true;
    for (unsigned n = 0; n < HEARD_MOST; n++) {
        more = message_take(o->link, &o->part, &o->said, sizeof o->said);
        if (more <= 0) return more == 0;
        if (!heed(carry, o)) return true;
    }
    return true;
}

/* Stop listening to a process whose message waits for room, or listen again (before_tick). */
static void listen_to(const struct before *b, const struct one *o)
{
    struct epoll_event e = {.events = o->waits ? 0 : EPOLLIN};
    epoll_ctl(b->epoll, EPOLL_CTL_MOD, o->link, &e);
}

void before_hear(struct control *control)
{
    struct before *b = control->before;
    unsigned kept = 0;
    for (unsigned i = 0; i < b->count; i++) {
        const bool waited = b->all[i].waits;
        if (hear(control->carry, &b->all[i])) {
            if (b->all[i].waits != waited) listen_to(b, &b->all[i]);
            b->all[kept++] = b->all[i];
            continue;
        }
        epoll_ctl(b->epoll, EPOLL_CTL_DEL, b->all[i].link, NULL);
        close(b->all[i].link);
    }
    b->count = kept;
    control->tell->changes++;
}

static void words_forget(struct before *b)
{
    for (unsigned i = 0; i < b->count; i++) b->all[i].told = 0;
    b->told = 0;
}

/* Take the workers' reports about connections that an earlier process may serve. If a process hangs, its messages
 * are eventually dropped, and its sessions end by timeout. */
static void words_take(const struct carry *carry, struct before *b)
{
    struct inline_told t;
    for (unsigned i = 0; i < carry->worker_count; i++) {
        struct leaving *l = carry->workers[i]->leaving;
        while (l && leaving_away(l, &t)) {
            if (!before_count(b)) continue;
            if (b->told == TOLD_MOST) words_forget(b);
            if (!grow(&b->words, b->told, &b->room, 64, sizeof *b->words)) continue;
            b->words[b->told++] = (struct handoff_told){
                .word = HANDOFF_TOLD, .worker = i, .number = t.number, .port = t.port, .kind = t.kind, .why = t.why};
        }
    }
}

void before_tell(struct control *control)
{
    struct before *b = control->before;
    bool all = true;
    words_take(control->carry, b);
    if (!b || !b->told) return;
    for (unsigned i = 0; i < b->count; i++) {
        struct one *o = &b->all[i];
        while (o->told < b->told && !message_send_soon(o->link, &b->words[o->told], sizeof *b->words)) o->told++;
        all &= o->told == b->told;
    }
    if (all) words_forget(b);
}

void before_end(struct control *control)
{
    struct before *b = control->before;
    const uint64_t until_ns = channel_until(ENDS_NS);
    for (unsigned i = 0; i < before_count(b); i++) shutdown(b->all[i].link, SHUT_WR);
    while (before_count(b) && channel_until(0) < until_ns) {
        struct epoll_event e;
        if (epoll_wait(b->epoll, &e, 1, LOOK_MS) > 0) before_hear(control);
    }
}

static void say(const struct one *o, uint32_t word)
{
    message_send_soon(o->link, &word, sizeof word); /* a process that hangs gets none */
}

void before_tick(struct control *control)
{
    struct before *b = control->before;
    const struct guarding *guard = &control->carry->guard;
    char err[300];
    for (unsigned i = 0; i < before_count(b); i++) /* a message may have waited for room */
        if (b->all[i].waits && heed(control->carry, &b->all[i])) listen_to(b, &b->all[i]);
    if (!b || b->stands || guard->unhidden || guard->ports.given_anew || control->rules->reload) return;
    b->stands = true;
    if (guard->proxies)
        steered_world(control->carry); /* the gate was made with guard rules, and knows no address yet */
    if (guard->proxies && ports_filter(control->carry, err, sizeof err)) tell_fault(control->tell, "%s", err);
    if (b->count) say(&b->all[b->count - 1], HANDOFF_STANDS);
}

void before_logs(const struct control *control)
{
    for (unsigned i = 0; i < before_count(control->before); i++) say(&control->before->all[i], HANDOFF_LOGS);
}

void before_json(const struct before *b, cJSON *instance)
{
    if (!before_count(b)) return;
    cJSON *all = cJSON_AddArrayToObject(instance, "before");
    for (unsigned i = 0; i < b->count; i++) {
        cJSON *one = json_object(all);
        json_number(one, "process", (uint64_t)b->all[i].process);
        json_number(one, "sessions", b->all[i].sessions);
    }
}
