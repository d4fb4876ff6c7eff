/* A session's task goes on until it must wait; a reload renames, judges and ends sessions here */
#include "runtime/proxy/session.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "runtime/exchange/begun/openers.h"
#include "runtime/exchange/first_frame.h"
#include "runtime/proxy/connect.h"
#include "runtime/proxy/inline/inline.h"
#include "runtime/proxy/queue.h"

static void session_due(struct timer *t)
{
    struct session *s = (struct session *)((char *)t - offsetof(struct session, timer));
    s->late = true;
    session_again(s);
}

void session_again(struct session *s) { loop_again(&s->proxy->loop, &s->task); }

/* Return the time at which `max age` ends the session; UINT64_MAX: never */
static uint64_t session_over_ns(const struct session *s)
{
    const uint64_t age_ns = proxy_says(s->proxy, s->service)->age_ns;
    return age_ns ? time_after(s->begun_ns, age_ns) : UINT64_MAX;
}

void session_wait(struct session *s, uint64_t ns)
{
    const uint64_t over_ns = session_over_ns(s), due_ns = ns ? s->proxy->loop.now_ns + ns : UINT64_MAX;
    timer_set(&s->proxy->loop.wheel, &s->timer, due_ns < over_ns ? due_ns : over_ns);
}

static void too_late(struct session *s)
{
    s->late = false;
    if (session_over_ns(s) <= s->proxy->loop.now_ns)
        session_end(s, SESSION_MAX_AGE);
    else if (s->dials)
        connect_late(s);
    else if (s->state != SESSION_GOES)
        session_end(s, SESSION_FIRST_LATE);
    else if (s->ops->late)
        s->ops->late(s);
    else
        session_end(s, SESSION_IDLE);
}

static void uncount(struct session *s)
{
    if (s->counted) chooser_end(s->proxy->chooser, s->chosen);
    if (s->counted) queue_stir(s->proxy);
    s->counted = false;
    s->chosen = PBC_NONE;
}

void session_leave_server(struct session *s)
{
    uncount(s);
    if (!s->server) return;
    side_close(s->server);
    slab_give(&s->proxy->sides, s->server);
    s->server = NULL;
    s->up.to = s->down.from = NULL;
}

struct side *session_take_server(struct session *s, struct task *task)
{
    struct side *kept = s->server;
    uncount(s);
    s->server = NULL;
    s->up.to = s->down.from = NULL;
    kept->task = task;
    return kept;
}

void session_give_server(struct session *s, struct side *server)
{
    s->server = server;
    s->aged = false;
    server->task = &s->task;
    s->up.to = s->down.from = server;
}

bool session_server_is_private(const struct session *s)
{
    const unsigned flags = proxy_says(s->proxy, s->service)->flags;
    return flags & PBC_PROXY_TRANSPARENT || session_header(s) || s->inlined || (s->server && s->aged);
}

unsigned session_header(const struct session *s)
{
    const struct program *p = s->proxy->program;
    const unsigned flags = proxy_says(s->proxy, s->service)->flags;
    const unsigned of_pool = s->chosen == PBC_NONE ? 0 : p->pools[p->servers[s->chosen].pool].send_proxy;
    if (of_pool) return of_pool;
    return flags & PBC_PROXY_SEND_V1 ? 1 : flags & PBC_PROXY_SEND_V2 ? 2 : 0;
}

static struct stream_addr side_address(const struct session *s, const uint32_t addr[4], uint16_t port)
{
    struct stream_addr a = {.port = port, .v6 = s->key.kind & KIND_IP6};
    memcpy(a.addr, addr, sizeof a.addr);
    return a;
}

struct stream_addr session_client(const struct session *s)
{
    return s->mixed ? s->named : side_address(s, s->key.src, s->key.src_port);
}

struct stream_addr session_service(const struct session *s) { return side_address(s, s->key.dst, s->key.dst_port); }

/* Let both sides end with a reset, not an orderly end, which could be taken for the last byte. This is not done
 * after an orderly end, nor for `on no server drop`. */
