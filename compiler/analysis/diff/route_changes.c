/* Compare services, also those that observe, pools, nats, checks and mirrors of both programs by name, each as text,
 * one statement per line; differing texts are reported. Conditions of a `when` are compared by meaning, as those of
 * rules are. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/resolve/settings.h"
#include "lang/heap.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/program/program.h"
#include "vm/words/words.h"

enum { RANGES_SHOWN = 32 };

/* Each option is a line, except those of a server. */
static const struct fields_text lines = {.between = "\n", .first = "", .parts = PARTS},
                                options = {.between = " ", .parts = PARTS};

static void put_address(const uint32_t words[4], uint8_t family, FILE *out)
{
    const uint32_t net[4] = {htonl(words[0]), htonl(words[1]), htonl(words[2]), htonl(words[3])};
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(family == 6 ? AF_INET6 : AF_INET, net, text, sizeof(text));
    fputs(text, out);
}

void put_address_port(const uint32_t addr[4], uint8_t family, uint16_t port, FILE *out)
{
    if (port && family == 6) fputc('[', out);
    put_address(addr, family, out);
    if (port) fprintf(out, "%s:%u", family == 6 ? "]" : "", port);
}

void put_host_port(const char *host, uint16_t port, FILE *out)
{
    const bool service = *host == '_'; /* the service's records have the ports */
    fprintf(out, "%s \"%s\"", service ? "srv" : "name", host);
    if (port && !service) fprintf(out, ":%u", port);
}

void put_prefix(const uint32_t addr[4], uint8_t family, uint8_t len, FILE *out)
{
    put_address(addr, family, out);
    if (len < (family == 4 ? 32 : 128)) fprintf(out, "/%u", len);
}

static void put_ports(uint8_t proto, uint16_t lo, uint16_t hi, FILE *out)
{
    if (proto == PBC_EP_IP) {
        fputc(' ', out);
        put_protocol(lo, out);
        return;
    }
    fprintf(out, " %s", endpoint_info[proto].name);
    if (proto >= PBC_EP_ECHO4) return;
    if (lo == 0 && hi == 65535)
        fputs("/any", out);
    else if (lo == hi)
        fprintf(out, "/%u", lo);
    else
        fprintf(out, "/%u-%u", lo, hi);
}

void put_endpoint(const struct program *p, const struct pbc_endpoint *e, FILE *out)
{
    char wire[WIRE_TEXT];
    if (e->to == PBC_TO_ADDRESS)
        put_address(e->addr, e->family, out);
    else
        fputs(e->to == PBC_TO_SELF ? "self" : "any", out);
    put_ports(e->proto, e->port_lo, e->port_hi, out);
    fputs(endpoint_wire_text(p, e, wire), out);
}

/* Write the conditions of a branch, some of which depend on a connection's bytes (`stream`): "when …  -> ", or
 * "else -> ", on a separate line. */
static void put_when(struct diff *d, const struct side *s, uint32_t conds, uint32_t count, bool stream, FILE *out)
{
    const struct program *p = s->program;
    const struct region_text text = statement_text(d);
    struct ir_product when;
    const uint32_t keyed = stream && count ? stream_keyed(p->conds + conds, count) : count;
    if (!count) {
        fputs("\nelse -> ", out);
        return;
    }
    normal_when(&d->c, s->conds + conds, keyed, &when);
    fputs("\nwhen ", out);
    if (ir_is_empty(&when))
        fputs("never", out);
    else if (keyed)
        region_text_print(&text, &when, 1u << PBC_DIR_IN | 1u << PBC_DIR_FORWARD, out);
    for (uint32_t i = keyed; i < count; i++) {
        if (i) fputc(' ', out);
        stream_cond_print(p, &p->conds[conds + i], out);
    }
    fputs(" -> ", out);
}

static void put_observe(struct diff *d, const struct side *s, uint32_t i, FILE *out)
{
    const struct program *p = s->program;
    const char *before = "on ";
    for (uint32_t k = 0; k < p->observe_endpoints_count; k++) {
        if (p->observe_endpoints[k].service != i) continue;
        fputs(before, out);
        put_endpoint(p, &p->observe_endpoints[k], out);
        before = ", ";
    }
    fields_print(p, FIELDS_OBSERVE, i, &(struct fields_text){.between = "\n", .parts = PARTS}, out);
    for (const struct pbc_choice *x = p->choices + p->observes[i].choices, *end = x + p->observes[i].choice_count;
         x < end; x++) {
        put_when(d, s, x->conds, x->cond_count, true, out);
        fputs(does_name(x->does), out);
    }
}

