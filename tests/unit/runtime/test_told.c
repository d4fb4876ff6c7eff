/* Counters as people see them, as goldens: the summary of live traffic and of a replay, `preyctl status` and the
 * page, each with numbers that are all 0, all 1, of 18 digits, and all different; metrics. UPDATE=1 writes them
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/copies/copies.h"
#include "runtime/live/carry/tally.h"
#include "runtime/live/control/document/live_report.h"
#include "runtime/observe/thread.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/preyctl/screen.h"
#include "runtime/proxy/told/proxy_counters.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/live_report.h"
#include "runtime/report/summary.h"
#include "runtime/stats/metrics.h"
#include "runtime/stats/page.h"
#include "runtime/worker/sum.h"
#include "tests/lib/compiled.h"
#include "vm/flow/flow.h"

#define WIDE     UINT64_C(123456789012345678)
#define TOLD     "tests/golden/told/"
#define WORDS(x) &(x), sizeof(x) / (sizeof(uint64_t))

/* Kinds of numbers; `different`: the i-th is i * 1,009 + 2, else all are the same. */
static const struct numbers {
    const char *name;
    uint64_t all;
    bool different;
} numbers[] = {{"zero", 0, false}, {"one", 1, false}, {"wide", WIDE, false}, {"different", 0, true}};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static uint64_t next_number(const struct numbers *n, uint64_t *at) { return n->different ? ++*at * 1009 + 2 : n->all; }

/* Compare a text with its golden, or write it. */
static void compare(const char *what, const char *name, const char *text)
{
    char path[200], *want = NULL;
    size_t len = 0;
    snprintf(path, sizeof path, TOLD "%s-%s.txt", what, name);
    if (getenv("UPDATE")) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(text, out);
        fclose(out);
        return;
    }
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    if (getdelim(&want, &len, 0, in) < 0) free(want), want = calloc(1, 1);
    fclose(in);
    if (strcmp(want, text)) printf("# %s differs; it is now:\n%s", path, text);
    assert_string_equal(text, want);
    free(want);
}

/* Counters in memory. */

static void set_words(const struct numbers *n, uint64_t *at, const void *words, size_t count)
{
    uint64_t *to = (uint64_t *)(uintptr_t)words;
    for (size_t i = 0; words && i < count; i++) to[i] = next_number(n, at);
}

static const char rules[] =
    "edition 1\n"
    "interface up = \"up0\"\n"
    "meter calm = 50/s per source\n"
    "pool web {\n  server a 10.0.0.11\n  server b 10.0.0.12\n}\n"
    "service www on 203.0.113.10 tcp/80 { mode passthrough\n  -> web\n}\n"
    "service far on 203.0.113.11 tcp/80 { mode proxy http\n  -> web\n}\n"
    "service watch on any tcp/any { mode observe\n  sessions to \"watch.jsonl\"\n  else -> pass\n}\n"
    "nat home { masquerade from 192.168.1.0/24 out on up }\n"
    "firewall edge default drop {\n"
    "  accept state established as GOES_ON\n"
    "  count tcp port 80 as SEEN\n"
    "  drop udp over calm as CALM\n"
    "  mirror to file \"c.pcapng\" icmp as COPIES\n"
    "  accept tcp port 22\n"
    "}\n"
    "firewall leaving out default accept {\n  audit drop tcp to port 25 as MAIL\n}\n";

static void fill_vm(const struct numbers *n, uint64_t *at, const struct program *p, const struct vm_counters *c)
{
    set_words(n, at, WORDS(c->verdicts));
    set_words(n, at, WORDS(c->reasons));
    set_words(n, at, c->rules, 2 * p->rules_count);
    set_words(n, at, c->defaults, 2 * p->firewalls_count);
    set_words(n, at, WORDS(c->earlier));
    set_words(n, at, c->would_rules, p->would->rules_count * sizeof *c->would_rules / 8);
    set_words(n, at, c->would_defaults, p->would->firewalls_count * sizeof *c->would_defaults / 8);
    set_words(n, at, WORDS(c->would));
    set_words(n, at, c->meters, p->meters_count * sizeof *c->meters / 8);
    set_words(n, at, c->services, 2 * p->services_count);
    set_words(n, at, c->unserved, 2 * p->services_count);
    set_words(n, at, c->servers, 2 * p->servers_count);
    set_words(n, at, WORDS(*c->flows));
    set_words(n, at, WORDS(*c->forward));
    set_words(n, at, WORDS(*c->nat->mappings));
    set_words(n, at, WORDS(*c->frags));
    set_words(n, at, WORDS(*c->observed));
    set_words(n, at, c->observes, p->observes_count * sizeof *c->observes / 8);
#define VM_COUNTER(field, ...) ((struct vm_counters *)(uintptr_t)c)->field = next_number(n, at);
#include "vm/counter.def"
#define NAT_COUNTER(field, ...) ((struct nat_counters *)(uintptr_t)c->nat)->field = next_number(n, at);
#include "vm/counter.def"
}

