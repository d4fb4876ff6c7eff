/* --explain of a packet that goes to a service whose connections end at a proxy: how far its connection is, and what
 * the client's bytes said. */
#include <string.h>

#include "runtime/report/explain/parts.h"
#include "runtime/report/said/streams.h"
#include "vm/forward/service.h"

/* The branch of what nobody wrote a branch for. */
static bool is_left(const struct program *p, uint32_t branch)
{
    return branch != PBC_NONE && p->branches[branch].shares != PBC_TARGET && !p->branches[branch].share_count;
}

/* What its state means, where there is no server. */
static const char *why_none(const struct program *p, const struct said *c)
{
    switch ((enum said_state)c->state) {
    case SAID_OPENING: return "its handshake is not through";
    case SAID_READING: return "what it has sent so far does not decide yet";
    case SAID_NO_SERVER:
        return is_left(p, c->branch) ? "no `when` takes it, and there is no `else`" : "no server takes it";
    case SAID_REFUSED: return stream_reason_doc(c->reason);
    case SAID_FULL: return "the service, or its source there, holds as many connections as it may";
    case SAID_GONE: return "it was reset before it had decided";
    case SAID_BLIND: return "TLS ends at the service, so what would decide is in cipher";
    case SAID_UNSEEN: return "the capture lacks bytes of it";
    case SAID_CROWDED: return "it was given up: too many connections were undecided at once";
    default: return "the client says where it goes";
    }
}

static const char *place(const struct subject *r, const struct pbc_branch *b, char *buf, size_t len)
{
    snprintf(buf, len, "%s:%u", program_str(r->program, b->place.file), b->place.line);
    return label_place(&r->labels, text_clean(buf));
}

static const char *pool_of(const struct subject *r, uint32_t pool, char *buf, size_t len)
{
    snprintf(buf, len, "%s", pool == PBC_NONE ? "no pool" : program_str(r->program, r->program->pools[pool].name));
    return text_clean(buf);
}

/* The `when`s before the branch that was taken. */
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
            mode_info[p->services[v->service].mode].name, c ? "" : ", and what they say chooses the server");
    if (!c) return;
    if (c->branch != PBC_NONE && c->words) {
        const struct pbc_branch *b = &p->branches[c->branch];
        fprintf(out, "  frame %llu decided: %s\n", (unsigned long long)c->frame, c->words);
        passed_text(out, r, c, v);
        if (!is_left(p, c->branch))
            fprintf(out, "  service %s, %s -> %s (%s)\n", label_service(&r->labels, v->service),
                    b->cond_count ? "when" : "else",
                    b->shares == PBC_TARGET ? "target" : pool_of(r, c->pool, name, sizeof name),
                    place(r, b, where, sizeof where));
    }
    if (c->server == PBC_NONE)
        fprintf(out, "  no server: %s\n", why_none(p, c));
    else
        fprintf(out, "  %s  %s -> %s\n", pool_of(r, c->pool, name, sizeof name),
                lb_name((enum lb_kind)p->pools[c->pool].balance), label_server(&r->labels, c->server));
}

void explain_said_json(FILE *out, const struct subject *r, const struct said *c, const struct verdict *v)
{
    const struct program *p = r->program;
    char name[300], where[4200];
    fprintf(out, ",\"connection\":{\"mode\":\"%s\"", mode_info[p->services[v->service].mode].name);
    if (c && c->branch != PBC_NONE && c->words) {
        const struct pbc_branch *b = &p->branches[c->branch];
        fprintf(out, ",\"decided\":%llu,\"said\":", (unsigned long long)c->frame);
        text_json(out, text_clean(c->words));
        fprintf(out, ",\"branch\":\"%s\",\"place\":", b->cond_count ? "when" : "else");
        snprintf(where, sizeof where, "%s:%u", program_str(p, b->place.file), b->place.line);
        text_json(out, text_clean(where));
    }
    if (c && c->pool != PBC_NONE) {
        fputs(",\"pool\":", out);
        text_json(out, pool_of(r, c->pool, name, sizeof name));
    }
    if (c && c->server == PBC_NONE) {
        fputs(",\"no_server\":", out);
        text_json(out, why_none(p, c));
    }
    fputc('}', out);
}
