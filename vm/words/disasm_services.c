/* Checks, pools and services in the listing. */
#include "vm/forward/balance/lb.h"
#include "vm/words/disasm_priv.h"
#include "vm/words/words.h"

static const char *const no_server_names[] = {"reset", "drop", "pass"};

const char *endpoint_proto_name(uint8_t proto) { return endpoint_info[proto].name; }

/* Print the place and end the line. */
static void end_line(const struct program *p, const struct pbc_place *place, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_place(&t, p, place);
    dump_line(&t, out);
}

static void dump_check(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_check *c = &p->checks[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  check", i, c->name);
    fprintf(out, "%s ", line);
    check_print(p, i, " ", out);
    end_line(p, &c->place, out);
}

static void add_check(struct text *t, const struct program *p, uint32_t check)
{
    if (check != PBC_NONE) text_add(t, " "), add_named(t, p, "check", check, p->checks[check].name);
}

static void dump_server(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_server *s = &p->servers[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "    server", i, s->name);
    text_add(&t, " ");
    text_add_address(&t, s->addr, s->family == 6);
    if (s->port) text_add(&t, " port %u", s->port);
    text_add(&t, " weight %u", s->weight);
    if (s->flags & PBC_SERVER_BACKUP) text_add(&t, " backup");
    if (s->max_flows) text_add(&t, " max flows %u", s->max_flows);
    if (s->flags & PBC_SERVER_HAS_MAC) text_add(&t, " mac "), text_add_mac(&t, s->mac);
    if (s->flags & PBC_SERVER_HAS_VLAN) text_add(&t, " vlan %u", s->vlan);
    if (s->flags & PBC_SERVER_HAS_INNER) text_add(&t, " inner %u", s->inner);
    add_check(&t, p, s->check);
    add_place(&t, p, &s->place);
    dump_line(&t, out);
}

static void dump_pool(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_pool *pool = &p->pools[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  pool", i, pool->name);
    text_add(&t, " balance %s on down %s retries %u", lb_name((enum lb_kind)pool->balance),
             pool->on_down == PBC_DOWN_KEEP ? "keep" : "reset", pool->retries);
    if (pool->drain_ns) text_add(&t, " drain "), text_add_duration(&t, pool->drain_ns);
    if (pool->keep_none) text_add(&t, " keep none");
    if (pool->send_proxy) text_add(&t, " send proxy v%u", pool->send_proxy);
    if (pool->slow_start_ns) text_add(&t, " slow start "), text_add_duration(&t, pool->slow_start_ns);
    for (uint32_t s = 0; s < pool->source_count; s++) {
        text_add(&t, s ? ", " : " source ");
        text_add_set(&t, p, pool->sources + s);
    }
    if (pool->source_count) text_add(&t, " ports %u-%u", pool->source_port_lo, pool->source_port_hi);
    add_check(&t, p, pool->check);
    add_place(&t, p, &pool->place);
    dump_line(&t, out);
    for (uint32_t s = pool->servers; s < pool->servers + pool->server_count; s++) dump_server(p, s, out);
}

void dump_endpoint(const struct program *p, const struct pbc_endpoint *e, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    text_add(&t, "    on ");
    if (e->to == PBC_TO_ADDRESS)
        text_add_address(&t, e->addr, e->family == 6);
    else
        text_add(&t, e->to == PBC_TO_SELF ? "self" : "any");
    text_add(&t, " %s", endpoint_info[e->proto].name);
    if (e->proto < PBC_EP_ECHO4) text_add(&t, e->port_lo == e->port_hi ? "/%u" : "/%u-%u", e->port_lo, e->port_hi);
    text_add_wire(&t, p, e);
    add_place(&t, p, &e->place);
    dump_line(&t, out);
}

static void dump_branch(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_branch *b = &p->branches[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    text_add(&t, "    branch %u %s ->", i, b->cond_count ? "when" : "else");
    for (uint32_t s = b->shares; s < b->shares + branch_shares(b); s++) {
        text_add(&t, s > b->shares ? ", " : " ");
        text_add_name(&t, program_str(p, p->pools[p->shares[s].pool].name));
        text_add(&t, " %u%%", p->shares[s].percent);
    }
    char buf[DESTINATION_TEXT];
    const char *goes = destination_text(p, b, buf);
    if (goes)
        text_add(&t, " %s", goes);
    else if (!branch_shares(b))
        text_add(&t, " no server");
    add_place(&t, p, &b->place);
    dump_line(&t, out);
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++) dump_cond(p, &p->conds[c], out);
}

static void add_bounds(struct text *t, const struct program *p, const struct pbc_service *s)
{
    if (s->max_flows) text_add(t, " max flows %u", s->max_flows);
    if (s->max_flows_per_source) text_add(t, " max flows %u per source", s->max_flows_per_source);
    if (s->rate) text_add(t, " rate "), add_named(t, p, "meter", s->rate - 1, p->meters[s->rate - 1].name);
}

static void dump_service(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_service *s = &p->services[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  service", i, s->name);
    text_add(&t, " mode %s", mode_info[s->mode].name);
    if (mode_is(s->mode, MODE_TAKES_PORT)) text_add(&t, " %u", s->gue_port);
    if (s->gue_variant) text_add(&t, " variant %u", s->gue_variant);
    text_add(&t, " on no server %s", no_server_names[s->no_server]);
    add_bounds(&t, p, s);
    fputs(line, out);
    if (s->proxy) fprintf(out, " wants 0x%x", p->proxies[s->proxy - 1].wants);
    service_print(p, i, s->proxy ? "\n    " : " ", out);
    end_line(p, &s->place, out);
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++) dump_endpoint(p, &p->endpoints[e], out);
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++) dump_branch(p, b, out);
}

void dump_services(const struct program *p, FILE *out)
{
    if (p->checks_count) fprintf(out, "\nchecks\n");
    for (uint32_t i = 0; i < p->checks_count; i++) dump_check(p, i, out);
    if (p->pools_count) fprintf(out, "\npools\n");
    for (uint32_t i = 0; i < p->pools_count; i++) dump_pool(p, i, out);
    if (p->services_count) fprintf(out, "\nservices\n");
    for (uint32_t i = 0; i < p->services_count; i++) dump_service(p, i, out);
}
