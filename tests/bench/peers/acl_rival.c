/* DPDK's rte_acl as a rival: each of its methods with bursts of 64 and 32, and with one header per call. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers/acl.h"
#include "tests/bench/peers/rival.h"

enum { ONE_MORE_WAYS = 3, MEGABYTES = 6144 };
static const uint32_t bursts[ONE_MORE_WAYS] = {64, 32, 1};
static const uint8_t **headers;
static uint32_t header_count;
static uint32_t results[RIVAL_HEADERS];

static void build(struct arena *a, uint64_t most, struct rival_built *b)
{
    static bool started;
    if (!started && !acl_start(MEGABYTES)) {
        snprintf(b->text, sizeof b->text, "DPDK does not start");
        return;
    }
    started = true;
    const struct acl_built built = acl_build(&a->rules, most);
    b->good = built.good;
    b->seconds = built.seconds;
    b->bytes = built.bytes;
    if (!built.good) snprintf(b->text, sizeof b->text, "rte_acl_build fails");
}

/* "AVX2, burst of 64" */
static const char *way(unsigned i)
{
    static char name[RIVAL_TEXT];
    const char *method = acl_method(i / ONE_MORE_WAYS);
    if (!method) return NULL;
    const uint32_t burst = bursts[i % ONE_MORE_WAYS];
    if (burst > 1)
        snprintf(name, sizeof name, "%s, burst of %u", method, burst);
    else
        snprintf(name, sizeof name, "%s, one a call", method);
    return name;
}

static void prepare(struct arena *a, enum traffic t)
{
    static const struct flat_header *of;
    if (of == a->headers[t] && t != TRAFFIC_WORST) return;
    of = a->headers[t];
    acl_headers_free(headers);
    header_count = a->counts[t];
    headers = acl_headers(&a->rules, &(struct headers){.v = a->headers[t], .count = header_count});
}

static void pass(unsigned i, uint32_t count)
{
    if (acl_choose(i / ONE_MORE_WAYS)) acl_search(headers, count, bursts[i % ONE_MORE_WAYS], results);
}

static void search(struct arena *a, unsigned i, uint32_t *found)
{
    (void)a;
    pass(i, header_count);
    for (uint32_t h = 0; h < header_count; h++) found[h] = results[h] ? results[h] - 1 : FLAT_NONE;
}

const struct rival rival_acl = {
    .name = "rte_acl",
    .why_not = acl_why_not,
    .build = build,
    .way = way,
    .prepare = prepare,
    .search = search,
    .pass = pass,
};