/* A service that carries packets, with only the parts that its summary needs. */
struct scene {
    struct options o;
    struct program *p;
    struct carry carry;
    struct tell tell;
    struct control control;
    struct worker *worker;
    struct observed_files files;
    struct copy_slot slot;
    struct copies_table table;
    struct tally t;
};

static const struct io_ops no_io = {.name = "none"};

static int keep_none(void *arg, enum pbc_mirror_to to, const char *target, bool turn, char *err, size_t err_len)
{
    return -ENOENT;
}

static void scene_copies(struct scene *s)
{
    char err[200];
    const struct copies_cfg cfg = {
        .workers = 1, .names = (const char *const[]){"up0"}, .devices = 1, .ways = {.keep = keep_none}};
    s->carry.copies = copies_new(&cfg);
    assert_non_null(s->carry.copies);
    const struct copies_table *made = NULL;
    if (copies_program(s->carry.copies, s->p, &made, err, sizeof err)) fail_msg("%s", err);
    s->carry.now.copies = made;
}

static void scene_make(struct scene *s)
{
    static const struct flow_counters flows;
    static const struct forward_counters forward;
    static const struct nat_counters nat;
    static const struct frag_counters frags;
    static const struct observe_counters observed;
    *s = (struct scene){.p = compiled_text(rules)};
    assert_non_null(s->p);
    s->o = (struct options){.program = "edge.pbc", .iface_count = 1};
    s->o.ifaces[0] = "up0";
    s->worker = calloc(1, sizeof *s->worker);
    assert_non_null(s->worker);
    s->worker->ports[0].ops = &no_io;
    s->carry.now.program = s->p;
    s->carry.now.name = (char *)(uintptr_t) "edge.pbc";
    assert_int_equal(labels_init(&s->carry.now.labels, s->p), 0);
    s->carry.in_kernel = true;
    s->carry.by_tc = 1;
    s->carry.workers[0] = s->worker;
    s->carry.worker_count = 1;
    s->carry.observed = observed_thread_new(1, &s->files);
    assert_non_null(s->carry.observed);
    s->carry.proxied = (struct proxied *)&s->files; /* there are loops, which nobody reads */
    scene_copies(s);
    s->control.o = &s->o;
    s->control.carry = &s->carry;
    s->control.tell = &s->tell;
    s->t.program = s->p;
    s->t.sum =
        sum_new(s->p, &(struct vm_counters){
                          .flows = &flows, .forward = &forward, .nat = &nat, .frags = &frags, .observed = &observed});
    assert_non_null(s->t.sum);
    s->t.proxy_of = calloc(s->p->services_count + 1u, sizeof *s->t.proxy_of);
    assert_non_null(s->t.proxy_of);
    s->t.proxy_of[1] = calloc(1, sizeof *s->t.proxy_of[1]);
    assert_non_null(s->t.proxy_of[1]);
}

static void scene_end(struct scene *s)
{
    sum_free(s->t.sum);
    free(s->t.proxy_of[1]);
    free(s->t.proxy_of);
    copies_free(s->carry.copies);
    observed_thread_free(s->carry.observed);
    labels_fini(&s->carry.now.labels);
    free(s->worker);
    program_put(s->p);
}

