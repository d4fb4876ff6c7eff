/* --explain of a packet that a service takes: where it went, and why. */
#include <arpa/inet.h>
#include <string.h>

#include "runtime/report/explain/parts.h"
#include "runtime/report/said/streams.h"
#include "vm/forward/service.h"
#include "vm/vm.h"

static const char *place(const struct subject *r, const struct pbc_place *at, char *buf, size_t len)
{
    snprintf(buf, len, "%s:%u", program_str(r->program, at->file), at->line);
    return label_place(&r->labels, text_clean(buf));
}

static const char *pool_name(const struct subject *r, uint32_t pool, char *buf, size_t len)
{
    snprintf(buf, len, "%s", program_str(r->program, r->program->pools[pool].name));
    return text_clean(buf);
}

/* The `when`s before the branch that was taken, each with its first condition that failed. */
static void failed_whens(FILE *out, const struct subject *r, uint32_t branch, const struct key *key,
                         const struct pkt *pkt)
{
    const struct program *p = r->program;
    for (uint32_t b = p->services[p->branches[branch].service].branches; b < branch; b++) {
        const struct pbc_branch *at = &p->branches[b];
        char why[300] = "", where[4200];
        for (uint32_t c = at->conds; c < at->conds + at->cond_count; c++)
            if (!cond_match(p, &p->conds[c], key, pkt)) {
                cond_explain(p, &p->conds[c], key, pkt, why, sizeof why);
                break;
            }
        fprintf(out, "  service %s, when: no  %s (%s)\n", label_service(&r->labels, at->service), text_clean(why),
                place(r, &at->place, where, sizeof where));
    }
}

static void server_line(FILE *out, const struct subject *r, const struct verdict *v, const struct key *key)
{
    const struct pbc_server *s = &r->program->servers[v->server];
    const unsigned asked = v->flags & VERDICT_REPLY ? key->src_port : key->dst_port;
    const unsigned port = s->port ? s->port : key->kind & KIND_PORTS ? asked : 0;
    char text[INET6_ADDRSTRLEN] = "";
    uint32_t be[4];
    for (unsigned i = 0; i < 4; i++) be[i] = htonl(s->addr[i]);
    inet_ntop(s->family == 4 ? AF_INET : AF_INET6, be, text, sizeof text);
    fprintf(out, "  %s to ", mode_info[r->program->services[v->service].mode].name);
    fprintf(out, s->family == 6 && port ? "[%s]" : "%s", text);
    if (port) fprintf(out, ":%u", port);
    fputc('\n', out);
}

void explain_service_text(FILE *out, const struct subject *r, const struct served *s, const struct key *key,
                          const struct pkt *pkt, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    if (s->branch == PBC_NONE) return;
    const struct pbc_branch *b = &p->branches[s->branch];
    failed_whens(out, r, s->branch, key, pkt);
    fprintf(out, "  service %s, %s -> %s (%s)\n", label_service(&r->labels, v->service),
            b->cond_count ? "when" : "else", s->pool == PBC_NONE ? "no pool" : pool_name(r, s->pool, name, sizeof name),
            place(r, &b->place, where, sizeof where));
    if (s->pool != PBC_NONE)
        fprintf(out, "  %s  %s: %s\n", pool_name(r, s->pool, name, sizeof name),
                lb_name((enum lb_kind)p->pools[s->pool].balance), s->how);
    if (v->server != PBC_NONE) server_line(out, r, v, key);
}

void explain_service_json(FILE *out, const struct subject *r, const struct served *s, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    if (s->branch == PBC_NONE) return;
    const struct pbc_branch *b = &p->branches[s->branch];
    fprintf(out, ",\"branch\":{\"kind\":\"%s\",\"place\":", b->cond_count ? "when" : "else");
    snprintf(where, sizeof where, "%s:%u", program_str(p, b->place.file), b->place.line);
    text_json(out, text_clean(where));
    fprintf(out, ",\"mode\":\"%s\"", mode_info[p->services[v->service].mode].name);
    if (s->pool != PBC_NONE) {
        char how[sizeof s->how];
        fputs(",\"pool\":", out);
        text_json(out, pool_name(r, s->pool, name, sizeof name));
        fprintf(out, ",\"balance\":\"%s\",\"why\":", lb_name((enum lb_kind)p->pools[s->pool].balance));
        memcpy(how, s->how, sizeof how);
        text_json(out, text_clean(how));
    }
    fputc('}', out);
}
