/* DPDK's rte_acl, used as in its examples (l3fwd): protocol, addresses by prefix, ports by range; a rule's priority
 * is its place in the list. */
#include "tests/bench/peers/acl.h"

#ifndef HAVE_DPDK

const char *acl_why_not(void) { return "DPDK is not installed (libdpdk-dev): no rte_acl"; }
/* Never called. */
bool acl_start(unsigned megabytes)
{
    (void)megabytes;
    return false;
}
struct acl_built acl_build(const struct ruleset *rs, uint64_t most)
{
    (void)rs;
    (void)most;
    return (struct acl_built){.good = false};
}
const char *acl_method(unsigned i)
{
    (void)i;
    return NULL;
}
bool acl_choose(unsigned method)
{
    (void)method;
    return false;
}
const uint8_t **acl_headers(const struct ruleset *rs, const struct headers *h)
{
    (void)rs;
    (void)h;
    return NULL;
}
void acl_headers_free(const uint8_t **headers) { (void)headers; }
void acl_search(const uint8_t **headers, uint32_t count, uint32_t burst, uint32_t *found)
{
    (void)headers;
    (void)count;
    (void)burst;
    (void)found;
}

#else

#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/bench.h"

/* Bytes of a header for rte_acl, in wire order: protocol and three bytes of padding, source, destination, ports. */
enum { V4_LEN = 16, V6_LEN = 40, V4_FIELDS = 5, V6_FIELDS = 11 };
RTE_ACL_RULE_DEF(acl_rule, V6_FIELDS);

static struct rte_acl_ctx *ctx;
static enum rte_acl_classify_alg methods[8];
static const char *names[8];
static unsigned method_count;

const char *acl_why_not(void) { return NULL; }

bool acl_start(unsigned megabytes)
{
    char memory[24], prefix[40];
    snprintf(memory, sizeof memory, "%u", megabytes);
    snprintf(prefix, sizeof prefix, "--file-prefix=prey-%d", (int)getpid()); /* because several run at once */
    char *argv[] = {"classify",
                    "--no-huge",
                    "--no-pci",
                    "--no-telemetry",
                    "--no-shconf",
                    "--log-level=1",
                    "--force-max-simd-bitwidth=512",
                    prefix,
                    "-l",
                    "0",
                    "-m",
                    memory};
    return rte_eal_init(sizeof argv / sizeof *argv, argv) >= 0;
}

static struct rte_acl_field_def field(unsigned type, unsigned size, unsigned index, unsigned input, unsigned offset)
{
    return (struct rte_acl_field_def){.type = (uint8_t)type,
                                      .size = (uint8_t)size,
                                      .field_index = (uint8_t)index,
                                      .input_index = (uint8_t)input,
                                      .offset = offset};
}

/* Fill in the fields; returns their number. */
static unsigned fields(bool v6, struct rte_acl_field_def defs[])
{
    const unsigned words = v6 ? 4 : 1;
    unsigned n = 0, input = 1;
    defs[n++] = field(RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, 0);
    for (unsigned w = 0; w < 2 * words; w++, n++) defs[n] = field(RTE_ACL_FIELD_TYPE_MASK, 4, n, input++, 4 + 4 * w);
    const unsigned ports = 4 + 8 * words;
    defs[n] = field(RTE_ACL_FIELD_TYPE_RANGE, 2, n, input, ports);
    n++;
    defs[n] = field(RTE_ACL_FIELD_TYPE_RANGE, 2, n, input, ports + 2);
    return n + 1;
}

static void prefix_fields(struct rte_acl_field *f, const uint32_t *net, unsigned len, unsigned words)
{
    for (unsigned w = 0; w < words; w++) {
        const unsigned bits = len > 32 * w ? len - 32 * w : 0;
        f[w].value.u32 = net[w];
        f[w].mask_range.u32 = bits > 32 ? 32 : bits;
    }
}

static struct acl_rule rule_of(const struct ruleset *rs, uint32_t i)
{
    const struct flat_rule *r = &rs->rules[i];
    const unsigned words = rs->v6 ? 4 : 1;
    struct acl_rule a = {
        .data = {.category_mask = 1, .priority = RTE_ACL_MAX_PRIORITY - (int32_t)i, .userdata = i + 1}};
    a.field[0].value.u8 = r->proto;
    a.field[0].mask_range.u8 = r->any_proto ? 0 : 0xff;
    prefix_fields(&a.field[1], r->src, r->src_len, words);
    prefix_fields(&a.field[1 + words], r->dst, r->dst_len, words);
    a.field[1 + 2 * words].value.u16 = r->sport.lo;
    a.field[1 + 2 * words].mask_range.u16 = r->sport.hi;
    a.field[2 + 2 * words].value.u16 = r->dport.lo;
    a.field[2 + 2 * words].mask_range.u16 = r->dport.hi;
    return a;
}

