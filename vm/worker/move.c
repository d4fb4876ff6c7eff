/* Another number of workers takes over what the former ones remember (vm.h, vm_move): first the flows whose ends
 * name their owner, which bring ports along; then the flows that follow a port */
#include <stdlib.h>

#include "vm/flow/track/track.h"
#include "vm/forward/bind/mappings.h"
#include "vm/keyed/archive.h"
#include "vm/packet/parse/header.h"
#include "vm/worker/guests.h"
#include "vm/worker/owner.h"
#include "vm/worker/vm_priv.h"

/* A flow that is moved once ports are at their new workers */
struct late {
    struct vm *from;
    int32_t slot;
    uint16_t port;
};

struct moving {
    struct vm_move *m;
    struct guests *guests;
    const struct facts *facts;
    uint64_t now_ns;
    uint16_t ifaces[OWNER_IFACES]; /* [ifaces_count] */
    unsigned ifaces_count;
    struct late *late; /* [late_count] */
    size_t late_count, late_room;
    bool failed;
};

/* A flow of a vm, to be moved */
struct moved {
    struct vm *from;
    int32_t slot;
    const struct flow *flow;
    const struct flow_bind *b; /* NULL: the flow is not sent on */
    struct flow_id id;
    bool high;
};

/* ---- owners ---- */

static uint8_t role_proto_of(const struct flow_id *id)
{
    const bool v6 = id->kind & FLOW_ID_IP6;
    switch (id->proto) {
    case IPPROTO_NR_TCP: return ROLE_TCP;
    case IPPROTO_NR_UDP: return ROLE_UDP;
    case IPPROTO_NR_SCTP: return ROLE_SCTP;
    default: return id->proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP) ? ROLE_QUERY : ROLE_OTHER;
    }
}

static struct owner_ends shown_ends(const struct moved *f, const struct track_tuple *t, uint16_t iface)
{
    struct owner_ends e = {.src_port = t->src_port,
                           .dst_port = t->dst_port,
                           .iface = iface,
                           .proto = role_proto_of(&f->id),
                           .v6 = (f->id.kind & FLOW_ID_IP6) != 0};
    memcpy(e.src, t->src, sizeof e.src);
    memcpy(e.dst, t->dst, sizeof e.dst);
    return e;
}

/* Return the ends that the opener's packets show; those that replies show (second function). */
static struct owner_ends opener_ends(const struct moved *f, uint16_t iface)
{
    const struct track_tuple t = track_tuple_of(&f->id, f->high);
    return shown_ends(f, &t, iface);
}

static struct owner_ends reply_ends(const struct moved *f, uint16_t iface)
{
    const struct track_tuple t = f->b ? track_bound_tuple(f->b) : track_tuple_of(&f->id, f->high);
    struct track_tuple back = {.src_port = t.dst_port, .dst_port = t.src_port};
    memcpy(back.src, t.dst, sizeof back.src);
    memcpy(back.dst, t.src, sizeof back.dst);
    struct owner_ends e = shown_ends(f, &back, iface);
    e.answers = true;
    if (e.proto == ROLE_QUERY) e.src_port = e.dst_port; /* the query's identifier, the same on both sides */
    return e;
}

/* Return the owner of the opener's packets: a worker, or VM_OWNER_OF_PORT | port. */
static unsigned bound_owner(const struct moving *w, const struct moved *f)
{
    const uint16_t iface = f->b->client_iface;
    const struct owner_ends e = opener_ends(f, iface == IFACE_NONE ? iface : facts_known_as(w->facts, iface));
    return owner_of_ends(w->m->owners, w->facts, &e);
}

/* True if replies go to that worker, by whichever interface they come. Those to a port find the worker of the port. */
static bool replies_find(const struct moving *w, const struct moved *f, unsigned worker)
{
    bool find = f->flow->flags & FLOW_ONE_SIDED;
    for (unsigned i = 0; i < w->ifaces_count && !find; i++) {
        const struct owner_ends e = reply_ends(f, w->ifaces[i]);
        const unsigned owner = owner_of_ends(w->m->owners, w->facts, &e);
        find = owner == worker || owner & VM_OWNER_OF_PORT;
    }
    return find;
}

/* ---- moving one flow ---- */

