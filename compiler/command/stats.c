/* `preyc --stats`: what was made of the rules, what it may cost at most, and what the compile took, for people to read.
 */
#include <string.h>
#include <sys/resource.h>

#include "compiler/classify/cost.h"
#include "compiler/compiler.h"
#include "compiler/normal/normal.h"
#include "compiler/resolve/service.h"
#include "compiler/resolve/settings.h"
#include "vm/flow/table.h"
#include "vm/kernel/fits.h"
#include "vm/kernel/gen/gen.h"
#include "vm/vm.h"
#include "vm/worker/owner.h"

static void line(FILE *out, const char *what, uint64_t value, const char *unit)
{
    fprintf(out, "  %-24s %12llu%s%s\n", what, (unsigned long long)value, *unit ? " " : "", unit);
}

static uint32_t rules_in(const struct ir *ir, enum ir_state state)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < ir->rule_count; i++) n += ir->rules[i].state == state;
    return n;
}

static void print_rules(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;

    fputs("rules\n", out);
    line(out, "firewalls", img->firewalls_count, "");
    line(out, "chains", img->chains_count, "");
    line(out, "rules", img->rules_count, "");
    line(out, "  that never match", rules_in(c->ir, IR_IMPOSSIBLE), "");
    line(out, "  covered by others", rules_in(c->ir, IR_SHADOWED), "");
    line(out, "  given up", c->ir->undecided, "would take too long to compare with the others");
    line(out, "conditions", img->conds_count, "");
    line(out, "address sets", img->sets_count, "");
    line(out, "  IPv4 ranges", img->set4_count, "");
    line(out, "  IPv6 ranges", img->set6_count, "");
    line(out, "MAC addresses", img->macs_count, "");
    line(out, "byte patterns", img->patterns_count, "");
}

/* Tables that meters take, a worker: half as many slots again as entries, a power of two. */
static uint64_t meter_bytes(const struct image *img)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < img->meters_count; i++) {
        const struct pbc_meter *m = &img->meters[i];
        uint64_t slots = 16;

        while (slots < (uint64_t)m->entries * 3 / 2) slots *= 2;
        if (m->per) bytes += slots * (m->per == PBC_PER_FLOW ? 65 : 33);
    }
    return bytes;
}

static void print_time(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;

    if (img->meters_count + img->schedules_count == 0) return;
    fputs("meters and schedules\n", out);
    line(out, "meters", img->meters_count, "with those of `log RATE`");
    line(out, "  memory", meter_bytes(img), "bytes a worker");
    line(out, "schedules", img->schedules_count, "");
}

static void print_part(const char *name, const char *family, const struct capacity_part *p, FILE *out)
{
    char what[64];

    if (!p->servers) return;
    snprintf(what, sizeof(what), "%.40s, %s", name, family);
    fprintf(out, "  %-24s %12llu flows: %llu address%s%s x %llu ports x %llu server%s\n", what,
            (unsigned long long)p->flows, (unsigned long long)p->addresses, p->addresses == 1 ? "" : "es",
            p->own ? " (this machine's)" : "", (unsigned long long)p->ports, (unsigned long long)p->servers,
            p->servers == 1 ? "" : "s");
}

/* Who takes a pool's source ports. A proxy's connections are bounded where the pool has a `source`, else by the host.
 */
enum { BY_PACKETS = 1, BY_PROXY = 2 };

static uint8_t takes_ports(const struct image *img, const struct pbc_service *s, uint32_t pool)
{
    if (mode_is(s->mode, MODE_OWN_SOURCE)) return BY_PACKETS;
    return s->proxy && img->pools[pool].source_count ? BY_PROXY : 0;
}