static void scene_fill(struct scene *s, const struct numbers *n)
{
    uint64_t at = 0;
    struct copy_slot *slot = s->carry.now.copies->slot[0];
    fill_vm(n, &at, s->p, sum_counters(s->t.sum));
    set_words(n, &at, WORDS(s->t.c));
    s->t.c.totals.streams = NULL;
    s->t.c.totals.told = NULL;
    s->t.c.totals.stopped = false;
    set_words(n, &at, WORDS(s->t.kernel.ups));
    set_words(n, &at, WORDS(s->t.kernel.longs));
    set_words(n, &at, WORDS(s->t.in_kernel));
    set_words(n, &at, WORDS(s->t.told));
    set_words(n, &at, WORDS(s->t.e));
    set_words(n, &at, WORDS(s->t.io[0]));
    set_words(n, &at, WORDS(s->t.seen[0]));
    set_words(n, &at, WORDS(s->t.proxy));
    s->t.proxy.refused[STREAM_NONE] = 0;
    set_words(n, &at, s->t.proxy_of[1], sizeof *s->t.proxy_of[1] / 8);
    s->tell.events.not_taken = next_number(n, &at);
    set_words(n, &at, &slot->packets, 2);
    set_words(n, &at, WORDS(slot->lost));
}

/* Remove the program's digest from a document, because it changes with the compiler. */
static void blind(char *json)
{
    char *digest = strstr(json, "\"digest\":\t\"");
    if (digest) memset(digest + 11, '0', 2 * PBC_DIGEST_LEN);
}

/* Write the summary of a replay with these counters, which a signal ended. */
static void replayed(struct scene *s, const struct numbers *n)
{
    struct executor_told told = {0};
    uint64_t at = 0;
    char *text = NULL;
    size_t len = 0;
    set_words(n, &at, WORDS(told));
    struct options o = {.pcaps = {"a.pcap", "-"}, .pcap_count = 2, .program = "edge.pbc", .log = true};
    const struct subject r = {.o = &o, .program = s->p, .labels = s->carry.now.labels};
    struct totals totals = s->t.c.totals;
    const struct timing timing = {1.25, 1000000.04, 0, 3, n->all ? n->all : at};
    totals.told = &told;
    totals.stopped = true;
    FILE *out = open_memstream(&text, &len);
    cJSON *root = summary_document(&r, sum_counters(s->t.sum), &totals, &timing, "it is cut");
    summary_text(out, root, &r, sum_counters(s->t.sum), &totals, &timing, "it is cut");
    fclose(out);
    cJSON_Delete(root);
    compare("replay", n->name, text);
    free(text);
}

static void summaries(void **state)
{
    (void)state;
    struct scene *s = malloc(sizeof *s);
    assert_non_null(s);
    scene_make(s);
    for (unsigned i = 0; i < NUMBERS; i++) {
        char *text = NULL;
        size_t len = 0;
        const struct numbers *n = &numbers[i];
        scene_fill(s, n);
        replayed(s, n);
        for (unsigned json = 0; json < 2; json++) { /* the document, and the text */
            FILE *out = open_memstream(&text, &len);
            s->o.json = json;
            assert_true(report_write(out, &s->control, &s->t));
            fclose(out);
            blind(text);
            if (!json || n->different || n->all == WIDE) compare(json ? "json" : "summary", n->name, text);
            free(text);
        }
    }
    scene_end(s);
    free(s);
}

/* The document of an instance. */

/* Replace the document's numbers by those of `n`, except versions and ports. */
static void replace(cJSON *list, const struct numbers *n, uint64_t *at)
{
    for (cJSON *one = list; one; one = one->next) {
        if (one->child) replace(one->child, n, at);
        if (!cJSON_IsNumber(one) || (one->string && (!strcmp(one->string, "version") || !strcmp(one->string, "port"))))
            continue;
        char digits[24];
        snprintf(digits, sizeof digits, "%" PRIu64, next_number(n, at));
        one->valuestring = strdup(digits);
        one->type = cJSON_Raw;
    }
}

static char *file_text(const char *path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_true(getdelim(&text, &len, 0, in) > 0);
    fclose(in);
    return text;
}