static bool leads(const struct moving *w, const struct moved *f, unsigned worker, const uint32_t addr[4], uint16_t port)
{
    if (!w->m->owners) return true;
    return owner_of_client(w->m->owners, addr, port, role_proto_of(&f->id), f->id.kind & FLOW_ID_IP6) == worker;
}

/* Count a flow as moved to that worker, or as ended, unless the worker has it already: then it is the same flow,
 * seen later. */
static void count_moved(struct moving *w, const struct moved *f, unsigned worker, bool moved)
{
    w->m->moved += moved;
    w->m->ended += !moved && track_moved(w->m->to[worker]->track, f->from->track, &f->id) == FLOW_NONE;
}

static void move_bound(struct moving *w, const struct moved *f, unsigned worker)
{
    struct vm *to = w->m->to[worker];
    const struct track_tuple own = track_tuple_of(&f->id, f->high);
    const struct forward_move m = {.leads_src =
                                       f->b->kind == BIND_NAT_SOURCE || leads(w, f, worker, own.src, own.src_port),
                                   .leads_dst = leads(w, f, worker, f->b->to_dst, f->b->to_dst_port)};
    count_moved(w, f, worker, forward_move_flow(to->forward, f->from->forward, f->slot, &m) != FLOW_NONE);
}

static void move_plain(struct moving *w, const struct moved *f, unsigned worker)
{
    struct track *to = w->m->to[worker]->track;
    const uint16_t stack = track_move_stack(to, f->from->track, f->id.stack);
    const bool moved = stack != STACK_UNKNOWN && track_move(to, f->from->track, f->slot, stack) != FLOW_NONE;
    count_moved(w, f, worker, moved);
}

static void put_off(struct moving *w, const struct moved *f, unsigned owner)
{
    if (w->late_count == w->late_room) {
        const size_t room = w->late_room ? 2 * w->late_room : 256;
        struct late *grown = reallocarray(w->late, room, sizeof *grown);
        w->failed |= !grown;
        if (!grown) return;
        w->late = grown;
        w->late_room = room;
    }
    w->late[w->late_count++] = (struct late){f->from, f->slot, (uint16_t)owner};
}

/* Move an unbound flow. It does not remember its interface; if that matters, it goes to each worker that may be its
 * owner, and the others just never get a packet of it. */
static void place_plain(struct moving *w, const struct moved *f)
{
    unsigned owners[OWNER_IFACES], count = 0;
    for (unsigned i = 0; i < w->ifaces_count; i++) {
        const struct owner_ends e = opener_ends(f, w->ifaces[i]);
        const unsigned owner = owner_of_ends(w->m->owners, w->facts, &e);
        unsigned k = 0;
        while (k < count && owners[k] != owner) k++;
        if (k == count) owners[count++] = owner;
    }
    for (unsigned k = 0; k < count; k++)
        if (owners[k] & VM_OWNER_OF_PORT)
            put_off(w, f, owners[k]);
        else
            move_plain(w, f, owners[k]);
    w->m->doubled += count - 1;
}

static void place(struct moving *w, const struct moved *f)
{
    if (!w->m->owners) {
        if (f->b)
            move_bound(w, f, 0);
        else
            move_plain(w, f, 0);
        return;
    }
    if (!f->b) {
        place_plain(w, f);
        return;
    }
    const unsigned owner = bound_owner(w, f);
    if (owner & VM_OWNER_OF_PORT)
        put_off(w, f, owner);
    else if (replies_find(w, f, owner))
        move_bound(w, f, owner);
    else
        w->m->ended++;
}

static bool flow_step(const struct moving *w, struct vm *from, uint32_t *at, struct moved *f)
{
    f->from = from;
    f->slot = track_next_flow(from->track, w->now_ns, at, &f->flow, &f->id, &f->b);
    if (f->slot == FLOW_NONE) return false;
    f->high = f->flow->flags & FLOW_OPENED_BY_HIGH;
    return true;
}

/* Return the worker that now has the mapping of the flow's original destination; negative: none. */
static int target_worker(const struct moving *w, const struct moved *f)
{
    for (unsigned led = 2; led--;)
        for (unsigned i = 0; i < w->m->workers; i++)
            if (forward_has_target(w->m->to[i]->forward, &f->id, f->high, led)) return (int)i;
    return -1;
}