static void print_pools(const struct compile *c, uint8_t *takes, FILE *out)
{
    const struct image *img = c->image;

    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = &img->services[i];

        for (uint32_t n = s->branches; n < s->branches + s->branch_count; n++)
            for (uint32_t k = 0; k < img->branches[n].share_count; k++) {
                const uint32_t pool = img->shares[img->branches[n].shares + k].pool;
                takes[pool] |= takes_ports(img, s, pool);
            }
    }
    for (uint32_t i = 0; i < img->pools_count; i++) {
        const struct capacity held = capacity_of(img, &img->pools[i]);

        if (takes[i] & BY_PACKETS || (takes[i] && !held.v4.own))
            print_part(image_str(img, img->pools[i].name), "IPv4", &held.v4, out);
        if (takes[i] & BY_PACKETS || (takes[i] && !held.v6.own))
            print_part(image_str(img, img->pools[i].name), "IPv6", &held.v6, out);
    }
}

/* How many flows translation can hold at once. A nat's mapping serves all destinations, so its ports are all there is.
 */
static void print_source_ports(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;
    uint8_t *takes = arena_alloc(c->arena, (size_t)img->pools_count + 1);
    bool any = img->nats_count != 0;

    for (uint32_t i = 0; i < img->services_count; i++) any |= mode_is(img->services[i].mode, MODE_OWN_SOURCE);
    for (uint32_t i = 0; i < img->pools_count; i++) any |= img->pools[i].source_count != 0;
    if (!any) return;
    fputs("source ports\n", out);
    print_pools(c, takes, out);
    for (uint32_t i = 0; i < img->nats_count; i++) {
        const struct pbc_nat *n = &img->nats[i];
        char what[64];

        if (n->kind == PBC_NAT_FORWARD) continue;
        const unsigned ports = n->port_hi - n->port_lo + 1u;
        snprintf(what, sizeof(what), "%.40s:%u", image_str(img, n->name), n->place.line);
        fprintf(out, "  %-24s %12u mappings of each protocol: 1 address x %u ports\n", what, ports, ports);
    }
}

/* All keys, also those that the file leaves alone. */
static void print_settings(const struct compile *c, FILE *out)
{
    const uint64_t *values = &c->image->settings->flows;
    const char *key;
    bool timeout;
    uint64_t usual;

    fputs("limits and timeouts\n", out);
    for (unsigned i = 0; setting_usual(i, &key, &timeout, &usual); i++)
        line(out, key, timeout ? values[i] / 1000000 : values[i], timeout ? "ms" : "");
}

/* How packets are dealt to workers (vm/worker/owner.h). */
static void print_owners(const struct image *img, FILE *out)
{
    const struct owner_key k =
        owner_key_of(img->meters, img->meters_count, img->services, img->services_count, img->meta->flags);
    fprintf(out, "  %-24s IPv4 /%u, IPv6 /%u%s\n", "workers by client's", k.len4, k.len6, k.ports ? ", and port" : "");
}

/* Tables that a worker of a program with connections reserves: of flows, and of as many sources as flows may have. */
static void print_flows(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;
    const uint64_t flows = img->settings->flows;
    const struct flow_table_cfg table =
        flow_table_cfg_of(img->settings, img->services, img->services_count, img->nats_count);

    if (!img->meta_count || !(img->meta->flags & PBC_KEEPS_FLOWS)) return;
    fputs("connections\n", out);
    line(out, "flow table", flow_table_reserves(&table), "bytes a worker at most, taken as flows come");
    if (img->meta->flags & PBC_COUNTS_FLOWS)
        line(out, "flows of each source", (2 * flows + 15) / 16 * 16 * 34, "bytes a worker, likewise");
    print_owners(img, out);
}

static void print_place(const struct image *img, const struct pbc_place *p, FILE *out)
{
    fprintf(out, " (%s:%u:%u)", image_str(img, p->file), p->line, p->col);
}

/* What a reason names: a condition as it is called, a rule with its place. */
static void print_reason(const struct compile *c, const struct ir_memo *memo, FILE *out)
{
    static const char *const texts[] = {
#define MEMO(ident, text) [MEMO_##ident] = text,
        MEMO_REASONS(MEMO)
#undef MEMO
    };
    const struct image *img = c->image;
    const char *text = texts[memo->reason], *hole = strstr(text, "%s");

    fputs(": ", out);
    if (!hole) {
        fputs(text, out);
        return;
    }
    fwrite(text, 1, (size_t)(hole - text), out);
    if (memo->reason == MEMO_ASKS) {
        fputs(cond_info[img->conds[memo->what].kind].name, out);
    } else {
        print_rule_name(c, memo->what, out);
        print_place(img, &img->rules[memo->what].place, out);
    }
    fputs(hole + 2, out);
}

