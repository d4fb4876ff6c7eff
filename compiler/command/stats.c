/* `preyc --stats` for people: the parts of the program, its highest costs, and the cost of the compile. */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "compiler/command/command_priv.h"
#include "compiler/normal/normal.h"
#include "compiler/resolve/services/service_work.h"
#include "compiler/resolve/settings.h"
#include "vm/flow/flow.h"
#include "vm/kernel/gen/gen.h"
#include "vm/words/words.h"
#include "vm/worker/owner.h"

static uint32_t rules_in(const struct ir *ir, enum ir_state state)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < ir->rule_count; i++) n += ir->rules[i].state == state;
    return n;
}

static void print_rules(const struct compile *c, struct figures *f)
{
    const struct image *img = c->image;
    figures_section(f, "rules");
    figures_count(f, "firewalls", img->firewalls_count, "");
    figures_count(f, "chains", img->chains_count, "");
    figures_count(f, "rules", img->rules_count, "");
    figures_count(f, "  that never match", rules_in(c->ir, IR_IMPOSSIBLE), "");
    figures_count(f, "  covered by others", rules_in(c->ir, IR_SHADOWED), "");
    figures_count(f, "  given up", c->ir->undecided, "rules that take too long to compare with other rules");
    figures_count(f, "conditions", img->conds_count, "");
    figures_count(f, "address sets", img->sets_count, "");
    figures_count(f, "  IPv4 ranges", img->set4_count, "");
    figures_count(f, "  IPv6 ranges", img->set6_count, "");
    figures_count(f, "MAC addresses", img->macs_count, "");
    figures_count(f, "byte patterns", img->patterns_count, "");
}

/* Return the bytes of a worker's meter tables: half as many slots again as entries, a power of two. */
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

static void print_time(const struct compile *c, struct figures *f)
{
    const struct image *img = c->image;
    if (img->meters_count + img->schedules_count == 0) return;
    figures_section(f, "meters and schedules");
    figures_count(f, "meters", img->meters_count, "`log RATE` included");
    figures_count(f, "  memory", meter_bytes(img), "bytes per worker");
    figures_count(f, "schedules", img->schedules_count, "");
}

static void print_part(const char *name, const char *family, const struct capacity_part *p, struct figures *f)
{
    char what[64], how[160];
    if (!p->servers) return;
    snprintf(what, sizeof(what), "%.40s, %s", name, family);
    snprintf(how, sizeof(how), "flows: %llu address%s%s x %llu port%s x %llu server%s",
             (unsigned long long)p->addresses, p->addresses == 1 ? "" : "es", p->own ? " (this machine's)" : "",
             (unsigned long long)p->ports, text_plural(p->ports), (unsigned long long)p->servers,
             text_plural(p->servers));
    figures_count(f, what, p->flows, how);
}

/* Users of a pool's source ports. A proxy's connections are bounded by a pool's `source`, else by the host. */
enum { BY_PACKETS = 1, BY_PROXY = 2 };

static uint8_t takes_ports(const struct image *img, const struct pbc_service *s, uint32_t pool)
{
    if (mode_is(s->mode, MODE_OWN_SOURCE)) return BY_PACKETS;
    return s->proxy && img->pools[pool].source_count ? BY_PROXY : 0;
}

static void print_pools(const struct compile *c, uint8_t *takes, struct figures *f)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = &img->services[i];
        for (uint32_t n = s->branches; n < s->branches + s->branch_count; n++)
            for (uint32_t k = 0; k < branch_shares(&img->branches[n]); k++) {
                const uint32_t pool = img->shares[img->branches[n].shares + k].pool;
                takes[pool] |= takes_ports(img, s, pool);
            }
    }
    for (uint32_t i = 0; i < img->pools_count; i++) {
        const struct capacity held = capacity_of(img, &img->pools[i]);
        if (takes[i] & BY_PACKETS || (takes[i] && !held.v4.own))
            print_part(image_str(img, img->pools[i].name), "IPv4", &held.v4, f);
        if (takes[i] & BY_PACKETS || (takes[i] && !held.v6.own))
            print_part(image_str(img, img->pools[i].name), "IPv6", &held.v6, f);
    }
}

static void print_rates(const struct compile *c, struct figures *f)
{
    for (uint32_t i = 0; i < c->image->services_count; i++) {
        char what[64], how[160];
        const struct pbc_service *s = &c->image->services[i];
        const struct service_ports p = service_ports(c->image, c->arena, s);
        if (!p.udp_ns) continue;
        snprintf(what, sizeof what, "%.40s, UDP", image_str(c->image, s->name));
        snprintf(how, sizeof how, "new flows per second: each keeps its port for %llu s, except queries with one reply",
                 (unsigned long long)(p.udp_ns / 1000000000u));
        figures_count(f, what, p.udp_a_second, how);
    }
}

