/* --explain for a packet that a service takes: its destination and the reason; for connections that end at a proxy,
 * also the state of the connection and the client's bytes. */
#include <string.h>

#include "runtime/report/explain/parts.h"
#include "runtime/report/said/streams.h"
#include "vm/forward/service.h"
#include "vm/vm.h"
#include "vm/words/words.h"

static const char *place_text(const struct subject *r, const struct pbc_place *at, char *buf, size_t len)
{
    snprintf(buf, len, "%s:%u", program_str(r->program, at->file), at->line);
    return label_place(&r->labels, text_clean(buf));
}

static const char *pool_name(const struct subject *r, uint32_t pool, char *buf, size_t len)
{
    snprintf(buf, len, "%s", pool == PBC_NONE ? "no pool" : program_str(r->program, r->program->pools[pool].name));
    return text_clean(buf);
}

/* Write the `when`s before the taken branch, each with its first condition that failed. */
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
                place_text(r, &at->place, where, sizeof where));
    }
}

void explain_service_text(FILE *out, const struct subject *r, const struct served *s, const struct key *key,
                          const struct pkt *pkt, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    if (s->branch == PBC_NONE) return;
    const struct pbc_branch *b = &p->branches[s->branch];
    if (s->drains) {
        fprintf(out, "  service %s drains (preyctl drain service), so it takes no new connection\n",
                label_service(&r->labels, v->service));
        return;
    }
    failed_whens(out, r, s->branch, key, pkt);
    fprintf(out, "  service %s, %s -> %s (%s)\n", label_service(&r->labels, v->service),
            b->cond_count ? "when" : "else", pool_name(r, s->pool, name, sizeof name),
            place_text(r, &b->place, where, sizeof where));
    if (s->pool != PBC_NONE)
        fprintf(out, "  %s  %s: %s\n", pool_name(r, s->pool, name, sizeof name),
                lb_name((enum lb_kind)p->pools[s->pool].balance), s->how);
    if (v->server != PBC_NONE) {
        const struct pbc_server *to = &p->servers[v->server];
        const unsigned asked = v->flags & VERDICT_REPLY ? key->src_port : key->dst_port;
        const unsigned port = to->port ? to->port : key->kind & KIND_PORTS ? asked : 0;
        const struct pbc_named *const named = to->flags & PBC_SERVER_UNKNOWN ? program_named(p, v->server) : NULL;
        char text[INET6_ADDRSTRLEN];
        address_text(to->family, to->addr, text);
        fprintf(out, "  %s to ", mode_info[p->services[v->service].mode].name);
        if (named)
            fprintf(out, "%s", program_str(p, named->host));
        else
            fprintf(out, to->family == 6 && port ? "[%s]" : "%s", text);
        if (port) fprintf(out, ":%u", port);
        fputc('\n', out);
    }
}

void explain_service_json(FILE *out, const struct subject *r, const struct served *s, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    if (s->branch == PBC_NONE) return;
    if (s->drains) {
        json_print(out, ",'drains':%i", s->drains);
        return;
    }
    const struct pbc_branch *b = &p->branches[s->branch];
    snprintf(where, sizeof where, "%s:%u", program_str(p, b->place.file), b->place.line);
    json_print(out, ",'branch':{'kind':%s,'place':%s,'mode':%s", b->cond_count ? "when" : "else", text_clean(where),
               mode_info[p->services[v->service].mode].name);
    if (s->pool != PBC_NONE) {
        char how[sizeof s->how];
        memcpy(how, s->how, sizeof how);
        json_print(out, ",'pool':%s,'balance':%s,'why':%s", pool_name(r, s->pool, name, sizeof name),
                   lb_name((enum lb_kind)p->pools[s->pool].balance), text_clean(how));
    }
    fputc('}', out);
}

/* True for the branch taken when no written branch matches. */
static bool is_left_to(const struct program *p, uint32_t branch)
{
    return branch != PBC_NONE && branch_goes(&p->branches[branch]) == PBC_GOES_NOWHERE;
}

