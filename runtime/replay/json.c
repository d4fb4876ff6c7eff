/* The summary for a program: one JSON object with the numbers of the text, and all rules. Numbers are written as they
 * are: cJSON would pass them through a double. */
#include <cjson/cJSON.h>
#include <string.h>

#include "runtime/counters.h"
#include "runtime/replay/flows.h"
#include "runtime/replay/report.h"
#include "runtime/replay/summary.h"

static void number(cJSON *to, const char *key, uint64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    cJSON_AddRawToObject(to, key, digits);
}

static void counted(cJSON *to, const struct counter *c)
{
    number(to, "packets", c->packets);
    number(to, "bytes", c->bytes);
}

static void counter_add(cJSON *to, const char *key, const struct counter *c)
{
    counted(cJSON_AddObjectToObject(to, key), c);
}

/* A path of the command line may hold any bytes. */
static void path_add(cJSON *to, const char *key, const char *path)
{
    char buf[4200];
    snprintf(buf, sizeof buf, "%s", path);
    cJSON_AddStringToObject(to, key, text_clean(buf));
}

static void time_add(cJSON *to, const char *key, uint64_t ns)
{
    char buf[TEXT_TIME];
    if (ns)
        cJSON_AddStringToObject(to, key, text_iso(ns, buf));
    else
        cJSON_AddNullToObject(to, key);
}

static void program_add(cJSON *root, const struct replay *r)
{
    cJSON *program = cJSON_AddObjectToObject(root, "program");
    char digest[2 * PBC_DIGEST_LEN + 1];
    for (unsigned i = 0; i < PBC_DIGEST_LEN; i++) snprintf(digest + 2 * i, 3, "%02x", r->program->digest[i]);
    path_add(program, "path", r->o->program);
    path_add(program, "source", program_str(r->program, r->program->meta->source));
    cJSON_AddStringToObject(program, "digest", digest);
}

void json_sources(cJSON *root, const struct replay *r, const struct totals *t, const char *fault)
{
    cJSON *capture = cJSON_AddObjectToObject(root, "capture");
    path_add(capture, "path", r->o->pcap);
    number(capture, "frames", t->frames);
    number(capture, "bytes", t->bytes);
    number(capture, "skipped", t->outside);
    time_add(capture, "first", t->first_ns);
    time_add(capture, "last", t->last_ns);
    number(capture, "span_ns", t->last_ns - t->first_ns);
    number(capture, "earlier", t->earlier);
    if (*fault)
        path_add(capture, "error", fault);
    else
        cJSON_AddNullToObject(capture, "error");
    program_add(root, r);
}

static void rule_add(cJSON *rules, const struct replay *r, const struct vm_counters *c, uint32_t i)
{
    char verdict[128];
    cJSON *rule = cJSON_CreateObject();
    cJSON_AddItemToArray(rules, rule);
    cJSON_AddStringToObject(rule, "rule", label_rule(&r->labels, i));
    cJSON_AddStringToObject(rule, "verdict", label_verdict(&r->labels, i, verdict, sizeof verdict));
    cJSON_AddStringToObject(rule, "place", label_rule_place(&r->labels, i));
    cJSON_AddBoolToObject(rule, "decides", rule_decides(&r->program->rules[i]));
    counted(rule, &c->rules[i]);
}

static void rules_add(cJSON *root, const struct replay *r, const struct vm_counters *c)
{
    cJSON *rules = cJSON_AddArrayToObject(root, "rules");
    for (uint32_t i = 0; i < r->program->rules_count; i++) rule_add(rules, r, c, i);
    cJSON *defaults = cJSON_AddArrayToObject(root, "defaults");
    for (uint32_t i = 0; i < r->program->firewalls_count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(defaults, one);
        cJSON_AddStringToObject(one, "firewall", r->labels.firewall[i]);
        cJSON_AddStringToObject(one, "verdict", verdict_word(r->program->firewalls[i].default_verdict));
        cJSON_AddStringToObject(one, "place", label_firewall_place(&r->labels, i));
        counted(one, &c->defaults[i]);
    }
}

void json_decided(cJSON *root, const struct replay *r, const struct vm_counters *c, const struct totals *t)
{
    const struct decided d = decided_sum(r->program, c, t);
    cJSON *decided = cJSON_AddObjectToObject(root, "decided_by");
    counter_add(decided, "rules", &d.rules);
    counter_add(decided, "defaults", &d.defaults);
    counter_add(decided, "earlier", &d.earlier);
    counter_add(decided, "malformed", &d.malformed);
    counter_add(decided, "unopened", &d.unopened);
    counter_add(decided, "fragments", &d.fragments);
    counter_add(decided, "held", &d.held);
    counter_add(decided, "arp_passed", &d.passed);
    counter_add(decided, "no_firewall", &d.nobody);
    counter_add(decided, "replies", &d.replies);
    counter_add(decided, "replies_dropped", &d.unsent);
}

static void sums_add(cJSON *root, const struct replay *r, const struct vm_counters *c, const struct totals *t)
{
    cJSON *verdicts = cJSON_AddObjectToObject(root, "verdicts");
    for (unsigned a = 0; a < ACTION_COUNT; a++) counter_add(verdicts, action_name(a), &c->verdicts[a]);
    json_decided(root, r, c, t);
    cJSON *reasons = cJSON_AddObjectToObject(root, "reasons");
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (c->reasons[i].packets) counter_add(reasons, reason_name(i), &c->reasons[i]);
}

