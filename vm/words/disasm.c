/* The program as text, section by section: the output of `preyc --dump=bytecode` and of the golden tests. Nothing in it
 * depends on addresses, time or the digest. */
#include <string.h>

#include "vm/words/words_priv.h"

void add_place(struct text *t, const struct program *p, const struct pbc_place *place)
{
    text_add(t, "  (");
    text_add_name(t, program_str(p, place->file));
    text_add(t, ":%u:%u+%u)", place->line, place->col, place->len);
}

void add_quoted(struct text *t, const char *s)
{
    text_add(t, "\"");
    text_add_name(t, s);
    text_add(t, "\"");
}

void add_rule(struct text *t, const struct program *p, uint32_t rule)
{
    char name[256];
    text_add(t, "rule %u (", rule);
    text_add_name(t, rule_name(p, rule, name, sizeof name));
    text_add(t, ")");
}

void add_named(struct text *t, const struct program *p, const char *what, uint32_t index, uint32_t name)
{
    text_add(t, "%s %u", what, index);
    if (!name) return;
    text_add(t, " (");
    text_add_name(t, program_str(p, name));
    text_add(t, ")");
}

void dump_line(const struct text *t, FILE *out) { fprintf(out, "%s\n", t->buf); }

static void dump_meta(const struct program *p, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    const struct pbc_meta *m = p->meta;
    text_add(&t, "program ");
    add_quoted(&t, program_str(p, m->source));
    text_add(&t, ": edition %u, reach %u, rejects %u/s, longest path %u", m->edition, m->reach, m->rejects_per_s,
             m->longest_path);
    if (m->flags & PBC_NEEDS_SELF) text_add(&t, ", needs self");
    if (m->flags & PBC_NAMES_ARP) text_add(&t, ", names arp");
    if (m->flags & PBC_KEEPS_FLOWS) text_add(&t, ", keeps flows");
    if (m->flags & PBC_COUNTS_FLOWS) text_add(&t, ", counts flows");
    if (m->flags & PBC_FOLLOWS_FRAGMENTS) text_add(&t, ", follows fragments");
    if (m->flags & PBC_OPENS) text_add(&t, ", opens tunnels");
    if (m->flags & PBC_NAMES_FRAGMENT) text_add(&t, ", names fragment");
    dump_line(&t, out);
}

static void dump_ifaces(const struct program *p, FILE *out)
{
    if (p->ifaces_count) fprintf(out, "\ninterfaces\n");
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  interface", i, p->ifaces[i].name);
        text_add(&t, " device ");
        add_quoted(&t, program_str(p, p->ifaces[i].device));
        if (p->ifaces[i].mss == PBC_MSS_AUTO)
            text_add(&t, " mss clamp auto");
        else if (p->ifaces[i].mss)
            text_add(&t, " mss clamp %u", p->ifaces[i].mss);
        dump_line(&t, out);
    }
}

static void dump_set(const struct program *p, const struct pbc_set *s, uint32_t i, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  set", i, s->name);
    if (s->live) {
        const struct pbc_live_node *n = &p->live_nodes[s->live - 1];
        text_add(&t, ": where ");
        text_add_name(&t, program_str(p, p->lives[n->live].name));
        text_add(&t, " has it set %u, else set %u", n->in, n->out);
        add_place(&t, p, &s->place);
        dump_line(&t, out);
        return;
    }
    text_add(&t, ": %u IPv4, %u IPv6", s->count4, s->count6);
    add_place(&t, p, &s->place);
    dump_line(&t, out);
    for (uint32_t n = 0; n < s->count4; n++) {
        t = text_of(line, sizeof line);
        text_add_range4(&t, &p->set4[s->first4 + n]);
        fprintf(out, "    %s\n", line);
    }
    for (uint32_t n = 0; n < s->count6; n++) {
        t = text_of(line, sizeof line);
        text_add_range6(&t, &p->set6[s->first6 + n]);
        fprintf(out, "    %s\n", line);
    }
}

static void dump_live(const struct program *p, uint32_t i, FILE *out)
{
    const struct pbc_live *l = &p->lives[i];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  live set", i, l->name);
    text_add(&t, ": size %u", l->size);
    if (l->in != PBC_NONE) text_add(&t, " in set %u", l->in);
    if (l->never != PBC_NONE) text_add(&t, " never set %u", l->never);
    text_add(&t, "%s%s", l->flags & PBC_LIVE_KEEP ? " keep" : "", l->flags & PBC_LIVE_REFUSE ? " refuse" : "");
    if (l->answers) text_add(&t, " answers names %u from set %u", l->answers - 1, l->from);
    add_place(&t, p, &l->place);
    dump_line(&t, out);
}

static void dump_macset(const struct program *p, const struct pbc_set *s, uint32_t i, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  MAC set", i, s->name);
    text_add(&t, ": %u", s->count4);
    add_place(&t, p, &s->place);
    dump_line(&t, out);
    for (uint32_t n = 0; n < s->count4; n++) {
        t = text_of(line, sizeof line);
        text_add_mac(&t, p->macs[s->first4 + n]);
        fprintf(out, "    %s\n", line);
    }
}

