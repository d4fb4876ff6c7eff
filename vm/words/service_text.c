/* Names, sets, endpoints and branches with their conditions, in the words of the language (words.h). */
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

void text_put_name(const char *name, FILE *out)
{
    for (; *name; name++) fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}

void text_put_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fputc('\\', out);
        if (c == '\n' || c == '\t')
            fputs(c == '\n' ? "\\n" : "\\t", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void sets_print(const struct program *p, uint32_t first, uint32_t count, FILE *out)
{
    const char *between = "";
    for (uint32_t s = first; s < first + count; s++) {
        const struct pbc_set *set = &p->sets[s];
        for (uint32_t i = 0; i < set->count4 + set->count6; i++, between = ", ") {
            fputs(between, out);
            if (i < set->count4)
                range4_print(&p->set4[set->first4 + i], out);
            else
                range6_print(&p->set6[set->first6 + i - set->count4], out);
        }
    }
}

static void put_pattern(const struct pbc_pattern *pattern, FILE *out)
{
    char line[512];
    struct text t = text_of(line, sizeof line);
    text_add_pattern(&t, pattern);
    fprintf(out, " %s", line);
}

void stream_cond_print(const struct program *p, const struct pbc_cond *c, FILE *out)
{
    const char *negated = c->flags & PBC_COND_NOT ? " not" : "";
    if (c->flags & PBC_COND_REPLY) fputs("reply ", out);
    fputs(cond_info[c->kind].name, out);
    if (c->kind == COND_BYTES) {
        put_pattern(&p->patterns[c->first], out);
        return;
    }
    if (c->kind == COND_INSTRUCTION) {
        if (c->arg) fputs(" ack", out), put_pattern(&p->patterns[c->arg - 1], out);
        fprintf(out, " to%s", c->count ? negated : " any");
        if (c->count) fputc(' ', out);
        sets_print(p, c->first, c->count, out);
        return;
    }
    if (c->kind == COND_HEADER) fputc(' ', out), text_put_quoted(program_str(p, c->arg), out);
    const struct pbc_names *l = &p->names[c->first];
    fputs(negated, out);
    for (uint32_t i = 0; i < l->count; i++) {
        fputs(i ? ", " : " ", out);
        text_put_quoted(program_str(p, p->hosts[l->first + i]), out);
    }
}

void duration_print(uint64_t ns, FILE *out)
{
    char line[64];
    struct text t = text_of(line, sizeof line);
    text_add_duration(&t, ns);
    fputs(line, out);
}

void text_add_wire(struct text *t, const struct program *p, const struct pbc_endpoint *e)
{
    if (e->iface) {
        text_add(t, " on \"");
        text_add_name(t, program_str(p, p->ifaces[e->iface - 1].device));
        text_add(t, "\"");
    }
    if (e->wire == PBC_WIRE_VLAN)
        text_add(t, e->vlan_lo == e->vlan_hi ? " vlan %u" : " vlan %u-%u", e->vlan_lo, e->vlan_hi);
    if (e->wire == PBC_WIRE_TAGGED) text_add(t, " vlan any");
    if (e->wire == PBC_WIRE_UNTAGGED) text_add(t, " vlan none");
}

const char *endpoint_wire_text(const struct program *p, const struct pbc_endpoint *e, char buf[WIRE_TEXT])
{
    struct text t = text_of(buf, WIRE_TEXT);
    text_add_wire(&t, p, e);
    return buf;
}

const char *destination_text(const struct program *p, const struct pbc_branch *b, char buf[DESTINATION_TEXT])
{
    static const char *const words[PBC_GOES] = {[PBC_GOES_TARGET] = "target",
                                                [PBC_GOES_ORIGINAL] = "original",
                                                [PBC_GOES_REJECT] = "reject",
                                                [PBC_GOES_PASS] = "pass"};
    const enum pbc_goes goes = branch_goes(b);
    struct text t = text_of(buf, DESTINATION_TEXT);
    if (goes != PBC_GOES_PROGRAM) return words[goes];
    text_add(&t, "program \"");
    text_add_name(&t, program_str(p, b->share_count));
    text_add(&t, "\"");
    return buf;
}

void branch_print(const struct program *p, const struct pbc_branch *b, FILE *out)
{
    char buf[DESTINATION_TEXT];
    const char *goes = destination_text(p, b, buf);
    if (branch_goes(b) == PBC_GOES_PROGRAM)
        fputs("program ", out), text_put_quoted(program_str(p, b->share_count), out);
    else if (goes)
        fputs(goes, out);
    else if (!branch_shares(b))
        fputs("no server", out);
    for (uint32_t i = 0; i < branch_shares(b); i++) {
        const struct pbc_share *share = &p->shares[b->shares + i];
        if (i) fputs(", ", out);
        text_put_name(program_str(p, p->pools[share->pool].name), out);
        if (branch_shares(b) > 1) fprintf(out, " %u%%", share->percent);
    }
}