static void meters_add(cJSON *root, const struct replay *r, const struct vm_counters *c)
{
    cJSON *meters = cJSON_AddArrayToObject(root, "meters");
    for (uint32_t i = 0; i < r->program->meters_count; i++) {
        if (!r->program->meters[i].name) continue;
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(meters, one);
        path_add(one, "meter", program_str(r->program, r->program->meters[i].name));
        number(one, "within", c->meters[i].within);
        number(one, "over", c->meters[i].over);
        number(one, "overflowed", c->meters[i].overflowed);
    }
}

static void services_add(cJSON *root, const struct replay *r, const struct vm_counters *c)
{
    cJSON *services = cJSON_AddArrayToObject(root, "services"), *servers = cJSON_AddArrayToObject(root, "servers");
    for (uint32_t i = 0; i < r->program->services_count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(services, one);
        cJSON_AddStringToObject(one, "service", r->labels.service[i]);
        counted(one, &c->services[i]);
        counter_add(one, "no_server", &c->unserved[i]);
    }
    for (uint32_t i = 0; i < r->program->servers_count; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(servers, one);
        cJSON_AddStringToObject(one, "server", r->labels.server[i]);
        cJSON_AddBoolToObject(one, "down", r->down && r->down[i]);
        counted(one, &c->servers[i]);
    }
}

/* The object of that name, made where it is missing; null where nothing of it is kept. */
static cJSON *object_of(cJSON *root, const char *name, bool kept)
{
    cJSON *object = *name ? cJSON_GetObjectItem(root, name) : root;
    if (object) return object;
    return kept ? cJSON_AddObjectToObject(root, name) : cJSON_AddNullToObject(root, name);
}

/* All of vm/counter.def. What only a program with flows counts is left out where their object is null. */
static void counters_add(cJSON *root, const struct vm_counters *c)
{
    struct counter_row row;
    for (unsigned at = 0; counters_next(c, &at, &row);) {
        cJSON *object = object_of(root, row.object, row.kept);
        if (!cJSON_IsNull(object)) number(object, row.key, row.value);
    }
}

static void flow_kinds_add(cJSON *root, const struct flow_counters *f)
{
    if (!f) return;
    cJSON *flows = cJSON_GetObjectItem(root, "flows");
    cJSON *live = cJSON_AddObjectToObject(flows, "live"), *ended = cJSON_AddObjectToObject(flows, "ended");
    for (unsigned i = 0; i < FLOW_CLASSES; i++) number(live, flow_class_name((enum flow_class)i), f->live[i]);
    for (unsigned i = 0; i < FLOW_ENDS; i++) number(ended, flow_end_name((enum flow_end)i), f->ended[i]);
}

static void rest_add(cJSON *root, const struct replay *r, const struct vm_counters *c, const struct totals *t)
{
    cJSON *log = cJSON_AddObjectToObject(root, "log");
    number(log, "events", t->log_events);
    number(log, "lost", t->log_lost);
    number(log, "limited", logs_limited(r->program, c));
    if (!r->capture) return;
    /* runtime/README.md: how often a packet is copied on each path. */
    cJSON *copied = cJSON_GetObjectItem(root, "copied");
    number(copied, "frames", capture_copied(r->capture));
    number(copied, "answers", t->written);
}

static void times_add(cJSON *root, const struct totals *t, const struct timing *timing, uint64_t repeat)
{
    number(root, "elapsed_ns", t->elapsed_ns);
    if (!timing) return;
    cJSON *times = cJSON_AddObjectToObject(root, "repeat");
    number(times, "passes", repeat);
    cJSON_AddNumberToObject(times, "first_ns", timing->first);
    cJSON_AddNumberToObject(times, "best_ns", timing->best);
    cJSON_AddNumberToObject(times, "median_ns", timing->median);
    cJSON_AddNumberToObject(times, "worst_ns", timing->worst);
}

/* What is written goes before the brace that ends the object. */
int json_print(FILE *out, cJSON *root, const char *key, json_write_fn *write, const void *arg)
{
    char *text = cJSON_Print(root);
    const size_t len = text ? strlen(text) : 0;
    cJSON_Delete(root);
    if (write && len > 2 && !strcmp(text + len - 2, "\n}")) {
        fprintf(out, "%.*s,\n\t\"%s\":\t", (int)(len - 2), text, key);
        write(out, arg);
        fputs("\n}\n", out);
    } else if (text) {
        fprintf(out, "%s\n", text);
    }
    cJSON_free(text);
    return text ? 0 : -1;
}

/* All that a worker counts, of a replay or live. */
static void numbers_add(cJSON *root, const struct replay *r, const struct vm_counters *c, const struct totals *t)
{
    sums_add(root, r, c, t);
    rules_add(root, r, c);
    services_add(root, r, c);
    meters_add(root, r, c);
    counters_add(root, c);
    flow_kinds_add(root, c->flows);
    rest_add(root, r, c, t);
}

int report_json(FILE *out, const struct report *of, report_more_fn *more, const void *arg)
{
    const struct replay r = {.o = of->options, .program = of->program, .labels = *of->labels};
    cJSON *root = cJSON_CreateObject();
    program_add(root, &r);
    numbers_add(root, &r, of->counters, of->totals);
    more(root, arg);
    return json_print(out, root, "", NULL, NULL);
}

static void flows_write(FILE *out, const void *list) { flow_list_json(out, list); }

int summary_json(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t,
                 const struct timing *timing, const char *fault, const struct flow_list *list)
{
    cJSON *root = cJSON_CreateObject();
    json_sources(root, r, t, fault);
    numbers_add(root, r, c, t);
    times_add(root, t, timing, r->o->repeat);
    return json_print(out, root, "flow_list", list ? flows_write : NULL, list);
}