static void dump_names(const struct program *p, const struct pbc_names *l, uint32_t i, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    add_named(&t, p, "  names", i, l->name);
    text_add(&t, ": %u", l->count);
    add_place(&t, p, &l->place);
    dump_line(&t, out);
    for (uint32_t n = 0; n < l->count; n++) {
        t = text_of(line, sizeof line);
        text_add_name(&t, program_str(p, p->hosts[l->first + n]));
        fprintf(out, "    %s\n", line);
    }
}

static bool in_map(const struct pbc_map *m, uint32_t n) { return n < 65536 && m->bits[n / 32] >> n % 32 & 1; }

static void dump_map(const struct pbc_map *m, uint32_t i, FILE *out)
{
    fprintf(out, "  map %u:", i);
    for (uint32_t n = 0; n < 65536; n++) {
        uint32_t lo = n;
        if (!in_map(m, n)) continue;
        while (in_map(m, n + 1)) n++;
        fprintf(out, lo == n ? " %u" : " %u-%u", lo, n);
    }
    fprintf(out, "\n");
}

static void dump_lookups(const struct program *p, FILE *out)
{
    if (p->sets_count + p->macsets_count + p->names_count + p->maps_count + p->patterns_count) fprintf(out, "\nsets\n");
    for (uint32_t i = 0; i < p->sets_count; i++) dump_set(p, &p->sets[i], i, out);
    for (uint32_t i = 0; i < p->lives_count; i++) dump_live(p, i, out);
    for (uint32_t i = 0; i < p->macsets_count; i++) dump_macset(p, &p->macsets[i], i, out);
    for (uint32_t i = 0; i < p->names_count; i++) dump_names(p, &p->names[i], i, out);
    for (uint32_t i = 0; i < p->maps_count; i++) dump_map(&p->maps[i], i, out);
    for (uint32_t i = 0; i < p->patterns_count; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        text_add_pattern(&t, &p->patterns[i]);
        fprintf(out, "  pattern %u: %s\n", i, line);
    }
}

static void dump_meters(const struct program *p, FILE *out)
{
    char line[LINE];
    if (p->meters_count) fprintf(out, "\nmeters\n");
    for (uint32_t i = 0; i < p->meters_count; i++) {
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  meter", i, p->meters[i].name);
        text_add(&t, ": ");
        text_add_meter(&t, &p->meters[i]);
        add_place(&t, p, &p->meters[i].place);
        dump_line(&t, out);
    }
}

static void dump_schedules(const struct program *p, FILE *out)
{
    char line[LINE];
    if (p->schedules_count) fprintf(out, "\nschedules\n");
    for (uint32_t i = 0; i < p->schedules_count; i++) {
        struct text t = text_of(line, sizeof line);
        add_named(&t, p, "  schedule", i, p->schedules[i].name);
        text_add(&t, ": ");
        text_add_schedule(&t, p, &p->schedules[i]);
        add_place(&t, p, &p->schedules[i].place);
        dump_line(&t, out);
    }
}

/* Print the settings that the file gives, not the defaults. Fields in _ns are times; the others are numbers. */
static void dump_settings(const struct program *p, FILE *out)
{
    static const char *const names[] = {
#define X(field, doc) #field,
        PBC_SETTING_FIELDS(X)
#undef X
    };
    if (!p->settings_count || !p->settings->written) return;
    const uint64_t *values = &p->settings->flows;
    fprintf(out, "\nsettings\n");
    for (unsigned i = 0; i < PBC_SETTINGS_KEYS; i++) {
        char line[LINE];
        struct text t = text_of(line, sizeof line);
        const size_t len = strlen(names[i]);
        const bool is_time = len > 3 && !strcmp(names[i] + len - 3, "_ns");
        if (!(p->settings->written >> i & 1)) continue;
        text_add(&t, "  %.*s ", (int)(is_time ? len - 3 : len), names[i]);
        if (is_time)
            text_add_duration(&t, values[i]);
        else
            text_add(&t, "%llu", (unsigned long long)values[i]);
        dump_line(&t, out);
    }
    if (p->settings->written >> PBC_SETTINGS_KEYS & 1) fprintf(out, "  hash_key its own\n");
}

void program_disasm(const struct program *p, FILE *out)
{
    dump_meta(p, out);
    dump_ifaces(p, out);
    dump_lookups(p, out);
    dump_meters(p, out);
    dump_schedules(p, out);
    dump_settings(p, out);
    dump_rules(p, out);
    if (p->would) dump_rules(p->would, out);
    dump_services(p, out);
    dump_observes(p, out);
    dump_nats(p, out);
    dump_memos(p, out);
    if (p->would) dump_memos(p->would, out);
    dump_classifiers(p, out);
    dump_code(p, out);
}