/* Move a flow to the worker of its port. If it holds a mapping that no flow has brought along, it goes to the owner
 * of the inside end. */
static void place_late(struct moving *w, const struct late *l)
{
    struct moved f;
    uint32_t at = (uint32_t)l->slot;
    if (!flow_step(w, l->from, &at, &f)) return;
    if (!f.b) {
        move_plain(w, &f, owners_of_port(w->m->owners, l->port));
        return;
    }
    int worker = f.b->flags & BIND_HOLDS_DST ? target_worker(w, &f) : -1;
    if (worker < 0 && f.b->flags & BIND_HOLDS_DST)
        worker = (int)owner_of_client(w->m->owners, f.b->to_dst, f.b->to_dst_port, role_proto_of(&f.id),
                                      f.id.kind & FLOW_ID_IP6);
    move_bound(w, &f, worker < 0 ? owners_of_port(w->m->owners, l->port) : (unsigned)worker);
}

static void move_flows(struct moving *w, struct vm *const from[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct moved f;
        uint32_t at = 0;
        while (flow_step(w, from[i], &at, &f)) place(w, &f);
    }
    for (unsigned bound = 2; bound--;) /* flows that bring mappings along come first */
        for (size_t i = 0; i < w->late_count; i++) {
            struct moved f;
            uint32_t at = (uint32_t)w->late[i].slot;
            if (flow_step(w, w->late[i].from, &at, &f) && (f.b != NULL) == bound) place_late(w, &w->late[i]);
        }
}

/* ---- guests ---- */

/* Note the flow's ends as a guest, if packets to its port would not find the worker. */
static void note_guest(struct moving *w, const struct owner_ends *e, unsigned worker)
{
    const struct owners *o = w->m->owners;
    struct guest one = {.port = e->dst_port, .other_port = e->src_port, .proto = e->proto, .v6 = e->v6};
    const unsigned by_port = VM_OWNER_OF_PORT | VM_OWNER_GUEST;
    if (!owners_port_is_apart(o, one.port, worker) || !(owner_of_ends(o, w->facts, e) & by_port)) return;
    one.worker = (uint8_t)worker;
    memcpy(one.own, e->dst, sizeof one.own);
    memcpy(one.other, e->src, sizeof one.other);
    w->failed |= !guests_add(w->guests, &one);
}

static void note_flows(struct moving *w, unsigned worker)
{
    struct moved f;
    uint32_t at = 0;
    while (flow_step(w, w->m->to[worker], &at, &f)) {
        if (!f.b) continue;
        const struct owner_ends reply = reply_ends(&f, IFACE_NONE);
        if (bind_changes_source(f.b->kind) || f.b->kind == BIND_SERVICE) note_guest(w, &reply, worker);
        const struct owner_ends opener = opener_ends(&f, IFACE_NONE);
        if (f.b->flags & BIND_HOLDS_DST) note_guest(w, &opener, worker);
    }
}

/* Note mappings as guests for every peer: packets to a mapping go to the worker that has it for the inside end's new
 * flows. */
static void note_mappings(struct moving *w, unsigned worker, bool led)
{
    static const uint8_t protos[MAP_CLASSES] = {ROLE_TCP, ROLE_UDP, ROLE_QUERY};
    const struct mapping *one;
    uint32_t at = 0;
    while ((one = forward_next_mapping(w->m->to[worker]->forward, &at))) {
        struct guest all = {.port = one->outside.port, .proto = protos[one->outside.class], .v6 = one->outside.v6};
        if (mapping_is_led(one) != led || !owners_port_is_apart(w->m->owners, all.port, worker)) continue;
        all.any = 1;
        all.worker = (uint8_t)worker;
        memcpy(all.own, one->outside.addr, sizeof all.own);
        w->failed |= !guests_add(w->guests, &all);
    }
}

static void note_guests(struct moving *w)
{
    if (!w->m->owners || !w->m->to[0]->forward) return;
    w->guests = guests_new(w->m->to[0]->cfg.seed);
    w->failed |= !w->guests;
    if (!w->guests) return;
    for (unsigned i = 0; i < w->m->workers; i++) note_flows(w, i);
    for (unsigned led = 2; led--;)
        for (unsigned i = 0; i < w->m->workers; i++) note_mappings(w, i, led);
    owners_guests(w->m->owners, w->guests);
    guests_put(w->guests);
}

