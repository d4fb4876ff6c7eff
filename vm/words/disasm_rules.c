/* Rules and their conditions in the listing. */
#include <inttypes.h>

#include "vm/tables.h"
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

static const char *const answer_names[] = {
    [PBC_ANSWER_RST] = "rst",
    [PBC_ANSWER_UNREACHABLE] = "unreachable",
    [PBC_ANSWER_PROHIBITED] = "prohibited",
};

void dump_cond(const struct program *p, const struct pbc_cond *c, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    fprintf(out, "      %s", cond_info[c->kind].name);
    if (c->kind == COND_HEADER) {
        add_quoted(&t, program_str(p, c->arg));
        fprintf(out, " %s", line);
        t = text_of(line, sizeof line);
    }
    if (c->flags & PBC_COND_REPLY) fprintf(out, " reply");
    if (c->flags & PBC_COND_NOT) fprintf(out, " not");
    for (uint32_t i = 0; text_add_item(&t, p, c, i); i++) {
        fprintf(out, i ? ", %s" : " %s", line);
        t = text_of(line, sizeof line);
    }
    t = text_of(line, sizeof line);
    if (c->arg && cond_info[c->kind].word && cond_info[c->kind].traits & COND_ARG_KINDS) {
        text_add(&t, " of ");
        text_add_kind(&t, c->arg, ", ");
    }
    if (c->name) {
        text_add(&t, " as ");
        text_add_name(&t, program_str(p, c->name));
    }
    add_place(&t, p, &c->place);
    dump_line(&t, out);
}

void mirror_print(const struct program *p, const struct pbc_mirror *m, FILE *out)
{
    static const char *const to[] = {
        [PBC_MIRROR_DEVICE] = "", [PBC_MIRROR_FILE] = "file ", [PBC_MIRROR_SOCKET] = "socket "};
    const bool whole = m->size % (1u << 20) == 0;
    fprintf(out, "mirror %sto %s", m->flags & PBC_MIRROR_SENT ? "sent " : "", to[m->to]);
    text_put_quoted(program_str(p, m->target), out);
    if (m->size) fprintf(out, " limit %" PRIu64 "%s", whole ? m->size >> 20 : m->size, whole ? "MiB" : "B");
    if (m->snap != PBC_SNAP_MAX) fprintf(out, " snap %uB", m->snap);
}

const char *mirror_text(const struct program *p, const struct pbc_mirror *m, char buf[MIRROR_TEXT])
{
    FILE *out = fmemopen(buf, MIRROR_TEXT, "w");
    buf[0] = '\0';
    if (!out) return buf;
    mirror_print(p, m, out);
    fclose(out);
    buf[MIRROR_TEXT - 1] = '\0';
    return buf;
}

static void add_mirror(struct text *t, const struct program *p, const struct pbc_mirror *m)
{
    static const char *const to[] = {
        [PBC_MIRROR_DEVICE] = "", [PBC_MIRROR_FILE] = " file", [PBC_MIRROR_SOCKET] = " socket"};
    text_add(t, "%s to%s ", m->flags & PBC_MIRROR_SENT ? " sent" : "", to[m->to]);
    add_quoted(t, program_str(p, m->target));
    if (m->size) text_add(t, " limit %" PRIu64 "B", m->size);
    if (m->meter) text_add(t, " by meter %u", m->meter - 1);
    text_add(t, " snap %uB", m->snap);
}

/* Add " source/24,/64 to caught for 10m once cut". */
static void add_added(struct text *t, const struct program *p, const struct pbc_add *a)
{
    text_add(t, " %s", a->flags & PBC_ADD_DESTINATION ? "destination" : "source");
    if (a->len4 != 32 || a->len6 != 128) text_add(t, "/%u,/%u", a->len4, a->len6);
    text_add(t, " to ");
    text_add_name(t, program_str(p, p->lives[a->live].name));
    text_add(t, " for ");
    text_add_duration(t, a->for_ns);
    if (a->flags & PBC_ADD_ONCE) text_add(t, " once");
    if (a->flags & PBC_ADD_CUT) text_add(t, " cut");
}

static void dump_rule(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_rule *r = &p->rules[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_rule(&t, p, i);
    text_add(&t, " %s", verdict_info[r->verdict].name);
    if (r->verdict == PBC_V_DO) {
        text_add(&t, " ");
        text_add_name(&t, program_str(p, p->chains[r->chain].name));
    }
    const struct pbc_mirror *m = program_mirror(p, i);
    if (m) add_mirror(&t, p, m);
    if (r->add) add_added(&t, p, &p->adds[r->add - 1]);
    if (verdict_is(r->verdict, VERDICT_TAKES_PORT)) text_add(&t, " %u", r->port);
    if (r->answer != PBC_ANSWER_DEFAULT) text_add(&t, " with %s", answer_names[r->answer]);
    if (r->flags & PBC_RULE_LOG) text_add(&t, " log");
    if (r->log_prefix) {
        text_add(&t, " ");
        add_quoted(&t, program_str(p, r->log_prefix));
    }
    if (r->log_meter) text_add(&t, " by meter %u", r->log_meter - 1);
    if (r->flags & PBC_RULE_ARP) text_add(&t, r->flags & PBC_RULE_NOT_FRAMES ? " [arp alone]" : " [arp too]");
    if (r->flags & PBC_RULE_AUDIT) text_add(&t, " [audited]");
    if (r->flags == PBC_RULE_NOT_FRAMES) text_add(&t, " [nothing]");
    if (r->comment) {
        text_add(&t, " comment ");
        add_quoted(&t, program_str(p, r->comment));
    }
    add_place(&t, p, &r->place);
    fprintf(out, "    %s\n", line);
    for (uint32_t n = 0; n < r->cond_count; n++) dump_cond(p, &p->conds[r->conds + n], out);
}

static void dump_firewall(const struct program *p, uint32_t i, FILE *out)
{
    static const char *const directions[] = {
        [PBC_DIR_ANY] = "",
        [PBC_DIR_IN] = " in",
        [PBC_DIR_OUT] = " out",
        [PBC_DIR_FORWARD] = " forward",
    };
    static const char *const others[] = {
        [PBC_OTHER_DEFAULT] = "",
        [PBC_OTHER_PASS] = " other frames pass",
        [PBC_OTHER_DROP] = " other frames drop",
    };
    const struct pbc_firewall *f = &p->firewalls[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  firewall", i, f->name);
    if (f->iface != PBC_NONE) {
        text_add(&t, " on ");
        text_add_iface(&t, p, f->iface);
    }
    text_add(&t, "%s default %s%s", directions[f->direction], verdict_info[f->default_verdict].name, others[f->other]);
    if (f->audit) text_add(&t, f->audit == PBC_AUDIT_ALL ? " [audited]" : " [its default audited]");
    add_place(&t, p, &f->place);
    dump_line(&t, out);
    for (uint32_t n = 0; n < f->rule_count; n++) dump_rule(p, f->rules + n, out);
}

void dump_rules(const struct program *p, FILE *out)
{
    if (p->firewalls_count + p->chains_count) fprintf(out, p->root ? "\nrules without `audit`\n" : "\nrules\n");
    for (uint32_t i = 0; i < p->firewalls_count; i++) dump_firewall(p, i, out);
    for (uint32_t i = 0; i < p->chains_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  chain", i, p->chains[i].name);
        dump_line(&t, out);
        for (uint32_t n = 0; n < p->chains[i].rule_count; n++) dump_rule(p, p->chains[i].rules + n, out);
    }
}