static void say_reset(struct session *s)
{
    const struct pbc_service *services = s->proxy->program->services;
    if (s->ended == SESSION_DONE) return;
    if (s->ended == SESSION_NO_SERVER && s->service != PBC_NONE && services[s->service].no_server == PBC_NO_SERVER_DROP)
        return;
    s->client.flags |= SIDE_RESETS;
    if (s->server) s->server->flags |= SIDE_RESETS;
    if (s->inlined && s->client.fd >= 0) inline_session_over(s);
}

static void session_free(struct session *s)
{
    struct proxy *p = s->proxy;
    session_tell(s);
    session_record(s, MOMENT_ENDED);
    if (p->tells == s) p->tells = s->next;
    if (s->dials) connect_cancel(s);
    if (s->ops->fini) s->ops->fini(s);
    if (!s->polite) say_reset(s);
    session_leave_server(s);
    if (s->admitted) chooser_leave(p->chooser, s->service, &s->key, s->known);
    way_fini(&s->up, &p->buffers);
    way_fini(&s->down, &p->buffers);
    if (s->at) slab_give(&p->ats, s->at);
    inline_session_wait_no_more(s);
    if (s->inlined) slab_give(&p->inline_facts, s->inlined);
    side_close(&s->client);
    timer_stop(&p->loop.wheel, &s->timer);
    *s->link = s->next;
    if (s->next) s->next->link = s->link;
    count_up(&session_counts(s)->ends[s->ended], 1);
    s->proxy = NULL; /* marks a free slot of the slab */
    slab_give(&p->sessions, s);
    __atomic_store_n(&p->open, p->sessions.used, __ATOMIC_RELAXED);
    if (p->closed) listeners_reopen(p);
}

void session_end(struct session *s, enum session_end why)
{
    if (s->ended == SESSION_ENDS) s->ended = (uint8_t)why;
    if (!s->runs) session_again(s);
}

bool session_heed(struct session *s, enum way_result r, bool up)
{
    const bool client = (r == WAY_FROM) == up;
    switch (r) {
    case WAY_AGAIN: session_again(s); return true;
    case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return false;
    case WAY_FROM:
    case WAY_TO: session_end(s, client ? SESSION_CLIENT_RESET : SESSION_SERVER_RESET); return false;
    default: return true;
    }
}

/* Begin after the PROXY header, if any: TLS, then the kind */
static void set_about(struct session *s)
{
    struct tls_front *front = proxy_tls(s->proxy, s->service).front;
    s->state = SESSION_SHAKES;
    if (front && tls_accept(&s->client, front, session_counts(s)->tls)) session_end(s, SESSION_SYSTEM);
}

/* Do the steps before the kind's: PROXY header, TLS */
static void prepare(struct session *s)
{
    int waits = 0;
    if (s->state == SESSION_NAMES) {
        waits = name_client(s);
        if (!waits) set_about(s);
    }
    if (s->state == SESSION_SHAKES && !waits && s->ended == SESSION_ENDS) {
        waits = side_shake(&s->client);
        s->polite = waits == -EPROTO; /* an alert is on its way, which a reset could overtake */
        if (waits && waits != -EAGAIN) session_end(s, SESSION_CLIENT_TLS);
    }
    if (waits || s->ended != SESSION_ENDS) return;
    s->state = SESSION_GOES;
    s->admitted = chooser_admit(proxy_chooser(s->proxy), s->service, &s->key, &s->known) == REASON_NONE;
    if (s->admitted)
        s->ops->begin(s);
    else
        session_end(s, SESSION_MAX_FLOWS);
}

static void session_go_on(struct session *s)
{
    if (!s->late) s->seen_ns = s->proxy->loop.now_ns;
    s->runs = true;
    if (s->lost != SESSION_ENDS && s->ended == SESSION_ENDS) {
        const enum session_end why = s->lost;
        s->lost = SESSION_ENDS;
        /* if none is chosen, the session has left the server meanwhile */
        if (s->chosen != PBC_NONE && s->ops->lost)
            s->ops->lost(s, why);
        else if (s->chosen != PBC_NONE)
            session_end(s, why);
    }
    if (s->late && s->ended == SESSION_ENDS) too_late(s);
    if (s->state != SESSION_GOES && s->ended == SESSION_ENDS) prepare(s);
    if (s->dials && s->ended == SESSION_ENDS) connect_step(s);
    if (s->state == SESSION_GOES && s->ended == SESSION_ENDS) s->ops->step(s);
    s->runs = false;
}