static int entry_order(const void *a, const void *b)
{
    const struct pbc_endpoint *x = *(const struct pbc_endpoint *const *)a, *y = *(const struct pbc_endpoint *const *)b;
    int order = x->to - y->to;
    order = order ? order : address_order(x->family, x->addr, y->family, y->addr);
    order = order ? order : x->proto - y->proto;
    order = order ? order : x->port_lo - y->port_lo;
    order = order ? order : x->port_hi - y->port_hi;
    order = order ? order : (x->iface > y->iface) - (x->iface < y->iface);
    order = order ? order : x->wire - y->wire;
    return order ? order : x->vlan_lo - y->vlan_lo;
}

/* Endpoints of one service lead to the same place, so their order has no effect. */
static const struct pbc_endpoint **sorted_endpoints(struct diff *d, const struct pbc_endpoint *e, uint32_t count)
{
    const struct pbc_endpoint **all = arena_alloc(d->c.arena, ((size_t)count + 1) * sizeof(*all));
    for (uint32_t i = 0; i < count; i++) all[i] = &e[i];
    if (count > 1) qsort(all, count, sizeof(*all), entry_order);
    return all;
}

static void put_service(struct diff *d, const struct side *s, uint32_t i, FILE *out)
{
    const struct program *p = s->program;
    const struct pbc_service *v = &p->services[i];
    const struct pbc_endpoint **on = sorted_endpoints(d, p->endpoints + v->endpoints, v->endpoint_count);
    for (uint32_t k = 0; k < v->endpoint_count; k++) {
        fputs(k == 0 ? "on " : ", ", out);
        put_endpoint(p, on[k], out);
    }
    fields_print(p, FIELDS_SERVICE, i, &(struct fields_text){.between = "\n", .parts = 1 << PART_MODE}, out);
    for (uint32_t k = v->branches; k < v->branches + v->branch_count; k++) {
        const struct pbc_branch *b = &p->branches[k];
        put_when(d, s, b->conds, b->cond_count, p->services[b->service].proxy != 0, out);
        branch_print(p, b, out);
    }
    fields_print(p, FIELDS_SERVICE, i,
                 &(struct fields_text){.between = "\n", .parts = 1 << PART_ANSWER | 1 << PART_REST}, out);
}

uint32_t sets_union(struct diff *d, const struct program *p, uint32_t sets, uint32_t count)
{
    struct ir *ir = d->c.ir;
    uint32_t all = IR_EMPTY;
    for (const struct pbc_set *s = p->sets + sets; s < p->sets + sets + count; s++)
        all = ir_addrs_or(ir, all, ir_addrs_ranges(ir, p->set4 + s->first4, s->count4, p->set6 + s->first6, s->count6));
    return all;
}

static void put_translated(const struct address_range *r, FILE *out)
{
    const struct pbc_range four = address_range4(r);
    const struct pbc_range6 six = address_range6(r);
    if (r->family == 4)
        range4_print(&four, out);
    else
        range6_print(&six, out);
}

void put_ranges(struct diff *d, const struct program *p, const uint32_t sets[2], uint8_t family, const char *first,
                const char *next, FILE *out)
{
    struct address_walk w = address_walk(p, sets[0], sets[1], family);
    struct address_range r;
    const char *before = first;
    unsigned shown = 0;
    for (; shown < RANGES_SHOWN && address_next(&w, &r); shown++, before = next) {
        fputs(before, out);
        put_translated(&r, out);
    }
    if (shown == RANGES_SHOWN && address_next(&w, &r))
        fprintf(out, " and more, list %u of this comparison", sets_union(d, p, sets[0], sets[1]));
}

static void put_pool(struct diff *d, const struct side *s, uint32_t i, FILE *out)
{
    const struct program *p = s->program;
    const struct pbc_pool *v = &p->pools[i];
    fields_print(p, FIELDS_POOL, i, &lines, out);
    for (uint32_t k = v->servers; k < v->servers + v->server_count && !d->without_servers; k++) {
        const struct pbc_server *server = &p->servers[k];
        fputc('\n', out), put_name(program_str(p, server->name), out), fputc(' ', out);
        const struct pbc_named *const named = program_named(p, k);
        if (named)
            put_host_port(program_str(p, named->host), server->port, out);
        else
            put_address_port(server->addr, server->family, server->port, out);
        fields_print(p, FIELDS_SERVER, k, &options, out);
    }
    put_ranges(d, p, (const uint32_t[]){v->sources, v->source_count}, 0, "\nsource ", ", ", out);
    if (v->source_count) fprintf(out, " ports %u-%u", v->source_port_lo, v->source_port_hi);
}