static void print_memo(const struct compile *c, uint32_t i, FILE *out)
{
    const struct image *img = c->image;
    const struct ir_memo *memo = &c->ir->memos[i];

    fputs(memo->reason == MEMO_YES ? "  remembered " : "  not remembered ", out);
    if (i < img->rules_count) {
        print_rule_name(c, i, out);
        print_place(img, &img->rules[i].place, out);
    } else {
        const struct pbc_firewall *f = &img->firewalls[i - img->rules_count];

        fprintf(out, "default of %s", image_str(img, f->name));
        print_place(img, &f->place, out);
    }
    if (memo->reason != MEMO_YES) print_reason(c, memo, out);
    fputc('\n', out);
}

/* Of each rule and default that can decide packets of established flows, whether its verdict is remembered, and
 * why not. */
static void print_memos(const struct compile *c, FILE *out)
{
    enum { PRINTED_MAX = 100 };
    const uint32_t count = c->image->rules_count + c->image->firewalls_count;
    uint32_t reasons = 0, left = 0;

    if (!c->ir->memos) return;
    fputs("verdicts remembered for flows\n", out);
    for (uint32_t i = 0; i < count; i++) reasons += c->ir->memos[i].reason != MEMO_NONE;
    line(out, "decide flows", reasons, reasons == 1 ? "rule or default" : "rules and defaults");
    line(out, "  remembered", c->image->memos_count, "");
    line(out, "  given up", c->ir->memos_undecided, "would take too long to work out");
    for (uint32_t i = 0, n = 0; i < count; i++)
        if (c->ir->memos[i].reason != MEMO_NONE && n++ < PRINTED_MAX)
            print_memo(c, i, out);
        else if (c->ir->memos[i].reason != MEMO_NONE)
            left++;
    if (left) line(out, "  more", left, "not printed");
}

static void print_code(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;

    fputs("code\n", out);
    line(out, "functions", img->funcs_count, "");
    line(out, "instructions", img->code_count, "");
    line(out, "chains copied inline", c->ir->inlined, "");
    line(out, "maps of numbers", img->maps_count, "");
    line(out, "longest path", img->meta_count ? img->meta->longest_path : 0,
         "instructions, a chain counts at each call");
}

static void figure(FILE *out, const char *what, double value, const char *unit)
{
    fprintf(out, "    %-22s %12.1f %s\n", what, value, unit);
}

static void count(FILE *out, const char *what, uint64_t value, const char *unit)
{
    fprintf(out, "    %-22s %12llu%s%s\n", what, (unsigned long long)value, *unit ? " " : "", unit);
}

static void print_classifier(const struct list_figures *f, FILE *out)
{
    count(out, "rules in", f->rules, "");
    count(out, "boxes out", f->boxes, "");
    count(out, "cuts", f->cuts, "");
    count(out, "forks", f->forks, "");
    count(out, "leaves", f->leaves, "");
    count(out, "longest leaf", f->longest_leaf, "boxes");
    count(out, "blocks", f->blocks, "of 256 bytes");
    count(out, "bytes", f->bytes, "");
    figure(out, "expected", f->expected_blocks, "blocks, for packets of its boxes");
    count(out, "at most", f->compared, "blocks");
    count(out, "", f->words, "words of the tree");
    count(out, "", f->lines, "cache lines");
    figure(out, "expected", classifier_ns(f->words, f->expected_blocks), "ns (modelled: classify/cost.c)");
    figure(out, "at most", classifier_ns(f->words, f->compared), "ns (modelled, for each search)");
    count(out, "rules with code", f->coded, "");
    count(out, "asked in turn", f->chain, "of them at most, with a search after each");
    count(out, "peak of the build", f->peak_bytes / 1024, "KiB");
    if (f->last_resort) fputs("    some rules overlap so much that they are compared one block after another\n", out);
}