static void session_run(struct task *t)
{
    struct session *s = (struct session *)((char *)t - offsetof(struct session, task));
    session_go_on(s);
    if (s->ended == SESSION_ENDS) return;
    if (s->task.waits) return; /* the task runs once more; after that nothing else refers to the session */
    if (!s->ops->ends || s->ops->ends(s)) session_free(s);
}

/* Find the rule that accepted the session, recorded by the worker that judged its first packet */
static void find_opener(struct session *s, const struct arrival *a)
{
    const struct proxy *p = s->proxy;
    const struct opener_key key = opener_key_of(&s->key);
    const unsigned n = p->cfg.vm.workers ? p->cfg.vm.workers : 1;
    struct opener o;
    s->rule = a->inlined ? a->rule : PBC_NONE;
    s->firewall = a->inlined ? a->firewall : PBC_NONE;
    if (a->inlined) return;
    for (unsigned i = 0; p->cfg.openers && i < n; i++) {
        if (!openers_find(p->cfg.openers[(p->cfg.vm.worker + i) % n], &key, &o)) continue;
        if (o.program != p->program->serial) continue;
        s->rule = o.rule;
        s->firewall = o.firewall;
        return;
    }
    count_up(&session_counts(s)->strangers, 1);
}

static const struct session_ops *const kinds[PBC_MODES] = {
#define KIND(ident, mode, doc) [PBC_MODE_##mode] = &session_##ident,
#include "runtime/proxy/kind.def"
    [PBC_MODE_PROXY_INLINE] = &session_plain,
    [PBC_MODE_PROXY_INLINE_HTTP] = &session_http,
    [PBC_MODE_PROXY_SPLICED] = &session_plain,
};

bool proxy_serves(unsigned mode) { return kinds[mode]; }

bool session_new(struct proxy *p, int fd, const struct arrival *a)
{
    const struct session_ops *ops = kinds[p->program->services[a->service].mode];
    struct session *s = ops ? slab_take(&p->sessions) : NULL;
    if (!s) {
        if (a->inlined) slab_give(&p->inline_facts, a->inlined);
        close(fd);
        return false;
    }
    memset(s, 0, sizeof *s);
    *s = (struct session){.task.run = session_run,
                          .timer.due = session_due,
                          .proxy = p,
                          .ops = ops,
                          .key = a->key,
                          .inlined = a->inlined,
                          .service = a->service,
                          .branch = PBC_NONE,
                          .chosen = PBC_NONE,
                          .served = PBC_NONE,
                          .number = ++p->begun,
                          .begun_ns = p->loop.now_ns,
                          .seen_ns = p->loop.now_ns,
                          .ended = SESSION_ENDS,
                          .lost = SESSION_ENDS,
                          .next = p->all,
                          .link = &p->all};
    if (s->next) s->next->link = &s->next;
    p->all = s;
    __atomic_store_n(&p->open, p->sessions.used, __ATOMIC_RELAXED);
    s->up = (struct way){.from = &s->client, .pipes = &p->pipes, .left = WAY_ALL};
    s->down = (struct way){.to = &s->client, .pipes = &p->pipes, .left = WAY_ALL};
    count_up(&session_counts(s)->sessions, 1);
    if (side_open(&s->client, &p->loop, fd, &s->task)) {
        session_end(s, SESSION_SYSTEM);
        return true;
    }
    s->peer = session_client(s);
    find_opener(s, a);
    session_record(s, MOMENT_BEGUN);
    /* The session begins with a PROXY header, with TLS, or with its kind. */
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    s->state = SESSION_NAMES;
    if (!(says->flags & PBC_PROXY_ACCEPT)) set_about(s);
    session_wait(s, says->first_ns ? says->first_ns : s->proxy->program->settings->proxy_first_ns);
    session_again(s);
    return true;
}