/* ---- everything else ---- */

struct taking {
    const struct vm_move *m;
    unsigned worker;
};

/* True if a client is the worker's, or if its address is not enough to name its worker. */
static bool takes_client(void *arg, const uint32_t addr[4], const uint16_t *port, uint8_t proto, bool v6)
{
    const struct taking *t = arg;
    const struct owners *o = t->m->owners;
    struct flow_id id = {.proto = proto, .kind = v6 ? FLOW_ID_IP6 : 0};
    if (!o || (!port && !owners_know_clients(o))) return true;
    if (port && v6 && proto == IPPROTO_NR_ICMP) id.proto = IPPROTO_NR_ICMP6;
    return owner_of_client(o, addr, port ? *port : 0, port ? role_proto_of(&id) : ROLE_OTHER, v6) == t->worker;
}

static bool takes_source(void *arg, const uint32_t addr[4], bool v6) { return takes_client(arg, addr, NULL, 0, v6); }

/* Continue another worker's picks: copy the state of its balancing as bytes. */
static bool move_balance(struct balance *b, struct balance *from)
{
    enum { FIRST = 1 << 16, MOST = 1 << 28 };
    for (size_t size = FIRST; size <= MOST; size *= 4) {
        uint8_t *bytes = malloc(size);
        struct archive a = {.at = bytes, .left = size};
        if (!bytes) return false;
        balance_archive(from, &a);
        struct archive r = {.at = bytes, .left = size - a.left, .reads = true};
        if (!a.bad) balance_archive(b, &r);
        free(bytes);
        if (!a.bad) return !r.bad;
    }
    return false;
}

static void limit_go_on(struct limit *l, const struct limit *from)
{
    if (from->next_ns > l->next_ns) l->next_ns = from->next_ns;
}

/* Prepare a worker for flows. from: the workers that judge no more; `like` is the one whose draws and picks go on. */
static bool move_begin(struct moving *w, unsigned worker, struct vm *const from[], unsigned count)
{
    struct vm *to = w->m->to[worker], *like = from[worker % count];
    struct taking t = {w->m, worker};
    if (!move_balance(to->balance, like->balance)) return false;
    for (unsigned i = count; i--;) { /* `like`, whose draws are kept, comes last */
        struct vm *one = from[(worker + count - i) % count];
        meters_move(to->meters, one->meters, takes_source, &t);
        limit_go_on(&to->answers, &one->answers);
        limit_go_on(&to->echoes, &one->echoes);
        limit_go_on(&to->neighbours, &one->neighbours);
        if (to->track && one->track) track_move_begin(to->track, one->track, worker == 0);
        if (to->forward && one->forward) forward_move_begin(to->forward, one->forward, takes_client, &t);
    }
    return true;
}

static bool moves(const struct vm *vm) { return vm_rests(vm) && !vm->inlines && !vm->observers; }

bool vm_move(struct vm_move *m, struct vm *const from[], unsigned count, const struct vm_in *in)
{
    struct moving w = {.m = m, .facts = in->facts, .now_ns = in->mono_ns};
    bool good = count != 0;
    for (unsigned i = 0; i < count; i++) good &= moves(from[i]);
    for (unsigned i = 0; i < m->workers && good; i++) {
        see_time(m->to[i], in, NULL);
        see_facts(m->to[i], in->facts);
        good = move_begin(&w, i, from, count);
        balance_update(m->to[i]->balance, in->facts, in->mono_ns);
    }
    if (m->owners) w.ifaces_count = owners_ifaces(m->owners, w.ifaces);
    if (good && m->to[0]->track) move_flows(&w, from, count);
    for (unsigned i = 0; i < m->workers && good && m->to[i]->forward; i++)
        for (unsigned k = 0; k < count; k++) {
            struct taking t = {m, i};
            forward_move_end(m->to[i]->forward, from[k]->forward, takes_client, &t, k % m->workers == i);
        }
    if (good) note_guests(&w);
    free(w.late);
    return good && !w.failed;
}