static unsigned nat_ports(const struct image *img, const struct pbc_nat *n)
{
    unsigned ports = n->port_count ? 0 : n->port_hi - n->port_lo + 1u;
    for (uint32_t i = n->ports; i < n->ports + n->port_count; i++) ports += img->ranges[i].hi - img->ranges[i].lo + 1;
    return ports;
}

/* Print the most flows that translation can hold at once. A nat's mapping serves all destinations, so its ports are the
 * bound. */
static void print_source_ports(const struct compile *c, struct figures *f)
{
    const struct image *img = c->image;
    uint8_t *takes = arena_alloc(c->arena, (size_t)img->pools_count + 1);
    bool any = img->nats_count != 0;
    for (uint32_t i = 0; i < img->services_count; i++) any |= mode_is(img->services[i].mode, MODE_OWN_SOURCE);
    for (uint32_t i = 0; i < img->pools_count; i++) any |= img->pools[i].source_count != 0;
    if (!any) return;
    figures_section(f, "source ports");
    print_pools(c, takes, f);
    print_rates(c, f);
    for (uint32_t i = 0; i < img->nats_count; i++) {
        const struct pbc_nat *n = &img->nats[i];
        char what[64], how[80];
        if (n->kind != PBC_NAT_MASQUERADE && n->kind != PBC_NAT_SOURCE) continue;
        const unsigned ports = nat_ports(img, n);
        const struct outside_size size = outside_size(img, n);
        const uint64_t addresses = n->kind != PBC_NAT_SOURCE ? 1 : n->family == 4 ? size.v4 : size.v6;
        snprintf(what, sizeof(what), "%.40s:%u", image_str(img, n->name), n->place.line);
        snprintf(how, sizeof(how), "mappings per protocol%s: %" PRIu64 " address%s x %u port%s",
                 size.v4 && size.v6 ? n->family == 4 ? ", IPv4" : ", IPv6" : "", addresses, addresses > 1 ? "es" : "",
                 ports, text_plural(ports));
        figures_count(f, what, addresses * ports, how);
    }
}

/* Print all keys, also those that the file does not set. */
static void print_settings(const struct compile *c, struct figures *f)
{
    const uint64_t *values = &c->image->settings->flows;
    const char *key;
    bool timeout;
    uint64_t usual;
    figures_section(f, "limits and timeouts");
    for (unsigned i = 0; setting_usual(i, &key, &timeout, &usual); i++)
        figures_count(f, key, timeout ? values[i] / 1000000 : values[i], timeout ? "ms" : "");
}

/* Print the tables that a worker of a program with connections reserves: flows, and as many sources as flows may
 * have. */
static void print_flows(const struct compile *c, struct figures *f)
{
    const struct image *img = c->image;
    const uint64_t flows = img->settings->flows;
    const struct flow_table_cfg table =
        flow_table_cfg_of(img->settings, img->services, img->services_count, img->nats_count);
    if (!img->meta_count || !(img->meta->flags & PBC_KEEPS_FLOWS)) return;
    figures_section(f, "connections");
    figures_count(f, "flow table", flow_table_reserves(&table), "bytes per worker at most, allocated as flows arrive");
    if (img->meta->flags & PBC_COUNTS_FLOWS)
        figures_count(f, "flows of each source", (2 * grain_keys(flows, img->grains_count) + 15) / 16 * 16 * 34,
                      "bytes per worker at most, allocated as sources arrive");
    /* the dealing of packets to workers (vm/worker/owner.h) */
    const struct owner_key k = owner_key_of(img->meters, img->meters_count, img->grains, img->grains_count,
                                            img->services, img->services_count, img->meta->flags);
    figures_say(f, "  %-24s IPv4 /%u, IPv6 /%u%s\n", "workers by client's", k.len4, k.len6,
                k.ports ? ", and port" : "");
    figures_number(f, "workers by IPv4 prefix", k.len4, 0);
    figures_number(f, "workers by IPv6 prefix", k.len6, 0);
    figures_bool(f, "workers by port", k.ports);
}

static void print_code(const struct compile *c, struct figures *f)
{
    const struct image *img = c->image;
    figures_section(f, "code");
    figures_count(f, "functions", img->funcs_count, "");
    figures_count(f, "instructions", img->code_count, "");
    figures_count(f, "chains copied inline", c->ir->inlined, "");
    figures_count(f, "maps of numbers", img->maps_count, "");
    figures_count(f, "longest path", img->meta_count ? img->meta->longest_path : 0,
                  "instructions; a chain counts once per call");
}