void sessions_rename(struct proxy *p, const struct remap *r)
{
    for (struct session *s = p->all; s; s = s->next) {
        const struct program *old = r->from;
        if (s->service == PBC_NONE) continue;
        const uint32_t proxy = old->services[s->service].proxy;
        const bool closes = proxy && old->proxies[proxy - 1].flags & PBC_PROXY_RELOAD_CLOSE;
        /* Without its branch, a waiting session would get a place in a pool that its bytes do not name */
        if (s->queue_link && !remap_keeps_branch(r, s->branch)) {
            queue_leave(s);
            session_end(s, SESSION_RELOADED);
        }
        s->service = r->service[s->service];
        if (s->inlined) s->key.iface = inline_session_iface(s);
        s->aged = s->server != NULL;
        if (s->service == PBC_NONE) session_end(s, SESSION_RELOADED);
        if (closes && proxy_is_past(p, s->service)) session_end(s, SESSION_RELOADED);
        s->branch = s->branch < r->from->branches_count ? r->branch[s->branch] : PBC_NONE;
        /* A program in the middle must not be left out: end the session if its branch is gone before the server is
         * reached */
        if (s->inlined && s->dials && s->branch == PBC_NONE) session_end(s, SESSION_RELOADED);
        if (s->chosen != PBC_NONE) s->chosen = r->server[s->chosen];
        if (s->served != PBC_NONE) s->served = r->server[s->served];
        if (s->rule < r->from->rules_count) s->rule = r->rule[s->rule];
        if (s->firewall != PBC_NONE) s->firewall = r->firewall[s->firewall];
        if ((s->state != SESSION_GOES || s->at || s->dials) && proxy_is_past(p, s->service))
            session_end(s, SESSION_RELOADED);
    }
}

void sessions_recount(struct proxy *p)
{
    for (struct session *s = p->all; s; s = s->next) {
        tls_count_at(&s->client, session_counts(s)->tls);
        if (s->server) tls_count_at(s->server, session_counts(s)->tls);
    }
}

/* Return the program's id of the interface that leads to the client */
static uint16_t client_iface(const struct session *s, const struct flow_record *f)
{
    const struct proxy *p = s->proxy;
    if (s->inlined) return inline_session_iface(s);
    if (p->iface_count == 1) return p->iface[0];
    const uint8_t port = p->world->routes ? first_frame_port(p->world->routes, f, false) : ROUTE_NO_PORT;
    return port < p->iface_count ? p->iface[port] : IFACE_NONE;
}

/* True if the program accepts the session's first packet; its rule then owns the session */
static bool rejudge(struct session *s)
{
    const struct proxy *p = s->proxy;
    struct flow_record f;
    session_flow(s, &f);
    struct frame_spec spec = first_frame(&f);
    spec.src_mac = s->inlined ? s->inlined->client_mac : 0;
    spec.dst_mac = s->inlined ? s->inlined->server_mac : 0;
    const struct decision d = first_frame_judge(p->program, &p->world->facts, &spec, client_iface(s, &f), MARK_NEW);
    if (d.action == ACTION_DROP || d.action == ACTION_REJECT) return false;
    s->rule = d.rule;
    s->firewall = d.firewall;
    return true;
}

void sessions_rejudge(struct proxy *p)
{
    for (struct session *s = p->all; s; s = s->next) {
        if (s->ended != SESSION_ENDS || proxy_is_past(p, s->service)) continue;
        if (!(proxy_says(p, s->service)->flags & PBC_PROXY_RELOAD_CLOSE)) continue;
        if (!rejudge(s)) session_end(s, SESSION_RELOADED);
    }
}

static enum session_end why_over(const struct proxy *p, uint32_t server)
{
    const struct program *program = p->program;
    if (program_is_past(program, server)) {
        const uint64_t until = program->past->until_ns[server - program->past->servers];
        return until <= p->loop.now_ns ? SESSION_DRAINED : SESSION_ENDS;
    }
    const bool down = facts_down(&p->world->facts, server, true);
    const bool resets = program->pools[program->servers[server].pool].on_down == PBC_DOWN_RESET;
    return down && resets ? SESSION_SERVER_DOWN : SESSION_ENDS;
}

void sessions_look(struct proxy *p)
{
    for (struct session *s = p->all; s; s = s->next) {
        if (s->chosen == PBC_NONE || s->dials) continue;
        const enum session_end why = why_over(p, s->chosen);
        if (why == SESSION_ENDS) continue;
        s->lost = (uint8_t)why;
        session_again(s);
    }
}

void sessions_end(struct proxy *p, enum session_end why)
{
    for (struct session *s = p->all; s; s = s->next) session_end(s, why);
}
