/* Building images by hand (imgbuild.h). */
#include "tests/lib/imgbuild.h"

#include "vm/forward/balance/lb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p) {
        fputs("imgbuild: no memory\n", stderr);
        abort();
    }
    return p;
}

/* Grow to the next power of two. */
#define X(ident, field, type, most)                                                                                    \
    uint32_t img_add_##field(struct imgbuild *b, type entry)                                                           \
    {                                                                                                                  \
        const size_t count = b->field##_count;                                                                         \
        if ((count & (count - 1)) == 0) b->field = must(realloc(b->field, (count ? 2 * count : 1) * sizeof entry));    \
        b->field[b->field##_count] = entry;                                                                            \
        return b->field##_count++;                                                                                     \
    }
PBC_SECTIONS(X)
#undef X

void img_init(struct imgbuild *b)
{
    memset(b, 0, sizeof *b);
    img_add_strings(b, '\0');
    img_add_meta(b, (struct pbc_meta){.edition = 1, .rejects_per_s = 1000});
}

void img_fini(struct imgbuild *b)
{
#define X(ident, field, type, most) free(b->field);
    PBC_SECTIONS(X)
#undef X
}

uint32_t img_string(struct imgbuild *b, const char *s)
{
    uint32_t at = b->strings_count;
    if (!*s) return 0;
    do img_add_strings(b, *s);
    while (*s++);
    return at;
}

void img_function(struct imgbuild *b, const char *name, const struct insn *code, uint32_t count)
{
    img_add_funcs(b, (struct pbc_func){.name = img_string(b, name), .first = b->code_count, .count = count});
    for (uint32_t i = 0; i < count; i++) img_add_code(b, code[i]);
}

static size_t aligned(size_t n) { return (n + PBC_ALIGN - 1) / PBC_ALIGN * PBC_ALIGN; }

void img_seal(uint8_t *bytes, size_t len)
{
    size_t from = offsetof(struct pbc_header, version);
    if (len >= sizeof(struct pbc_header))
        pbc_digest(bytes + from, len - from, bytes + offsetof(struct pbc_header, digest));
}

static bool operands_there(const struct imgbuild *b)
{
    for (uint32_t i = 0; i < b->conds_count; i++) {
        const struct pbc_cond *c = &b->conds[i];
        if ((c->kind == COND_BYTES && c->first >= b->patterns_count) ||
            ((c->kind == COND_OVER || c->kind == COND_WITHIN) && c->first >= b->meters_count))
            return false;
    }
    for (uint32_t i = 0; i < b->rules_count; i++)
        if (b->rules[i].conds > b->conds_count || b->rules[i].cond_count > b->conds_count - b->rules[i].conds)
            return false;
    for (uint32_t i = 0; i < b->nats_count; i++)
        if (b->nats[i].conds > b->conds_count || b->nats[i].cond_count > b->conds_count - b->nats[i].conds)
            return false;
    return true;
}

static void put_needs(struct imgbuild *b)
{
    uint32_t *before = malloc(((size_t)b->conds_count + 1) * sizeof *before);
    if (!before) abort();
    b->meta->flags &= ~(uint32_t)PBC_NEEDS;
    b->meta->flags |= pbc_needs(&(struct pbc_lists){.rules = b->rules,
                                                    .conds = b->conds,
                                                    .patterns = b->patterns,
                                                    .meters = b->meters,
                                                    .rules_count = b->rules_count,
                                                    .conds_count = b->conds_count,
                                                    .services_count = b->services_count,
                                                    .nats = b->nats,
                                                    .nats_count = b->nats_count,
                                                    .ifaces = b->ifaces,
                                                    .ifaces_count = b->ifaces_count},
                                before);
    free(before);
}

static void put_path(struct imgbuild *b)
{
    b->meta->longest_path = pbc_longest_path(&(struct pbc_code){.funcs = b->funcs,
                                                                .code = b->code,
                                                                .classifiers = b->classifiers,
                                                                .entries = b->entries,
                                                                .funcs_count = b->funcs_count,
                                                                .code_count = b->code_count,
                                                                .classifiers_count = b->classifiers_count,
                                                                .entries_count = b->entries_count,
                                                                .services = b->meta->services,
                                                                .streams = b->meta->streams});
}

uint8_t *img_emit(struct imgbuild *b, size_t *len)
{
    if (b->meta_count && !b->keep_path) put_path(b);
    if (b->meta_count && !b->keep_needs && operands_there(b)) put_needs(b);
    struct pbc_section table[PBC_KINDS];
    const void *from[PBC_KINDS];
    uint32_t n = 0;
    size_t at = aligned(sizeof(struct pbc_header) + PBC_KINDS * sizeof(struct pbc_section));
#define X(ident, field, type, most)                                                                                    \
    if (b->field##_count) {                                                                                            \
        from[n] = b->field;                                                                                            \
        table[n++] = (struct pbc_section){                                                                             \
            .kind = PBC_##ident, .entry_size = sizeof(type), .offset = at, .count = b->field##_count};                 \
        at = aligned(at + b->field##_count * sizeof(type));                                                            \
    }
    PBC_SECTIONS(X)
#undef X
    uint8_t *bytes = must(calloc(1, at));
    struct pbc_header h = {.version = PBC_VERSION, .sections = n, .size = at};
    memcpy(h.magic, PBC_MAGIC, sizeof h.magic);
    memcpy(bytes, &h, sizeof h);
    memcpy(bytes + sizeof h, table, n * sizeof *table);
    for (uint32_t i = 0; i < n; i++) memcpy(bytes + table[i].offset, from[i], table[i].count * table[i].entry_size);
    img_seal(bytes, at);
    *len = at;
    return bytes;
}

struct program *img_load(struct imgbuild *b, char *err, size_t err_len)
{
    size_t len;
    uint8_t *bytes = img_emit(b, &len);
    struct program *p = program_load(bytes, len, err, err_len);
    free(bytes);
    return p;
}

/* --- the sample --- */

static void sample_lookups(struct imgbuild *b, struct pbc_place place)
{
    struct pbc_map web = {0};
    struct pbc_pattern hello = {.layer = PBC_PAYLOAD, .len = 2, .value = {0x16, 0x03}, .mask = {0xff, 0xff}};
    struct pbc_pattern odd = {.at = 9, .layer = PBC_L3, .len = 1, .value = {0x10}, .mask = {0xf0}};
    img_add_set4(b, (struct pbc_range){0x0a000000, 0x0affffff});
    img_add_set4(b, (struct pbc_range){0xc0000201, 0xc0000201});
    img_add_set4(b, (struct pbc_range){0xcb00710a, 0xcb00710a});
    img_add_set6(b, (struct pbc_range6){0x20010db800000000, 0, 0x20010db8ffffffff, UINT64_MAX});
    img_add_set6(b, (struct pbc_range6){0xfe80000000000000, 1, 0xfe80000000000000, 9});
    img_add_sets(b, (struct pbc_set){.name = img_string(b, "abusers"), .place = place, .count4 = 2, .count6 = 2});
    img_add_sets(b, (struct pbc_set){.place = place, .first4 = 2, .count4 = 1});
    img_add_macs(b, 0x020000000001);
    img_add_macs(b, 0x020000000002);
    img_add_macsets(b, (struct pbc_set){.name = img_string(b, "desks"), .place = place, .count4 = 2});
    img_add_names(b, (struct pbc_names){.name = img_string(b, "shops"), .place = place, .count = 2});
    img_add_hosts(b, img_string(b, "shop.example"));
    img_add_hosts(b, img_string(b, "*.shop.example"));
    web.bits[80 / 32] |= 1u << 80 % 32;
    web.bits[443 / 32] |= 1u << 443 % 32;
    img_add_maps(b, web);
    img_add_patterns(b, hello);
    img_add_patterns(b, odd);
    img_add_ifaces(b, (struct pbc_iface){.name = img_string(b, "wan"), .device = img_string(b, "eth0")});
    img_add_ifaces(b, (struct pbc_iface){.device = img_string(b, "eth1")});
    img_add_ranges(b, (struct pbc_range){80, 80});
    img_add_ranges(b, (struct pbc_range){443, 450});
    img_add_ranges(b, (struct pbc_range){0, 1});
}

static void sample_meters(struct imgbuild *b, struct pbc_place place)
{
    const uint64_t second = 1000000000;
    img_add_meters(b, (struct pbc_meter){.name = img_string(b, "syns"),
                                         .place = place,
                                         .entries = 4,
                                         .per = PBC_PER_SOURCE,
                                         .len4 = 24,
                                         .len6 = 64,
                                         .count = 7,
                                         .per_ns = 3600 * second,
                                         .burst = 2});
    img_add_meters(b, (struct pbc_meter){.name = img_string(b, "bulk"),
                                         .place = place,
                                         .unit = PBC_METER_BYTES,
                                         .count = 1250000,
                                         .per_ns = second,
                                         .burst = 65536});
    img_add_meters(b, (struct pbc_meter){.place = place, .count = 10, .per_ns = second, .burst = 10});
    img_add_meters(b, (struct pbc_meter){
                          .name = img_string(b, "fresh"), .place = place, .count = 5, .per_ns = second, .burst = 5});
    img_add_grains(b, (struct pbc_grain){.len4 = 32, .len6 = 128});
    img_add_grains(b, (struct pbc_grain){.len4 = 24, .len6 = 56});
    img_add_schedules(
        b, (struct pbc_schedule){
               .name = img_string(b, "work"), .zone = img_string(b, "Europe/Paris"), .place = place, .count = 2});
    img_add_schedules(b, (struct pbc_schedule){.name = img_string(b, "night"), .place = place, .first = 2, .count = 1});
    img_add_spans(b, (struct pbc_span){.from = 480, .to = 1080, .days = 31});
    img_add_spans(b, (struct pbc_span){.from = 540, .to = 720, .days = 32});
    img_add_spans(b, (struct pbc_span){.from = 1320, .to = 360, .days = 127});
    img_add_settings(b, (struct pbc_settings){.flows = 5000,
                                              .half_open = 500,
                                              .fragments = 64,
                                              .udp_ns = 90 * second,
                                              .written = 1u << PBC_SETTING_flows | 1u << PBC_SETTING_udp_ns});
}

/* Add every kind of condition once; those that take ranges get the web's. */
static void sample_conds(struct imgbuild *b, struct pbc_place place)
{
    static const uint32_t arg[COND_COUNT] = {
        [COND_FAMILY] = KIND_IP,
        [COND_PROTO] = KIND_TCP | KIND_UDP,
        [COND_FROM] = KIND_SRC_SELF,
        [COND_TO] = KIND_DST_SELF,
        [COND_PORT] = KIND_WITH_PORTS,
        [COND_SOURCE_PORT] = KIND_TCP,
        [COND_ICMP_TYPE] = KIND_ICMP,
        [COND_ETHER_FROM] = MAC_MULTICAST,
        [COND_ETHER_TO] = MAC_BROADCAST,
        [COND_FLAGS] = TCP_SYN | TCP_ACK << 8,
        [COND_STATE] = MARK_ESTABLISHED | MARK_RELATED,
        [COND_FRAGMENT] = KIND_FRAG_FIRST | KIND_FRAG_LATER,
        [COND_OPTIONS] = 1,
        [COND_DURING] = 3,
        [COND_OVER] = KIND_IP,
        [COND_WITHIN] = KIND_IP,
        [COND_FLOWS_OVER] = 100,
    };
    for (unsigned kind = 0; kind < COND_SNI; kind++) { /* the kinds from there on don't test packets */
        struct pbc_cond c = {.kind = (uint8_t)kind, .arg = arg[kind], .place = place};
        switch (kind) {
        case COND_FROM:
        case COND_TO: c.count = 2; break;
        case COND_ETHER_FROM:
        case COND_ETHER_TO:
        case COND_BYTES: c.count = 1; break;
        case COND_ON:
        case COND_OUT_ON: c.first = 2, c.count = 1; break;
        case COND_FAMILY:
        case COND_FLAGS:
        case COND_STATE:
        case COND_FRAGMENT:
        case COND_OPTIONS:
        case COND_DURING:
        case COND_ICMP_ND: break;
        case COND_OVER: c.count = 1; break;
        case COND_FLOWS_OVER: c.first = 1, c.count = 1; break;
        case COND_WITHIN: c.first = 1, c.count = 1; break;
        default: c.count = 2; break;
        }
        if (kind == COND_FROM) c.name = img_string(b, "abusers");
        if (kind == COND_TTL) c.flags = PBC_COND_NOT;
        img_add_conds(b, c);
    }
}

static void sample_rules(struct imgbuild *b, struct pbc_place place)
{
    struct pbc_rule r = {.place = place, .chain = PBC_NONE};
    r.name = img_string(b, "ABUSE"), r.verdict = PBC_V_DROP, r.flags = PBC_RULE_LOG, r.conds = COND_FROM,
    r.cond_count = 1, r.log_meter = 3;
    img_add_rules(b, r);
    r = (struct pbc_rule){.place = place, .verdict = PBC_V_DO, .flags = PBC_RULE_ARP};
    img_add_rules(b, r);
    r = (struct pbc_rule){.place = place,
                          .verdict = PBC_V_REJECT,
                          .answer = PBC_ANSWER_RST,
                          .chain = PBC_NONE,
                          .conds = COND_PROTO,
                          .cond_count = 1,
                          .comment = img_string(b, "say so")};
    img_add_rules(b, r);
    r = (struct pbc_rule){
        .place = place, .verdict = PBC_V_ACCEPT, .chain = PBC_NONE, .list = 1, .cond_count = COND_SNI};
    img_add_rules(b, r);
    r = (struct pbc_rule){.place = place, .verdict = PBC_V_COUNT, .chain = PBC_NONE, .list = PBC_LIST_CHAIN};
    img_add_rules(b, r);
    r.verdict = PBC_V_LOG;
    img_add_rules(b, r);
    r.verdict = PBC_V_DO, r.chain = 1;
    img_add_rules(b, r);
    r = (struct pbc_rule){.place = place, .verdict = PBC_V_RETURN, .chain = PBC_NONE, .list = 1 | PBC_LIST_CHAIN};
    img_add_rules(b, r);
    img_add_firewalls(b, (struct pbc_firewall){.name = img_string(b, "edge"),
                                               .place = place,
                                               .iface = PBC_NONE,
                                               .rule_count = 3,
                                               .default_verdict = PBC_V_DROP,
                                               .other = PBC_OTHER_PASS});
    img_add_firewalls(
        b, (struct pbc_firewall){
               .name = img_string(b, "up"), .place = place, .rules = 3, .rule_count = 1, .direction = PBC_DIR_OUT});
    img_add_chains(b, (struct pbc_chain){.name = img_string(b, "noisy"), .rules = 4, .rule_count = 3});
    img_add_chains(b, (struct pbc_chain){.name = img_string(b, "quiet"), .rules = 7, .rule_count = 1});
}

static uint32_t halves(uint32_t lo, uint32_t hi) { return lo << 16 | hi; }

static void sample_code(struct imgbuild *b)
{
    const struct insn program[] = {
        {OP_JANY, KEY_SLOT(kind), 5, KIND_ARP},
        {OP_JNONE, KEY_SLOT(kind), 5, KIND_IN | KIND_FORWARD},
        {OP_CALL, 0, 0, 1},
        {OP_DECIDE, 0, 0, 0},
        {OP_JUMP, 0, 0, 0},
        {OP_DEFAULT, 0, 0, 0},
        {OP_PASS, 0, 0, 0},
        {OP_JEQ, KEY_SLOT(dst) + 1, 1, 7},
        {OP_DECIDEK, 0, 1, 3},
        {OP_ACCEPT, 0, 0, 0},
    };
    const struct insn list[] = {
        {OP_JNSET, 0, 2, 0},
        {OP_LOG, 0, 0, 0},
        {OP_RETK, 0, 0, 0},
        {OP_COUNT, 0, 0, 1},
        {OP_CALL, 7, 0, 2},
        {OP_RETNZ, 7, 0, 0},
        {OP_JNALL, KEY_SLOT(kind), 1, KIND_TCP},
        {OP_RETK, 0, 0, 2},
        {OP_RETZ, 0, 0, 0},
    };
    const struct insn rest[] = {
        {OP_JNE, KEY_SLOT(src), 0, 1},
        {OP_JALL, KEY_SLOT(marks), 0, TCP_SYN},
        {OP_JPFX, 0 << 5 | 8, 0, 0x0a000000},
        {OP_JNPFX, 4 << 5 | 31, 0, 0},
        {OP_JIN, KEY_HALF(src_port), 0, halves(1, 9)},
        {OP_JNIN, KEY_HALF(dscp), 0, halves(5, 5)},
        {OP_JMAP, KEY_HALF(dst_port), 0, 0},
        {OP_JNMAP, KEY_HALF(proto), 0, 0},
        {OP_JSET, 1, 0, 1},
        {OP_JMAC, 1, 0, 0},
        {OP_JNMAC, 0, 0, 0},
        {OP_JMACK, 0, 0, MAC_MULTICAST},
        {OP_JNMACK, 1, 0, MAC_MULTICAST | MAC_BROADCAST},
        {OP_JPAT, 0, 0, 0},
        {OP_JNPAT, 0, 0, 1},
        {OP_JNOVER, 0, 0, 0},
        {OP_JNWITHIN, 0, 0, 1},
        {OP_JNFLOWS, 1, 0, 100},
        {OP_JHDR, COND_FLOWLABEL, 0, 0},
        {OP_JNHDR, COND_FLOWLABEL, 0, 1},
        {OP_CALL, 1, 0, 5},
        {OP_RETZ, 0, 0, 0},
    };
    img_function(b, "main", program, sizeof program / sizeof *program);
    img_function(b, "edge", list, sizeof list / sizeof *list);
    img_function(b, "rest", rest, sizeof rest / sizeof *rest);
}

/* Add a check, two pools, a service with a `when` and an `else`, and the code that finds them. */
static void sample_services(struct imgbuild *b, struct pbc_place place)
{
    uint32_t when = img_add_conds(b, (struct pbc_cond){.kind = COND_FAMILY, .arg = KIND_IP4, .place = place});
    static const char said[] = "Accept: text/plainok";
    for (unsigned i = 0; i < sizeof said - 1; i++) img_add_said(b, (uint8_t)said[i]);
    img_add_steps(b, (struct pbc_step){.len = 18, .kind = PBC_STEP_HEADER});
    img_add_steps(b, (struct pbc_step){.bytes = 18, .len = 2, .kind = PBC_STEP_HAS});
    img_add_checks(b, (struct pbc_check){.name = img_string(b, "alive"),
                                         .place = place,
                                         .kind = PBC_CHECK_HTTP,
                                         .path = img_string(b, "/health"),
                                         .step_count = 2,
                                         .status_count = 1,
                                         .every_ms = 2000,
                                         .timeout_ms = 1000,
                                         .rise = 2,
                                         .fall = 3});
    img_add_pools(b, (struct pbc_pool){.name = img_string(b, "shop"),
                                       .place = place,
                                       .server_count = 2,
                                       .retries = 1,
                                       .sources = 1,
                                       .source_count = 1,
                                       .source_port_lo = 1024,
                                       .source_port_hi = 65535,
                                       .balance = LB_ROUND_ROBIN,
                                       .drain_ns = 30000000000});
    img_add_pools(b, (struct pbc_pool){.name = img_string(b, "canary"),
                                       .place = place,
                                       .servers = 2,
                                       .server_count = 1,
                                       .check = PBC_NONE,
                                       .balance = LB_LEAST_CONN,
                                       .on_down = PBC_DOWN_KEEP,
                                       .slow_start_ns = 10000000000});
    img_add_servers(b, (struct pbc_server){.name = img_string(b, "a"),
                                           .place = place,
                                           .addr = {0x0a00000b},
                                           .family = 4,
                                           .check = PBC_NONE,
                                           .port = 8080,
                                           .weight = 5});
    img_add_servers(b, (struct pbc_server){.name = img_string(b, "b"),
                                           .place = place,
                                           .addr = {0x20010db8, 0, 0, 1},
                                           .family = 6,
                                           .weight = 3,
                                           .flags = PBC_SERVER_HAS_MAC,
                                           .mac = 0x020000000001});
    img_add_servers(b, (struct pbc_server){.name = img_string(b, "e"),
                                           .pool = 1,
                                           .place = place,
                                           .addr = {0x0a000015},
                                           .family = 4,
                                           .check = PBC_NONE,
                                           .weight = 1,
                                           .flags = PBC_SERVER_BACKUP});
    img_add_services(b, (struct pbc_service){.name = img_string(b, "www"),
                                             .place = place,
                                             .endpoint_count = 3,
                                             .branch_count = 2,
                                             .mode = PBC_MODE_DSR_GUE,
                                             .gue_port = 6080,
                                             .no_server = PBC_NO_SERVER_DROP,
                                             .max_flows = 1000,
                                             .max_flows_per_source = 10,
                                             .rate = 4,
                                             .mss = PBC_MSS_AUTO,
                                             .idle_ns = 5000000000,
                                             .affinity_ns = 600000000000});
    img_add_endpoints(
        b, (struct pbc_endpoint){.place = place, .addr = {0xcb00710a}, .family = 4, .port_lo = 443, .port_hi = 443});
    img_add_endpoints(b, (struct pbc_endpoint){.place = place, .to = PBC_TO_SELF, .proto = PBC_EP_ECHO4});
    img_add_endpoints(
        b, (struct pbc_endpoint){.place = place, .to = PBC_TO_ANY, .proto = PBC_EP_PORTS, .port_lo = 1, .port_hi = 9});
    img_add_branches(b, (struct pbc_branch){.place = place, .conds = when, .cond_count = 1, .share_count = 2});
    img_add_branches(b, (struct pbc_branch){.place = place, .shares = 2, .share_count = 1});
    img_add_shares(b, (struct pbc_share){0, 95});
    img_add_shares(b, (struct pbc_share){1, 5});
    img_add_shares(b, (struct pbc_share){1, 100});
    b->settings->maglev = 251;
    const struct insn root[] = {
        {OP_JALL, KEY_SLOT(kind), 2, KIND_OUT},
        {OP_CALL, 0, 0, b->funcs_count + 1},
        {OP_PICK, 0, 0, 0},
        {OP_HOST, 0, 0, 0},
    };
    const struct insn block[] = {
        {OP_JNALL, KEY_SLOT(kind), 3, KIND_IP4 | KIND_PORTS},
        {OP_JNE, KEY_SLOT(dst), 1, 0xcb00710a},
        {OP_RETB, 0, 0, 0},
        {OP_RETB, 0, 0, 1},
        {OP_RETZ, 0, 0, 0},
    };
    b->meta->services = b->funcs_count;
    img_function(b, "services", root, 4);
    img_function(b, "services/1", block, 5);
}

/* Add a statement of each kind, and forwards for own addresses and for a protocol without ports. */
static void sample_nats(struct imgbuild *b, struct pbc_place place)
{
    const uint32_t name = img_string(b, "home");
    img_add_nats(b, (struct pbc_nat){
                        .name = name, .place = place, .from_count = 1, .iface = 0, .port_lo = 61000, .port_hi = 65535});
    img_add_nats(b, (struct pbc_nat){.name = name,
                                     .place = place,
                                     .kind = PBC_NAT_SOURCE,
                                     .family = 4,
                                     .iface = 1,
                                     .outside = 1,
                                     .outside_count = 1,
                                     .port_lo = 1024,
                                     .port_hi = 65535});
    img_add_nats(b, (struct pbc_nat){.name = name,
                                     .place = place,
                                     .kind = PBC_NAT_FORWARD,
                                     .family = 4,
                                     .iface = PBC_NONE,
                                     .to = {0xc6120001},
                                     .target = {0x0a000009},
                                     .port_lo = 8000,
                                     .port_hi = 8010,
                                     .target_port = 9000});
    img_add_nats(b, (struct pbc_nat){.name = name,
                                     .place = place,
                                     .kind = PBC_NAT_FORWARD,
                                     .family = 6,
                                     .proto = PBC_EP_ECHO6,
                                     .flags = PBC_NAT_TO_SELF,
                                     .iface = PBC_NONE,
                                     .target = {0x20010db8, 0, 0, 9}});
    img_add_nats(b, (struct pbc_nat){.name = name,
                                     .place = place,
                                     .kind = PBC_NAT_MAP,
                                     .family = 6,
                                     .iface = 0,
                                     .len = 60,
                                     .mss = PBC_MSS_AUTO,
                                     .to = {0x20010db8, 0x10},
                                     .target = {0x20010db8, 0x120}});
    img_add_nats(b, (struct pbc_nat){.name = name,
                                     .place = place,
                                     .kind = PBC_NAT_FORWARD,
                                     .family = 4,
                                     .proto = PBC_EP_IP,
                                     .ip_proto = 47,
                                     .iface = 1,
                                     .from_count = 1,
                                     .mss = 1400,
                                     .to = {0xc6120002},
                                     .target = {0x0a000009}});
}

void img_sample(struct imgbuild *b)
{
    img_init(b);
    struct pbc_place place = {.file = img_string(b, "sample.prey"), .line = 3, .col = 5, .len = 7};
    b->meta->source = place.file;
    b->meta->flags = PBC_NAMES_ARP | PBC_NEEDS_SELF;
    sample_lookups(b, place);
    sample_meters(b, place);
    sample_conds(b, place);
    sample_rules(b, place);
    sample_code(b);
    sample_services(b, place);
    img_sample_classifier(b);
    sample_nats(b, place);
    img_add_memos(b, (struct pbc_memo){.rule = 2});
    img_add_memos(b, (struct pbc_memo){.rule = RULE_DEFAULT});
    img_add_memos(b, (struct pbc_memo){.rule = RULE_DEFAULT, .firewall = 1});
}