/* Return the document with these numbers as it is sent. */
static char *document_with(const struct numbers *n, const char *path)
{
    uint64_t at = 0;
    char *text = file_text(path);
    cJSON *root = cJSON_Parse(text);
    free(text);
    assert_non_null(root);
    replace(root, n, &at);
    text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

static void one_screen(const char *what, const char *name, const char *document, void (*print)(FILE *, const cJSON *))
{
    char *text = NULL;
    size_t len = 0;
    cJSON *root = document_parse(document, strlen(document));
    assert_non_null(root);

    FILE *out = open_memstream(&text, &len);
    print(out, root);
    fclose(out);
    compare(what, name, text);
    free(text);
    cJSON_Delete(root);
}

static void screens(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    for (unsigned i = 0; i < NUMBERS; i++) {
        char *document = document_with(&numbers[i], TOLD "document.json");
        one_screen("status", numbers[i].name, document, screen_print);
        one_screen("page", numbers[i].name, document, page_write);
        if (numbers[i].different) one_screen("metrics", numbers[i].name, document, metrics_write);
        free(document);
    }
    char *bare = document_with(&numbers[NUMBERS - 1], TOLD "bare.json");
    one_screen("status", "bare", bare, screen_print);
    one_screen("page", "bare", bare, page_write);
    one_screen("metrics", "bare", bare, metrics_write);
    free(bare);
}

/* Patterns. */

static void patterns(void **state)
{
    (void)state;
    static const char json[] =
        "{\"n\":0,\"one\":1,\"many\":18204,\"up\":\"yes\",\"no\":\"\",\"null\":null,\"off\":false,"
        "\"at\":\"2024-03-01T09:14:03Z\",\"took_us\":3100,\"a\":{\"b\":{\"c\":7}},\"none\":[],"
        "\"list\":[\"x\",\"y\"],\"by\":{\"p\":0,\"q-r\":2,\"s\":3},\"max\":18446744073709551615}";
    static const struct {
        const char *pattern, *is;
    } want[] = {
        {"", ""},
        {"plain: a|b", "plain: a|b"},
        {"{up} {missing}{many} {#many} {#max}", "yes 18204 18,204 18,446,744,073,709,551,615"},
        {"{#n|frame}, {#one|frame}, {#many|frame}, {#missing|frame}", "0 frames, 1 frame, 18,204 frames, 0 frames"},
        {"{#one|it was|they were} {#many|it was|they were} {=one|is|are} {=n|is|are}",
         "1 it was 18,204 they were is are"},
        {"{=one|byte}{=n|byte}", "bytebytes"},
        {"{#one+many+a.b.c}", "18,212"},
        {"[{up:5}] [{up:-5}] [{#many:8|frame}] [{$:2}]", "[  yes] [yes  ] [  18,204 frames] [  ]"},
        {"{~took_us} {@at} {@no}.", "3.1 ms 2024-03-01 09:14 ."},
        {"{?one 1}{?n 2}{?up 3}{?no 4}{?null 5}{?off 6}{?a 7}{?none 8}{?missing 9}", "137"},
        {"{!one 1}{!n 2}{!up 3}{!no 4}{!null 5}{!off 6}{!a 7}{!none 8}{!missing 9}", "245689"},
        {"{?n? 1}{?null? 2}{?missing? 3}{?no? 4}{?n,one 5}{?n,off 6}{?up=yes 7}{?up=no 8}{!up=no 9}", "14579"},
        {"{/a {/b {c}}}{/null x}{/missing x}{/a.b {c}}", "77"},
        {"{*list|<|, |{.}|>}{*none|<|,|{.}|>}{*null|<|,|x}{*list|||{.}}", "<x, y>xy"},
        {"{*by?.|by |, |{#.} {$}|;}", "by 2 q-r, 3 s;"},
        {"{*by?.=0|||{$}}{*by?!.|||{$}}", "pp"},
        {"{?one {?up {#many|it|them}{!n  {up}}}}", "18,204 them yes"},
    };
    cJSON *root = document_parse(json, sizeof json - 1);
    assert_non_null(root);
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        fill(out, root, want[i].pattern);
        fclose(out);
        assert_string_equal(text, want[i].is);
        free(text);
    }
    fill(stdout, NULL, "{missing}{*list|||x}{?one x}");
    assert_null(document_parse("{", 1));
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(summaries), cmocka_unit_test(screens),
                                       cmocka_unit_test(patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