static void put_check(struct diff *d, const struct side *s, uint32_t i, FILE *out)
{
    fields_print(s->program, FIELDS_CHECK, i, &lines, out);
}

/* Return the mirror's rule by its name, or by that of its firewall or chain. */
static const char *mirror_name(const struct program *p, uint32_t i)
{
    const struct pbc_rule *r = &p->rules[p->mirrors[i].rule];
    const uint32_t list = r->list & ~PBC_LIST_CHAIN;
    if (r->name) return program_str(p, r->name);
    return program_str(p, r->list & PBC_LIST_CHAIN ? p->chains[list].name : p->firewalls[list].name);
}

/* Write all mirrors of that name. */
static void put_mirror(struct diff *d, const struct side *s, uint32_t first, FILE *out)
{
    const struct program *p = s->program;
    const char *name = mirror_name(p, first);
    for (uint32_t i = first; i < p->mirrors_count; i++) {
        if (strcmp(mirror_name(p, i), name) != 0) continue;
        if (i != first) fputc('\n', out);
        put_copies(d, s, &p->mirrors[i], out);
    }
}

typedef void put_fn(struct diff *d, const struct side *s, uint32_t i, FILE *out);
enum kind { SERVICE, OBSERVE, POOL, NAT, CHECK, MIRROR, KINDS };
static const struct {
    const char *what;
    put_fn *put;
} kinds[KINDS] = {{"service", put_service}, {"observe service", put_observe},
                  {"pool", put_pool},       {"nat", put_nat_statements},
                  {"check", put_check},     {"mirror", put_mirror}};

static uint32_t kind_count(const struct program *p, enum kind k)
{
    const uint32_t counts[KINDS] = {p->services_count, p->observes_count, p->pools_count,
                                    p->nats_count,     p->checks_count,   p->mirrors_count};
    return counts[k];
}

static const char *route_name(const struct program *p, enum kind k, uint32_t i)
{
    switch (k) {
    case SERVICE: return program_str(p, p->services[i].name);
    case OBSERVE: return program_str(p, p->observes[i].name);
    case POOL: return program_str(p, p->pools[i].name);
    case NAT: return program_str(p, p->nats[i].name);
    case MIRROR: return mirror_name(p, i);
    default: return program_str(p, p->checks[i].name);
    }
}

static char *line_of(struct diff *d, enum kind k, unsigned side, uint32_t i)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    kinds[k].put(d, &d->side[side], i, out);
    heap_stream_end(out);
    return text;
}

/* A member of a kind, sorted by name */
struct sorted {
    const char *name;
    uint32_t i;
};

static int route_order(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

static struct sorted *sort_kind(struct diff *d, enum kind k, unsigned side, uint32_t *count)
{
    const struct program *p = d->side[side].program;
    const uint32_t all = kind_count(p, k);
    struct sorted *s = arena_alloc(d->c.arena, ((size_t)all + 1) * sizeof(*s));
    *count = 0;
    for (uint32_t i = 0; i < all; i++) s[i] = (struct sorted){route_name(p, k, i), i};
    if (all > 1) qsort(s, all, sizeof(*s), route_order);
    for (uint32_t i = 0; i < all; i++)
        if (i == 0 || strcmp(s[i].name, s[*count - 1].name) != 0) s[(*count)++] = s[i];
    return s;
}

/* Add a difference; false if both texts are equal. */
static bool add_route(struct routes *to, const char *what, const char *name, char *was, char *now)
{
    if ((!was && !now) || (was && now && strcmp(was, now) == 0)) {
        free(was);
        free(now);
        return false;
    }
    to->r = heap_grown(to->r, (size_t)to->count + 1, sizeof(*to->r), &to->cap);
    to->r[to->count++] = (struct route_change){what, name, was, now};
    return true;
}

/* True if the texts mean the same, in an order that no packet can distinguish from the other. */
static bool is_idle(struct diff *d, enum kind k, const uint32_t own[SIDES], char *was, char *now)
{
    const struct route_change r = {.was = was, .now = now};
    return (k == NAT || k == SERVICE) && strcmp(was, now) != 0 && order_is_idle(d, &r, k == NAT, own);
}

/* Return the names of the members in their order, one per line. */
static char *names_of(const struct program *p, enum kind k)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    const char *last = NULL;
    for (uint32_t i = 0; i < kind_count(p, k); i++) {
        const char *name = route_name(p, k, i);
        if (last && strcmp(last, name) == 0) continue;
        if (last) fputc('\n', out);
        fprintf(out, "%s ", kinds[k].what);
        put_name(name, out);
        last = name;
    }
    heap_stream_end(out);
    return text;
}

