/* See inline.h. The worker reports a connection before its first packet goes to the inline stack, so each accepted
 * connection is known, unless the number has gone to another connection meanwhile. */
#include "runtime/proxy/inline/inline.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "runtime/base/files.h"
#include "runtime/exchange/begun/inlined.h"
#include "runtime/exchange/begun/leaving.h"
#include "runtime/exchange/first_frame.h"
#include "vm/flow/flow.h"
#include "vm/packet/parse/read.h"

/* Return an interface's place on the command line, by its id in the running program or the one before. */
static uint8_t iface_port(const struct proxy *p, uint16_t iface, uint64_t program)
{
    const uint16_t *ids = program == p->before.program ? p->before.iface : p->iface;
    unsigned i = 0;
    while (i < p->iface_count && ids[i] != iface) i++;
    return (uint8_t)(i < p->iface_count ? i : PORTS_MOST);
}

/* Judge the first packet by the loop's program, because the worker judged it by another: loop and worker change
 * programs at different times. */
static void judge_again(const struct proxy *p, struct inline_open *o)
{
    struct flow_record f = {.proto = IPPROTO_TCP,
                            .family = o->v6 ? 6 : 4,
                            .src_port = o->client_port,
                            .dst_port = o->server_port,
                            .vlan = {o->vlan[0], o->vlan[1]}};
    memcpy(f.src, o->client, sizeof f.src);
    memcpy(f.dst, o->server, sizeof f.dst);
    struct frame_spec spec = first_frame(&f);
    struct decision d;
    spec.src_mac = o->client_mac;
    spec.dst_mac = o->server_mac;
    o->service = first_frame_service(p->program, &p->world->facts, &spec, o->iface, &d);
    o->rule = d.rule;
    o->firewall = d.firewall;
}

/* Find a connection, its service and its interface by the running program. False: it is unknown, or no inline service
 * takes it. */
static bool inlined_of(const struct proxy *p, const struct stream_addr *client, struct inline_open *o, uint8_t *port)
{
    const struct inline_name name = inline_read(client->addr, client->v6);
    struct inlined_conn found;
    if (name.end != INLINE_CLIENT || name.worker != p->cfg.vm.worker) return false;
    if (!p->cfg.inlined || !inlined_find(p->cfg.inlined, name.number, client->port, &found)) return false;
    *o = found.open;
    *port = iface_port(p, o->iface, found.program);
    o->iface = *port < p->iface_count ? p->iface[*port] : IFACE_NONE;
    if (found.program != p->program->serial) judge_again(p, o);
    return o->service < p->program->services_count && mode_is(p->program->services[o->service].mode, MODE_INLINE_STACK);
}

/* Make the key as the connection's packets have it: with an interface and tags, and as forwarded if the service is
 * in the wire. */
static struct key inline_key(const struct proxy *p, const struct inline_open *o)
{
    const struct facts *f = &p->world->facts;
    const uint32_t sides = o->v6 ? sides_of6(f, o->client, o->server) : sides_of4(f, o->client[0], o->server[0]);
    struct key key = stream_key(o->v6 ? 6 : 4, o->client, o->client_port, o->server, o->server_port,
                                sides & KIND_SRC_SELF, sides & KIND_DST_SELF, f->schedules);
    const bool wire = mode_is(p->program->services[o->service].mode, MODE_INLINE);
    if (wire && !(key.kind & KIND_DST_SELF)) key.kind = (key.kind & ~(uint32_t)KIND_IN) | KIND_FORWARD;
    key.iface = o->iface;
    if (o->vlan[0] == VLAN_UNTAGGED) return key;
    key.kind |= KIND_VLAN;
    key.vlan_outer = o->vlan[0];
    if (o->vlan[1] == VLAN_UNTAGGED) return key;
    key.kind |= KIND_VLAN2;
    key.vlan_inner = o->vlan[1];
    return key;
}

