/* Checks, pools and services in the listing. */
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

const char *endpoint_proto_name(uint8_t proto) { return endpoint_info[proto].name; }

/* Begin an entry's line with its number and name; continue with its fields; end it with its place. */
static void put_head(const struct program *p, const char *what, uint32_t i, uint32_t name, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, what, i, name);
    fputs(line, out);
}

static void put_fields(const struct program *p, enum fields_of of, uint32_t i, unsigned parts, FILE *out)
{
    fields_print(p, of, i, &(struct fields_text){.between = " ", .parts = (uint8_t)parts, .listed = true}, out);
}

static void end_line(const struct program *p, const struct pbc_place *place, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_place(&t, p, place);
    dump_line(&t, out);
}

static void dump_server(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_server *s = &p->servers[i];
    char address[INET6_ADDRSTRLEN];
    put_head(p, "    server", i, s->name, out);
    fprintf(out, " %s", address_text(s->family, s->addr, address));
    if (s->port) fprintf(out, " port %u", s->port);
    put_fields(p, FIELDS_SERVER, i, PARTS, out);
    end_line(p, &s->place, out);
}

static void put_sources(const struct program *p, const struct pbc_pool *pool, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    for (uint32_t s = 0; s < pool->source_count; s++) {
        text_add(&t, s ? ", " : " source ");
        text_add_set(&t, p, pool->sources + s);
    }
    fputs(line, out);
    if (pool->source_count) fprintf(out, " ports %u-%u", pool->source_port_lo, pool->source_port_hi);
}

static void dump_pool(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_pool *pool = &p->pools[i];
    put_head(p, "  pool", i, pool->name, out);
    put_fields(p, FIELDS_POOL, i, 1 << PART_REST, out);
    put_fields(p, FIELDS_POOL, i, 1 << PART_LATER, out);
    put_sources(p, pool, out);
    put_fields(p, FIELDS_POOL, i, 1 << PART_LAST, out);
    end_line(p, &pool->place, out);
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

static void dump_service(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_service *s = &p->services[i];
    put_head(p, "  service", i, s->name, out);
    put_fields(p, FIELDS_SERVICE, i, PARTS & ~(1u << PART_REST), out);
    if (s->proxy) fprintf(out, " wants 0x%x", p->proxies[s->proxy - 1].wants);
    fields_print(p, FIELDS_SERVICE, i,
                 &(struct fields_text){.between = s->proxy ? "\n    " : " ", .parts = 1 << PART_REST, .listed = true},
                 out);
    end_line(p, &s->place, out);
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++) dump_endpoint(p, &p->endpoints[e], out);
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++) dump_branch(p, b, out);
}

void dump_services(const struct program *p, FILE *out)
{
    if (p->checks_count) fprintf(out, "\nchecks\n");
    for (uint32_t i = 0; i < p->checks_count; i++) {
        put_head(p, "  check", i, p->checks[i].name, out);
        put_fields(p, FIELDS_CHECK, i, PARTS, out);
        end_line(p, &p->checks[i].place, out);
    }
    if (p->pools_count) fprintf(out, "\npools\n");
    for (uint32_t i = 0; i < p->pools_count; i++) dump_pool(p, i, out);
    if (p->services_count) fprintf(out, "\nservices\n");
    for (uint32_t i = 0; i < p->services_count; i++) dump_service(p, i, out);
}