static void print_up(const struct kernel_fits *fits, struct figures *f)
{
    figures_say(f, fits->up ? "  these packets go to user space:\n" : "  no packet needs user space\n");
    figures_list_begin(f, "user space takes");
    for (unsigned i = 0; i < 32; i++) {
        if (!(fits->up >> i & 1)) continue;
        figures_say(f, "    %-20s %s\n", kernel_up_name(i), kernel_up_doc(i));
        figures_item_begin(f);
        figures_text(f, "name", kernel_up_name(i));
        figures_text(f, "what", kernel_up_doc(i));
        figures_item_end(f);
    }
    figures_list_end(f);
    if (!fits->unbounded) return;
    const char *first = kernel_up_name((unsigned)__builtin_ctz(fits->unbounded));
    figures_say(f, "  all packets of `%s` go to user space, so `preyrun --exec auto` starts the user-space executor\n",
                first);
    figures_text(f, "auto takes user space for", first);
}

/* Print why kernels before Linux 6.9 can't run the program. Code for them has shorter jumps and counted loops. */
static void print_before(const struct program *p, struct figures *f)
{
    char err[256];
    struct code code;
    if (gen_judge(p, true, &code, err, sizeof(err)) < 0) {
        figures_say(f, "  not before Linux 6.9: %s\n", err);
        figures_text(f, "before Linux 6.9 not", err);
        return;
    }
    gen_free(&code);
}

/* Print figures of the program in the kernel executor (`preyrun --exec kernel`). */
static void print_kernel(const struct compile *c, struct figures *f)
{
    char err[256];
    struct kernel_fits fits;
    struct code code;
    struct program *p = program_load(c->pbc, c->pbc_len, err, sizeof(err));
    figures_section(f, "in the kernel");
    if (p && gen_judge(p, false, &code, err, sizeof(err)) < 0) {
        figures_say(f, "  not possible: %s\n", err);
        figures_text(f, "not", err);
    } else if (p && kernel_fits(p, &fits)) {
        gen_free(&code);
        figures_count(f, "functions", fits.functions, "");
        figures_count(f, "in line", fits.in_line, "instructions");
        figures_count(f, "by functions of its own", fits.called, "instructions");
        print_before(p, f);
        print_up(&fits, f);
    }
    program_put(p);
}

static void print_file(const struct compile *c, struct figures *f)
{
    const struct image *img = c->image;
    figures_section(f, "file");
#define X(ident, field, type, most)                                                                                    \
    if (img->field##_count) figures_count(f, #field, (uint64_t)img->field##_count * sizeof(type), "bytes");
    PBC_SECTIONS(X)
#undef X
    figures_count(f, "in all", c->pbc_len, "bytes");
    figures_section(f, "loaded");
    figures_count(f, "sections", c->memory_bytes, "bytes in use");
    figures_count(f, "tables of large sets", c->lookup_bytes, "bytes");
}

static void print_compile(const struct compile *c, struct figures *f)
{
    static const char *const names[COMPILE_STAGES] = {
#define STAGE(ident, name) name,
        COMPILE_STAGE_LIST(STAGE)
#undef STAGE
    };
    struct rusage usage;
    uint64_t total = 0;
    figures_section(f, "compile");
    for (unsigned i = 0; i < COMPILE_STAGES; i++) {
        figures_real(f, names[i], (double)c->stage_ns[i] / 1e6, 3, "ms");
        total += c->stage_ns[i];
    }
    figures_real(f, "in all", (double)total / 1e6, 3, "ms");
    figures_count(f, "tree, names, normal form", arena_used(c->arena) / 1024, "KiB");
    if (getrusage(RUSAGE_SELF, &usage) == 0) figures_count(f, "peak memory", (uint64_t)usage.ru_maxrss, "KiB");
}

void stats_print(const struct compile *c, FILE *out, bool json)
{
    struct figures f;
    figures_begin(&f, out, json);
    print_rules(c, &f);
    stats_print_left(c, &f);
    print_time(c, &f);
    print_source_ports(c, &f);
    print_settings(c, &f);
    print_flows(c, &f);
    stats_print_memos(c, &f);
    stats_print_lists(c, &f);
    print_code(c, &f);
    print_kernel(c, &f);
    print_file(c, &f);
    print_compile(c, &f);
    figures_end(&f);
}