/* Each list that has code of its own; what stands in its caller is not listed. */
static void print_lists(const struct compile *c, FILE *out)
{
    enum { PRINTED_MAX = 100 };
    uint32_t n = 0;

    if (!c->lists) return;
    fputs("lists\n", out);
    for (const struct list_figures *f = c->lists; f; f = f->next) {
        if (n++ >= PRINTED_MAX) continue;
        fprintf(out, "  %s%s: ", image_str(c->image, f->name), f->arp ? " (ARP)" : "");
        if (f->classified)
            fputs("classifier\n", out), print_classifier(f, out);
        else
            fprintf(out, "straight code, %u rule%s%s\n", f->rules, f->rules == 1 ? "" : "s",
                    f->in_dispatch ? ", in the dispatch" : "");
    }
    if (n > PRINTED_MAX) line(out, "more", n - PRINTED_MAX, "not printed");
}

/* What the executor in the kernel makes of it (`preyrun --exec kernel`). */
static void print_kernel(const struct compile *c, FILE *out)
{
    char err[256];
    struct kernel_fits fits;
    struct code code;
    struct program *p = program_load(c->pbc, c->pbc_len, err, sizeof(err));

    fputs("in the kernel\n", out);
    if (p && gen_judge(p, &code, err, sizeof(err)) < 0) {
        fprintf(out, "  not: %s\n", err);
    } else if (p && kernel_fits(p, &fits)) {
        gen_free(&code);
        line(out, "functions", fits.functions, "");
        line(out, "in line", fits.in_line, "instructions");
        line(out, "by functions of its own", fits.called, "instructions");
        if (!fits.up) fputs("  no packet needs user space\n", out);
        if (fits.up) fputs("  user space takes what is\n", out);
        for (unsigned i = 0; i < 32; i++)
            if (fits.up >> i & 1) fprintf(out, "    %-20s %s\n", kernel_up_name(i), kernel_up_doc(i));
    }
    program_put(p);
}

static void print_file(const struct compile *c, FILE *out)
{
    const struct image *img = c->image;

    fputs("file\n", out);
#define X(ident, field, type, most)                                                                                    \
    if (img->field##_count) line(out, #field, (uint64_t)img->field##_count * sizeof(type), "bytes");
    PBC_SECTIONS(X)
#undef X
    line(out, "in all", c->pbc_len, "bytes");
    fputs("loaded\n", out);
    line(out, "sections", c->memory_bytes, "bytes that are used");
    line(out, "tables of large sets", c->lookup_bytes, "bytes");
}

static void print_compile(const struct compile *c, FILE *out)
{
    static const char *const names[COMPILE_STAGES] = {
#define STAGE(ident, name) name,
        COMPILE_STAGE_LIST(STAGE)
#undef STAGE
    };
    struct rusage usage;
    uint64_t total = 0;

    fputs("compile\n", out);
    for (unsigned i = 0; i < COMPILE_STAGES; i++) {
        fprintf(out, "  %-24s %12.3f ms\n", names[i], (double)c->stage_ns[i] / 1e6);
        total += c->stage_ns[i];
    }
    fprintf(out, "  %-24s %12.3f ms\n", "in all", (double)total / 1e6);
    line(out, "tree, names, normal form", arena_used(c->arena) / 1024, "KiB");
    if (getrusage(RUSAGE_SELF, &usage) == 0) line(out, "peak memory", (uint64_t)usage.ru_maxrss, "KiB");
}

void stats_print(const struct compile *c, FILE *out)
{
    print_rules(c, out);
    stats_print_left(c, out);
    print_time(c, out);
    print_source_ports(c, out);
    print_settings(c, out);
    print_flows(c, out);
    print_memos(c, out);
    print_lists(c, out);
    print_code(c, out);
    print_kernel(c, out);
    print_file(c, out);
    print_compile(c, out);
}
