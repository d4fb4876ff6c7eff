/* `explain`: the verdict of the running program on a packet that was not sent. The packet's owner pauses while its
 * vm judges, which changes nothing; the text is made after the owner goes on. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/control/asked_unjudged.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/unknown_way.h"
#include "runtime/report/explain/asked.h"
#include "vm/judge/routes.h"
#include "vm/worker/owner.h"

enum { FRAME_BYTES_MOST = 9216, SLOTS = 2 /* the second slot is for the packet inside a tunnel */ };

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Read the frame's bytes, two digits each. Return their number; 0: not a frame. */
static uint32_t read_frame(const struct call *c, uint8_t frame[FRAME_BYTES_MOST])
{
    const char *hex = call_text_of(c, "frame");
    const size_t len = hex ? strlen(hex) : 0;
    if (!len || len % 2 || len / 2 > FRAME_BYTES_MOST) return 0;
    for (size_t i = 0; i < len; i += 2) {
        const int high = digit(hex[i]), low = digit(hex[i + 1]);
        if (high < 0 || low < 0) return 0;
        frame[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (uint32_t)(len / 2);
}

/* Return the device that has this name in the rules (for a pattern, the first one), else the name itself. */
static const char *device_named(const struct control *control, const char *name)
{
    const struct program *p = control->carry->now.program;
    const char *device = name;
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (p->ifaces[i].name && !strcmp(program_str(p, p->ifaces[i].name), name))
            device = program_str(p, p->ifaces[i].device);
    return device;
}

/* Return the port of a device, or the first of a pattern; -1: none. */
static int port_named(const struct control *control, const char *device)
{
    for (unsigned i = 0; i < control->o->iface_count; i++)
        if (!strcmp(control->o->ifaces[i], device) || iface_holds(device, control->o->ifaces[i])) return (int)i;
    return -1;
}

/* Answer with this machine's addresses on that interface, for packets with `self`. */
static void say_self(const struct control *control, struct call *c, uint16_t iface)
{
    static const int families[] = {AF_INET, AF_INET6};
    static const char *const members[] = {"self4", "self6"};
    cJSON *o = cJSON_CreateObject();
    for (unsigned v6 = 0; v6 < 2; v6++) {
        char text[INET6_ADDRSTRLEN];
        uint32_t word[4], be[4];
        if (!facts_address(&control->carry->latest->facts, iface, v6, word)) continue;
        for (unsigned i = 0; i < 4; i++) be[i] = htonl(word[i]);
        cJSON_AddStringToObject(o, members[v6], inet_ntop(families[v6], be, text, sizeof text));
    }
    call_document(c, o);
    cJSON_Delete(o);
    call_end(c, 0, "%s", "");
}

static const char *port_to(const struct control *control, uint32_t server)
{
    if (server == PBC_NONE) return NULL;
    for (unsigned i = 0; i < control->o->iface_count; i++)
        if (control->carry->now.iface[i] == control->carry->now.server_out[server]) return control->o->ifaces[i];
    return NULL;
}

static void say_lines(struct call *c, char *text)
{
    for (char *line = text, *end; *line; line = end + 1) {
        end = line + strcspn(line, "\n");
        const bool last = !*end;
        *end = 0;
        call_text(c, "%s", line);
        if (last) return;
    }
}

static void say_explained(const struct control *control, struct call *c, const struct explain_asked *a)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out) explain_asked(out, a, port_to(control, explain_asked_server(a)));
    if (!out || fclose(out)) {
        call_end(c, 2, "out of memory");
    } else {
        if (a->json)
            call_json(c, text, len);
        else
            say_lines(c, text);
        call_end(c, 0, "%s", "");
    }
    free(text);
}

/* Have the packet's owner judge it. */
static void ask_owner(struct control *control, struct explain_look *k, struct pkt *pkt, struct pool *pool)
{
    const struct carry *carry = control->carry;
    unsigned owner =
        carry->now.owners ? vm_owner(carry->now.owners, &carry->latest->facts, pkt) & ~VM_OWNER_FRAGMENT : 0;
    struct worker *w = carry->workers[owner < carry->worker_count ? owner : 0];
    worker_hold(w);
    const struct vm_in in = {.mono_ns = clock_ns(CLOCK_MONOTONIC), .facts = &w->egress.snapshot->facts};
    explain_look(k, w->vm, &in, carry->now.program, pool, pkt);
    worker_release(w);
}