static void compare_kind(struct diff *d, enum kind k, bool without_pools, struct beyond *b)
{
    uint32_t counts[SIDES], i = 0, j = 0;
    const struct sorted *old = sort_kind(d, k, OLD, &counts[OLD]), *new = sort_kind(d, k, NEW, &counts[NEW]);
    while (i < counts[OLD] || j < counts[NEW]) {
        const int order = i == counts[OLD] ? 1 : j == counts[NEW] ? -1 : strcmp(old[i].name, new[j].name);
        const char *name = order <= 0 ? old[i].name : new[j].name;
        const uint32_t own[SIDES] = {order <= 0 ? old[i++].i : PBC_NONE, order >= 0 ? new[j++].i : PBC_NONE};
        if (k == POOL && without_pools && order != 0) continue; /* the caller reports a pool of one side */
        char *was = order <= 0 ? line_of(d, k, OLD, own[OLD]) : NULL;
        char *now = order >= 0 ? line_of(d, k, NEW, own[NEW]) : NULL;
        if (order == 0 && is_idle(d, k, own, was, now)) {
            free(was);
            free(now);
            was = now = NULL;
        }
        const bool other = add_route(&b->routes, kinds[k].what, name, was, now), both = order == 0 && k == SERVICE;
        if (both) compare_bounds(d, own, &b->bounds);
        if (both && other && !without_pools) compare_branches(d, own, &b->reaches);
    }
}

/* Return the limits, or the timeouts, of a program, each as a part. */
static char *settings_line(const struct program *p, bool timeouts)
{
    const uint64_t *values = &p->settings->flows;
    const char *key, *before = "";
    char *text = NULL, number[TEXT_NUMBER];
    size_t len = 0;
    bool is_timeout;
    uint64_t usual;
    FILE *out = heap_stream(&text, &len);
    for (unsigned i = 0; setting_usual(i, &key, &is_timeout, &usual); i++) {
        if (is_timeout != timeouts) continue;
        fprintf(out, "%s%s %s", before, key, timeouts ? "" : text_number(values[i], number));
        if (timeouts) duration_print(values[i], out);
        if (i <= PBC_SETTING_half_open && !(p->settings->written >> i & 1)) fputs(", live by memory", out);
        before = "\n";
    }
    heap_stream_end(out);
    return text;
}

/* Return the clamps of interfaces, one per line. */
static char *clamps_lines(const struct program *p)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    put_clamps(p, out);
    heap_stream_end(out);
    return text;
}

static void compare_settings(const struct diff *d, struct routes *to)
{
    const struct program *old = d->side[OLD].program, *new = d->side[NEW].program;
    if (!old->settings_count || !new->settings_count) return;
    add_route(to, "limits", "", settings_line(old, false), settings_line(new, false));
    add_route(to, "timeouts", "", settings_line(old, true), settings_line(new, true));
    if (memcmp(old->settings->hash_key, new->settings->hash_key, sizeof(old->settings->hash_key)) != 0)
        add_route(to, "hash key", "", heap_strdup("the old key"),
                  heap_strdup("a new key, so clients go to other servers"));
}

void find_routes(struct diff *d, bool without_pools, struct beyond *b)
{
    d->without_servers = without_pools;
    for (unsigned s = 0; s < SIDES; s++) note_nat_asks(d, &d->side[s]);
    for (enum kind k = SERVICE; k < KINDS; k++) compare_kind(d, k, without_pools, b);
    const struct program *old = d->side[OLD].program, *new = d->side[NEW].program;
    if (nats_moved(d)) add_route(&b->routes, "order of nats", "", names_of(old, NAT), names_of(new, NAT));
    if (services_moved(d, false))
        add_route(&b->routes, "order of services", "", names_of(old, SERVICE), names_of(new, SERVICE));
    if (services_moved(d, true))
        add_route(&b->routes, "order of observe services", "", names_of(old, OBSERVE), names_of(new, OBSERVE));
    add_route(&b->routes, "log", "", logs_text(d, &d->side[OLD]), logs_text(d, &d->side[NEW]));
    add_route(&b->routes, "audit", "", audits_text(d, &d->side[OLD]), audits_text(d, &d->side[NEW]));
    add_route(&b->routes, "mss clamp", "", clamps_lines(d->side[OLD].program), clamps_lines(d->side[NEW].program));
    if (!without_pools) compare_settings(d, &b->routes);
}