/* Return the meaning of the state for a connection without a server. */
static const char *why_none(const struct program *p, const struct said *c)
{
    switch ((enum said_state)c->state) {
    case SAID_OPENING: return "the connection's handshake isn't complete";
    case SAID_READING:
        if (!c->later) return "the connection's bytes so far aren't enough to choose a server";
        break; /* an earlier request has decided */
    case SAID_NO_SERVER:
        return is_left_to(p, c->branch) ? "no `when` takes the connection, and there is no `else`"
                                        : "no server takes the connection";
    case SAID_REFUSED: return stream_reason_doc(c->reason);
    case SAID_FULL: return "`max flows` of the service or of its source is reached";
    case SAID_SILENT:
        return "the client sent no request before it closed the connection, or before the time for it was up";
    case SAID_GONE: return "the connection was reset before a server was chosen";
    case SAID_BLIND:
        return "the capture has only encrypted bytes: the service decrypts TLS in live traffic, and chooses the server "
               "by the decrypted bytes";
    case SAID_UNSEEN: return "the capture lacks some of the connection's bytes";
    case SAID_CROWDED: return "too many connections were undecided at the same time";
    case SAID_REJECTED: return "the service rejects the connection";
    default: break;
    }
    switch (c->branch == PBC_NONE ? PBC_GOES_NOWHERE : branch_goes(&p->branches[c->branch])) {
    case PBC_GOES_ORIGINAL: return "the connection continues to the client's destination";
    case PBC_GOES_PROGRAM: return "an application gets the connection";
    case PBC_GOES_PASS: return "the connection continues to the client's destination, on the packet path";
    default: return "the client names its destination";
    }
}

/* Write the destination of the connection's branch: the chosen pool, or another destination. */
static const char *destination(const struct subject *r, const struct said *c, char *buf, size_t len)
{
    char goes[DESTINATION_TEXT];
    const char *text = destination_text(r->program, &r->program->branches[c->branch], goes);
    if (!text) return pool_name(r, c->pool, buf, len);
    snprintf(buf, len, "%s", text);
    return text_clean(buf);
}

/* Write the `when`s before the taken branch. */
static void passed_text(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v)
{
    for (const char *at = c->passed ? c->passed : ""; *at;) {
        const size_t len = strcspn(at, "\n"), line = strcspn(at, " ");
        char what[400], where[4200];
        snprintf(what, sizeof what, "%.*s", (int)(len - line - 1), at + line + 1);
        const struct pbc_place *file = &r->program->services[v->service].place;
        snprintf(where, sizeof where, "%s:%.*s", program_str(r->program, file->file), (int)line, at);
        fprintf(out, "  service %s, when: no  %s (%s)\n", label_service(&r->labels, v->service), text_clean(what),
                label_place(&r->labels, text_clean(where)));
        at += len + (at[len] == '\n');
    }
}

void explain_said_text(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    fprintf(out, "  service %s, mode %s: its connections end here%s\n", label_service(&r->labels, v->service),
            mode_info[p->services[v->service].mode].name, c ? "" : ", and their first bytes choose the server");
    if (!c) return;
    if (c->branch != PBC_NONE && c->words) {
        const struct pbc_branch *b = &p->branches[c->branch];
        fprintf(out, "  frame %llu decided: %s\n", (unsigned long long)c->frame, c->words);
        passed_text(out, r, c, v);
        if (!is_left_to(p, c->branch))
            fprintf(out, "  service %s, %s -> %s (%s)\n", label_service(&r->labels, v->service),
                    b->cond_count ? "when" : "else", destination(r, c, name, sizeof name),
                    place_text(r, &b->place, where, sizeof where));
    }
    if (c->server == PBC_NONE)
        fprintf(out, "  no server: %s\n", why_none(p, c));
    else
        fprintf(out, "  %s  %s -> %s\n", pool_name(r, c->pool, name, sizeof name),
                lb_name((enum lb_kind)p->pools[c->pool].balance), label_server(&r->labels, c->server));
}

void explain_said_json(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    json_print(out, ",'connection':{'mode':%s", mode_info[p->services[v->service].mode].name);
    if (c && c->branch != PBC_NONE && c->words) {
        const struct pbc_branch *b = &p->branches[c->branch];
        snprintf(where, sizeof where, "%s:%u", program_str(p, b->place.file), b->place.line);
        json_print(out, ",'decided':%llu,'said':%s,'branch':%s,'place':%s", (unsigned long long)c->frame,
                   text_clean(c->words), b->cond_count ? "when" : "else", text_clean(where));
    }
    if (c && c->pool != PBC_NONE) json_print(out, ",'pool':%s", pool_name(r, c->pool, name, sizeof name));
    if (c && c->branch != PBC_NONE && branch_goes(&p->branches[c->branch]) >= PBC_GOES_TARGET)
        json_print(out, ",'to':%s", destination(r, c, name, sizeof name));
    if (c && c->server == PBC_NONE) json_print(out, ",'no_server':%s", why_none(p, c));
    fputc('}', out);
}
