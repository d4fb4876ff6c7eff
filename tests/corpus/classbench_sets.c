/* All ClassBench sets of the corpus (classbench/), 1,000 to 100,000 rules, as prey rules: compiled, loaded, and every
 * header of trace and mutated trace judged in batches, alone, and by the rule list where there is time. The deciding
 * rule must be the one that the table expects; of headers without ports, the one that a scan without rules that ask
 * ports finds (README.md). Sanitizers leave the sets of 100,000 out. */
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/corpus.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/ruleset.h"
#include "vm/vm.h"

enum { BATCH = 64 };

struct judging {
    const struct ruleset *rs;
    struct program *p;
    struct executor *worker;

    uint64_t wrong, by_list;
};

static struct program *compiled(const struct ruleset *rs)
{
    char *text = NULL, why[256] = "";
    size_t len;
    struct program *p = NULL;
    struct compile c;
    FILE *f = open_memstream(&text, &len);
    ruleset_print(rs, f);
    fclose(f);
    compile_init(&c);
    if (compile_text(&c, "classbench.prey", text, len) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p) printf("# %s: does not compile, or load: %s\n", rs->name, why);
    compile_fini(&c);
    free(text);
    return p;
}

static bool has_ports(uint8_t proto) { return proto == 6 || proto == 17 || proto == 132; }
static bool asks_ports(const struct flat_rule *r)
{
    return r->sport.lo || r->sport.hi < 65535 || r->dport.lo || r->dport.hi < 65535;
}

/* Without ports rules that restrict them never hold. */
static uint32_t portless_first(const struct ruleset *rs, const struct flat_header *h)
{
    for (uint32_t i = 0; i < rs->count; i++)
        if (!asks_ports(&rs->rules[i]) && flat_holds(&rs->rules[i], h)) return i;
    return FLAT_NONE;
}

static uint32_t rule_wanted(uint32_t expected) { return expected == FLAT_NONE ? (uint32_t)RULE_DEFAULT : expected; }

static void say_wrong(struct judging *j, const char *who, uint32_t header, uint32_t found, uint32_t want)
{
    if (j->wrong++ < 5) printf("# %s: header %u: %s says rule %u, not %u\n", j->rs->name, header + 1, who, found, want);
}

/* The rule list walks all rules: a few headers of each batch where they are many. */
static void by_list(struct judging *j, const struct key *key, const struct pkt *pkt, uint32_t header, uint32_t want)
{
    if (j->rs->count > 2000 && header % (j->rs->count / 100) != 0) return;
    const uint32_t found = program_decide_naive(j->p, key, pkt).rule;
    if (found != want) say_wrong(j, "the list", header, found, want);
    j->by_list++;
}

static void judge_batch(struct judging *j, const struct headers *h, uint32_t first, const uint32_t want[])
{
    static uint8_t frames[BATCH][FLAT_FRAME_MOST];
    struct pkt pkts[BATCH], *at[BATCH] = {NULL};
    struct verdict verdicts[BATCH];
    struct vm_tx tx = {.events = NULL};
    const struct facts facts = {0};
    const uint32_t count = h->count - first < BATCH ? h->count - first : BATCH;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned len = header_frame(j->rs, &h->v[first + i], frames[i]);
        pkt_view(&pkts[i], frames[i], len, len, LINK_ETHER, IFACE_NONE);
        at[i] = &pkts[i];
    }
    executor_run(j->worker, &(struct vm_in){.mono_ns = 1, .facts = &facts}, at, count, verdicts, &tx);
    for (uint32_t i = 0; i < count; i++) {
        struct key key;
        if (verdicts[i].rule != want[i]) say_wrong(j, "a batch", first + i, verdicts[i].rule, want[i]);
        if (pkt_parse(&pkts[i], &facts, &key) != REASON_NONE) abort();
        const uint32_t alone = program_decide(j->p, &key, &pkts[i]).rule;
        if (alone != want[i]) say_wrong(j, "one alone", first + i, alone, want[i]);
        by_list(j, &key, &pkts[i], first + i, want[i]);
    }
}

static void trace(struct judging *j, const char *kind)
{
    struct headers h;
    uint32_t want[BATCH];
    uint64_t scanned_wrong = 0, portless = 0;
    j->wrong = j->by_list = 0;
    const bool there = headers_classbench(&h, j->rs->name, kind) && h.expect;
    for (uint32_t first = 0; there && first < h.count; first += BATCH) {
        for (uint32_t i = 0; i < BATCH && first + i < h.count; i++) {
            const struct flat_header *header = &h.v[first + i];
            uint32_t expected = h.expect[first + i];
            if (!has_ports(header->proto)) {
                if ((first + i) % 8 == 0) scanned_wrong += ruleset_first(j->rs, header) != expected;
                expected = portless_first(j->rs, header);
                portless++;
            }
            want[i] = rule_wanted(expected);
        }
        judge_batch(j, &h, first, want);
    }
    test_ok(
        there && !j->wrong && !scanned_wrong,
        "classbench: %s, %s: the deciding rule of %u headers among %u rules; %llu without ports, %llu by the list, too",
        j->rs->name, kind, h.count, j->rs->count, (unsigned long long)portless, (unsigned long long)j->by_list);
    headers_fini(&h);
}

static void set(const char *name)
{
    struct ruleset rs;
    if (!ruleset_classbench(&rs, name)) {
        test_ok(false, "classbench: %s is there", name);
        return;
    }
    struct judging j = {.rs = &rs, .p = compiled(&rs)};
    j.worker = j.p ? one_kernel_worker(j.p, &(struct vm_cfg){0}) : NULL;
    test_ok(j.worker && j.p->classifiers_count == 1, "classbench: %s: one classifier", name);
    if (j.worker) {
        trace(&j, "trace");
        trace(&j, "mut_trace");
        one_kernel_free(j.worker);
    }
    program_put(j.p);
    ruleset_fini(&rs);
}

/* Of the largest one kind, with LONG=1 all; none with sanitizers. */
static unsigned largest(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    const char *longer = getenv("LONG");
    return longer && *longer ? 3 : 1;
#endif
}

int main(void)
{
    static const char *const kinds[] = {"acl1", "fw1", "ipc1"}, *const sizes[] = {"1k", "10k", "100k"};
    if (!corpus_dir("classbench sets")) return 0;
    for (unsigned s = 0; s < 3; s++)
        for (unsigned k = 0; k < (s == 2 ? largest() : 3); k++) {
            char name[32];
            snprintf(name, sizeof name, "%s_%s_s1", kinds[k], sizes[s]);
            set(name);
        }
    return test_status();
}