/* Note if an IPsec policy takes a crossing packet, even if no nat may take it. */
static void look_at_ipsec(const struct carry *carry, struct explain_look *k)
{
    const struct routes *r = carry->latest->routes;
    if (!r || !(k->key.kind & KIND_FORWARD) || !(k->key.kind & KIND_IP) || k->nat.unknown != WAY_KNOWN) return;
    const struct route_query q = {.to = k->key.dst,
                                  .from = k->key.src,
                                  .key = &k->key,
                                  .in = ROUTE_IN_UNKNOWN,
                                  .family = k->key.kind & KIND_IP4 ? 4 : 6};
    if (routes_find(r, &q)->why == WAY_IPSEC) k->nat.unknown = WAY_IPSEC;
}

/* True for a device above others, so that its frames may leave by a port below it. */
static bool is_stacked(const struct host_link *link)
{
    return link->under || link->vrf_table || !strcmp(link->kind, "bridge") || !strcmp(link->kind, "bond") ||
           !strcmp(link->kind, "team");
}

enum { ASKED_LOST = 160 };

/* Write why a packet that a nat translates is lost on its way out: by the kernel's route, the translated destination
 * is this machine itself, or is reached by an unserved device. False if the packet is not lost, or if the route is
 * unknown. */
static bool asked_lost(const struct control *control, const struct explain_look *k, char why[ASKED_LOST])
{
    const struct flow_record *to = &k->nat.to;
    if (k->nat.nat == PBC_NONE || k->nat.reason) return false;
    const struct host_query q = {.to = host_addr_of(to->to_dst, to->family)};
    char addr[HOST_ADDR_TEXT];
    struct host_route route;
    if (host_route(control->carry->host, &q, &route)) return false;
    const struct host_link *link = host_link(control->carry->host, route.ifindex);
    host_addr_text(&q.to, addr);
    if (route.local)
        snprintf(why, ASKED_LOST, "%s is this machine itself, which forwarded packets can't reach", addr);
    else if (link && !options_serve(control->o, link->name) && !is_stacked(link))
        snprintf(why, ASKED_LOST, "the route to %s leaves by %s, which -i doesn't name", addr, link->name);
    else
        return false;
    return true;
}

static void explain_here(struct control *control, struct call *c, struct pkt *pkt, int port)
{
    const struct carry *carry = control->carry;
    struct explain_look k;
    char shut[ASKED_SHUT], lost[ASKED_LOST];
    struct pool *pool = pool_new(SLOTS, POOL_SLOT_MOST);
    ask_owner(control, &k, pkt, pool);
    const uint64_t wall_ns = clock_ns(CLOCK_REALTIME);
    explain_look_on_wall(&k, wall_ns);
    if (port >= 0 && carry->now.program->ifaces_count &&
        facts_known_as(&carry->latest->facts, pkt->iface) >= carry->now.program->ifaces_count)
        k.unnamed = control->o->ifaces[port];
    look_at_ipsec(carry, &k);
    k.lost = unknown_way(carry, (enum way_why)k.nat.unknown);
    if (asked_shut(control, pkt, shut)) k.shut = shut;
    const struct explain_asked a = {.program = carry->now.program,
                                    .labels = &carry->now.labels,
                                    .look = &k,
                                    .time_ns = wall_ns,
                                    .json = call_is_true(c, "json"),
                                    .lost = asked_lost(control, &k, lost) ? lost : NULL,
                                    .drops_unknown = !carry->in_kernel};
    say_explained(control, c, &a);
    explain_look_fini(&k);
    free(pool);
}

void asked_EXPLAIN(void *with, struct call *c)
{
    struct control *control = with;
    uint8_t frame[FRAME_BYTES_MOST];
    struct pkt pkt;
    const char *on = call_text_of(c, "on");
    const char *device = on ? device_named(control, on) : NULL;
    const int port = on ? port_named(control, device) : control->o->iface_count == 1 ? 0 : -1;
    if (port >= 0 || !on || !host_link_named(control->carry->host, device))
        device = NULL; /* the device has a port, or does not exist */
    const uint16_t iface = port < 0 ? IFACE_NONE : control->carry->now.iface[port];
    const uint32_t len = read_frame(c, frame);
    if (call_has(c, "frame") && !len) {
        call_end(c, 2, "`frame` must be a packet of up to %d bytes, each as two digits 0-9a-f", FRAME_BYTES_MOST);
    } else if (on && port < 0 && !device) {
        call_end(c, 2,
                 "`%.100s` is neither an interface that this preyrun serves nor another interface of this machine", on);
    } else if (!change_settled(control->carry)) {
        call_end(c, 2, "a reload is in progress: run the command again when it has finished");
    } else if (!len) {
        say_self(control, c, iface);
    } else {
        pkt_view(&pkt, frame, len, len, LINK_ETHER, iface);
        if (port < 0) asked_crosses(control, &pkt, device);
        if ((on && port >= 0) || !asked_unjudged(control, c, &pkt, device)) explain_here(control, c, &pkt, port);
    }
}