static bool rules_add(const struct ruleset *rs)
{
    const struct rte_acl_param param = {.name = "rules",
                                        .socket_id = SOCKET_ID_ANY,
                                        .rule_size = RTE_ACL_RULE_SZ(rs->v6 ? V6_FIELDS : V4_FIELDS),
                                        .max_rule_num = rs->count};
    ctx = rte_acl_create(&param);
    for (uint32_t i = 0; ctx && i < rs->count; i++) {
        const struct acl_rule rule = rule_of(rs, i);
        if (rte_acl_add_rules(ctx, (const struct rte_acl_rule *)&rule, 1)) return false;
    }
    return ctx;
}

/* Return the bytes that DPDK's allocator has given out: they include the built structure, but not memory that only
 * building takes. */
static uint64_t allocated(void)
{
    struct rte_malloc_socket_stats s;
    uint64_t sum = 0;
    for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
        if (rte_malloc_get_socket_stats(socket, &s) == 0) sum += s.heap_allocsz_bytes;
    return sum;
}

static void methods_find(void)
{
    static const struct {
        enum rte_acl_classify_alg method;
        const char *name;
    } all[] = {{RTE_ACL_CLASSIFY_SCALAR, "scalar"},
               {RTE_ACL_CLASSIFY_SSE, "SSE"},
               {RTE_ACL_CLASSIFY_AVX2, "AVX2"},
               {RTE_ACL_CLASSIFY_NEON, "NEON"},
               {RTE_ACL_CLASSIFY_AVX512X16, "AVX-512x16"},
               {RTE_ACL_CLASSIFY_AVX512X32, "AVX-512x32"}};
    for (unsigned i = method_count = 0; i < sizeof all / sizeof *all; i++) {
        if (rte_acl_set_ctx_classify(ctx, all[i].method)) continue;
        methods[method_count] = all[i].method;
        names[method_count++] = all[i].name;
    }
}

struct acl_built acl_build(const struct ruleset *rs, uint64_t most)
{
    struct rte_acl_config config = {.num_categories = 1, .max_size = most};
    const uint64_t before = allocated(), begin = bench_now_ns();
    if (ctx) rte_acl_free(ctx);
    config.num_fields = fields(rs->v6, config.defs);
    const bool good = rules_add(rs) && rte_acl_build(ctx, &config) == 0;
    const struct acl_built b = {
        .good = good, .seconds = (double)(bench_now_ns() - begin) / 1e9, .bytes = allocated() - before};
    if (good) methods_find();
    return b;
}

const char *acl_method(unsigned i) { return i < method_count ? names[i] : NULL; }
bool acl_choose(unsigned i) { return i < method_count && rte_acl_set_ctx_classify(ctx, methods[i]) == 0; }

static uint8_t *put32(uint8_t *to, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) *to++ = (uint8_t)(v >> (24 - 8 * i));
    return to;
}

const uint8_t **acl_headers(const struct ruleset *rs, const struct headers *h)
{
    const unsigned words = rs->v6 ? 4 : 1, len = rs->v6 ? V6_LEN : V4_LEN;
    uint8_t *block = calloc(h->count + 1, len); /* rte_acl may read a word past the end */
    const uint8_t **all = calloc(h->count + 1, sizeof *all);
    if (!block || !all) abort();
    all[0] = block; /* also set without headers */
    for (uint32_t i = 0; i < h->count; i++) {
        const struct flat_header *v = &h->v[i];
        uint8_t *to = block + (size_t)i * len;
        all[i] = to;
        *to = v->proto;
        to += 4;
        for (unsigned w = 0; w < words; w++) to = put32(to, v->src[w]);
        for (unsigned w = 0; w < words; w++) to = put32(to, v->dst[w]);
        put32(to, (uint32_t)v->sport << 16 | v->dport);
    }
    return all;
}

void acl_headers_free(const uint8_t **headers)
{
    if (!headers) return;
    free((void *)(uintptr_t)headers[0]);
    free(headers);
}

void acl_search(const uint8_t **headers, uint32_t count, uint32_t burst, uint32_t *found)
{
    for (uint32_t i = 0; i < count; i += burst)
        rte_acl_classify(ctx, headers + i, found + i, count - i < burst ? count - i : burst, 1);
}

#endif