enum inline_session_found inline_session_find(struct proxy *p, const struct stream_addr *client, struct arrival *a)
{
    struct inline_open o;
    uint8_t port;
    if (!inlined_of(p, client, &o, &port)) return INLINE_SESSION_UNKNOWN;
    struct inline_facts *in = slab_take(&p->inline_facts);
    if (!in) return INLINE_SESSION_NO_ROOM;
    *in = (struct inline_facts){.number = o.number,
                                .use = o.port,
                                .vlan = {o.vlan[0], o.vlan[1]},
                                .port = port,
                                .client_mac = o.client_mac,
                                .server_mac = o.server_mac};
    *a = (struct arrival){
        .key = inline_key(p, &o), .service = o.service, .inlined = in, .rule = o.rule, .firewall = o.firewall};
    return INLINE_SESSION_KNOWN;
}

uint16_t inline_session_iface(const struct session *s)
{
    const struct proxy *p = s->proxy;
    return s->inlined->port < p->iface_count ? p->iface[s->inlined->port] : IFACE_NONE;
}

/* Return the address by which the inline stack knows an end of the session's connection. */
static struct stream_addr session_end_address(const struct session *s, enum inline_end end, uint16_t port)
{
    struct stream_addr a = {.port = port, .v6 = s->key.kind & KIND_IP6};
    const struct inline_name n = {
        .end = (uint8_t)end, .worker = (uint8_t)s->proxy->cfg.vm.worker, .number = s->inlined->number};
    inline_address(a.addr, a.v6, n);
    return a;
}

struct stream_addr inline_session_address(const struct session *s, uint32_t server)
{
    const struct program *p = s->proxy->program;
    return session_end_address(s, INLINE_SERVER,
                               server == PBC_NONE ? INLINE_ORIGINAL : inline_port(program_server_id(p, server)));
}

struct stream_addr inline_session_target(const struct session *s)
{
    return session_end_address(s, INLINE_SERVER, INLINE_TARGETS);
}

/* True if the target sees the client's address and port. Only for a service that is not in the wire; in the wire the
 * target always sees them */
static bool keeps_source(const struct session *s)
{
    const struct program *p = s->proxy->program;
    if (s->nat != INSTRUCTION_NAT_UNSAID) return s->nat == INSTRUCTION_NAT_KEEP;
    return p->proxies[p->services[s->service].proxy - 1].flags & PBC_PROXY_TRANSPARENT;
}

bool inline_session_ask(struct session *s, const struct inline_ask *ask)
{
    struct proxy *p = s->proxy;
    struct inline_facts *in = s->inlined;
    if (leaving_ask(p->leaving, ask)) return true;
    if (in->link) return false;
    in->next = p->asks;
    if (in->next) in->next->inlined->link = &in->next;
    in->link = &p->asks;
    p->asks = s;
    return false;
}

void inline_session_wait_no_more(struct session *s)
{
    struct inline_facts *in = s->inlined;
    if (!in || !in->link) return;
    *in->link = in->next;
    if (in->next) in->next->inlined->link = in->link;
    in->link = NULL;
}

void inline_session_over(const struct session *s)
{
    const struct inline_ask end = {.kind = INLINE_END, .port = s->inlined->use, .number = s->inlined->number};
    if (s->proxy->leaving) leaving_ask(s->proxy->leaving, &end);
}

void inline_session_room(struct proxy *p)
{
    while (p->asks) {
        struct session *s = p->asks;
        inline_session_wait_no_more(s);
        loop_again(&p->loop, &s->task);
    }
}

bool inline_session_says_target(struct session *s)
{
    struct inline_ask ask = {.kind = INLINE_TARGET, .port = s->inlined->use, .number = s->inlined->number};
    memcpy(ask.of.target.addr, s->target.addr, sizeof ask.of.target.addr);
    ask.of.target.port = s->target.port;
    ask.of.target.keeps = keeps_source(s);
    return !s->proxy->leaving || inline_session_ask(s, &ask);
}

bool inline_session_leads_to(const struct session *s, uint32_t server)
{
    return server == PBC_NONE || inline_is_id(program_server_id(s->proxy->program, server));
}

int inline_session_socket(struct session *s)
{
    const struct stream_addr own = session_end_address(s, INLINE_OWN, 0);
    const int fd = own_socket(s->proxy, &own);
    if (fd < 0 || s->chosen == PBC_NONE) return fd;
    const int ttl = inline_ttl(program_server_id(s->proxy->program, s->chosen));
    if (!setsockopt(fd, own.v6 ? IPPROTO_IPV6 : IPPROTO_IP, own.v6 ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof ttl))
        return fd;
    return close_failed(fd);
}
