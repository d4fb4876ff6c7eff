/* The summary as one JSON object, with the numbers of the text and all rules. Numbers are written with all digits,
 * because cJSON would convert them to doubles. */
#include <cjson/cJSON.h>
#include <string.h>

#include "runtime/counters/counters.h"
#include "runtime/report/flow_list.h"
#include "runtime/report/given/given_ports.h"
#include "runtime/report/json.h"
#include "runtime/report/live_report.h"
#include "runtime/report/summary.h"
#include "runtime/report/would/audit.h"

static void counted(cJSON *to, const struct counter *c)
{
    json_number(to, "packets", c->packets);
    json_number(to, "bytes", c->bytes);
}

static void counter_add(cJSON *to, const char *key, const struct counter *c)
{
    counted(cJSON_AddObjectToObject(to, key), c);
}

static void program_add(cJSON *root, const struct subject *r)
{
    cJSON *program = cJSON_AddObjectToObject(root, "program");
    char digest[2 * PBC_DIGEST_LEN + 1];
    for (unsigned i = 0; i < PBC_DIGEST_LEN; i++) snprintf(digest + 2 * i, 3, "%02x", r->program->digest[i]);
    json_text(program, "path", r->o->program);
    json_text(program, "source", program_str(r->program, r->program->meta->source));
    cJSON_AddStringToObject(program, "digest", digest);
}

void json_sources(cJSON *root, const struct subject *r, const struct totals *t, const char *fault)
{
    cJSON *capture = cJSON_AddObjectToObject(root, "capture");
    json_text(capture, "path", r->o->replay ? r->o->replay : r->o->pcaps[0]);
    if (r->o->pcap_count > 1) {
        cJSON *paths = cJSON_AddArrayToObject(capture, "paths");
        for (unsigned i = 0; i < r->o->pcap_count; i++) {
            char path[4200];
            snprintf(path, sizeof path, "%s", r->o->pcaps[i]);
            cJSON_AddItemToArray(paths, cJSON_CreateString(text_clean(path)));
        }
    }
    if (r->ports && !r->o->on && r->ports->count > 1) {
        cJSON *all = cJSON_AddArrayToObject(capture, "interfaces");
        for (uint32_t i = 1; i < r->ports->count; i++) {
            cJSON *one = json_object(all);
            json_text(one, "name", r->ports->name[i]);
            json_text(one, "is", port_is(r->ports, i));
        }
    }
    if (t->stopped) cJSON_AddTrueToObject(capture, "stopped");
    json_number(capture, "frames", t->frames);
    json_number(capture, "bytes", t->bytes);
    json_number(capture, "skipped", t->outside);
    json_moment(capture, "first", t->first_ns);
    json_moment(capture, "last", t->last_ns);
    json_number(capture, "span_ns", t->last_ns - t->first_ns);
    json_number(capture, "earlier", t->earlier);
    json_text(capture, "error", *fault ? fault : NULL);
    program_add(root, r);
}

static void rule_add(cJSON *rules, const struct subject *r, const struct vm_counters *c, uint32_t i)
{
    char verdict[128];
    cJSON *rule = json_object(rules);
    cJSON_AddStringToObject(rule, "rule", label_rule(&r->labels, i));
    cJSON_AddBoolToObject(rule, "named", r->program->rules[i].name != 0);
    cJSON_AddStringToObject(rule, "verdict", label_verdict(&r->labels, i, verdict, sizeof verdict));
    cJSON_AddStringToObject(rule, "place", label_rule_place(&r->labels, i));
    cJSON_AddBoolToObject(rule, "decides", rule_decides(&r->program->rules[i]));
    counted(rule, &c->rules[i]);
}

/* Return the number of matches from which on at most `most` rules are listed, found bit by bit with a pass over all
 * rules for each bit. */
static uint64_t rule_threshold(const struct vm_counters *c, uint32_t count, uint32_t most)
{
    uint64_t under = 0; /* more than `most` rules have at least this many matches */
    for (unsigned bit = 64; bit-- > 0;) {
        const uint64_t packets = under | UINT64_C(1) << bit;
        uint32_t over = 0;
        for (uint32_t i = 0; i < count; i++) over += c->rules[i].packets >= packets;
        if (over > most) under = packets;
    }
    return under + 1;
}

enum { NO_RULES = UINT32_MAX };

/* Add the rules; most 0: all, NO_RULES: none, else those with the most matches, in the order of the rules, and the
 * number left out. */
static void some_rules_add(cJSON *root, const struct subject *r, const struct vm_counters *c, uint32_t most)
{
    const uint32_t count = r->program->rules_count;
    if (most == NO_RULES) return;
    const uint64_t packets = most && count > most ? rule_threshold(c, count, most) : 0;
    uint32_t left = 0;
    cJSON *rules = cJSON_AddArrayToObject(root, "rules");
    for (uint32_t i = 0; i < count; i++) {
        if (c->rules[i].packets >= packets)
            rule_add(rules, r, c, i);
        else
            left++;
    }
    if (most) json_number(root, "rules_left_out", left);
}

static void defaults_add(cJSON *root, const struct subject *r, const struct vm_counters *c)
{
    cJSON *defaults = cJSON_AddArrayToObject(root, "defaults");
    for (uint32_t i = 0; i < r->program->firewalls_count; i++) {
        cJSON *one = json_object(defaults);
        cJSON_AddStringToObject(one, "firewall", r->labels.firewall[i]);
        cJSON_AddStringToObject(one, "verdict", verdict_word(r->program->firewalls[i].default_verdict));
        cJSON_AddStringToObject(one, "place", label_firewall_place(&r->labels, i));
        counted(one, &c->defaults[i]);
    }
}

void json_decided(cJSON *root, const struct subject *r, const struct vm_counters *c, const struct totals *t)
{
    const struct decided d = decided_sum(r->program, c, t);
    cJSON *by = cJSON_AddObjectToObject(root, "decided_by");
    counter_add(by, "rules", &d.rules);
    counter_add(by, "defaults", &d.defaults);
#define DECIDED(field, counted, key, ...) counter_add(by, key, &d.field);
#include "runtime/counters/decided.def"
}

static void verdict_sums_add(cJSON *root, const struct subject *r, const struct vm_counters *c, const struct totals *t)
{
    cJSON *verdicts = cJSON_AddObjectToObject(root, "verdicts");
    for (unsigned a = 0; a < ACTION_COUNT; a++) counter_add(verdicts, action_name(a), &c->verdicts[a]);
    json_decided(root, r, c, t);
    cJSON *reasons = cJSON_AddObjectToObject(root, "reasons");
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (c->reasons[i].packets) counter_add(reasons, reason_name(i), &c->reasons[i]);
}

static void meters_add(cJSON *root, const struct subject *r, const struct vm_counters *c)
{
    cJSON *meters = cJSON_AddArrayToObject(root, "meters");
    for (uint32_t i = 0; i < r->program->meters_count; i++) {
        if (!r->program->meters[i].name) continue;
        cJSON *one = json_object(meters);
        json_text(one, "meter", program_str(r->program, r->program->meters[i].name));
        json_number(one, "within", c->meters[i].within);
        json_number(one, "over", c->meters[i].over);
        json_number(one, "overflowed", c->meters[i].overflowed);
    }
}

static void services_add(cJSON *root, const struct subject *r, const struct vm_counters *c, const struct totals *t)
{
    cJSON *services = cJSON_AddArrayToObject(root, "services"), *servers = cJSON_AddArrayToObject(root, "servers");
    for (uint32_t i = 0; i < r->program->services_count; i++) {
        cJSON *one = json_object(services);
        cJSON_AddStringToObject(one, "service", r->labels.service[i]);
        counted(one, &c->services[i]);
        counter_add(one, "no_server", &c->unserved[i]);
    }
    for (uint32_t i = 0; i < r->program->servers_count; i++) {
        cJSON *one = json_object(servers);
        cJSON_AddStringToObject(one, "server", r->labels.server[i]);
        cJSON_AddBoolToObject(one, "down", r->down && r->down[i]);
        const struct counter all = server_served(c, t, i);
        counted(one, &all);
    }
}

/* Return the object of that name, which is made if it is missing; null if its counters are not kept. */
static cJSON *object_of(cJSON *root, const char *name, bool kept)
{
    cJSON *object = *name ? cJSON_GetObjectItem(root, name) : root;
    if (object) return object;
    return kept ? cJSON_AddObjectToObject(root, name) : cJSON_AddNullToObject(root, name);
}

/* Add all counters of vm/counter.def. Those of flows are left out if their object is null. */
static void counters_add(cJSON *root, const struct vm_counters *c)
{
    struct counter_row row;
    for (unsigned at = 0; counters_next(c, &at, &row);) {
        cJSON *object = object_of(root, row.object, row.kept);
        if (!cJSON_IsNull(object)) json_number(object, row.key, row.value);
    }
}

/* The output of `write` goes before the brace that ends the object. */
int json_root_print(FILE *out, cJSON *root, const char *key, json_write_fn *write, const void *arg)
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

/* Add each service that watches, with the counters of `observed`. */
static void observes_add(cJSON *root, const struct subject *r, const struct vm_counters *c)
{
    const struct program *p = r->program;
    if (!c->observes) return;
    cJSON *services = cJSON_AddArrayToObject(root, "observe_services");
    for (uint32_t i = 0; i < p->observes_count; i++) {
        const struct vm_counters of = {.observed = &c->observes[i]};
        struct counter_row row;
        cJSON *one = json_object(services);
        json_text(one, "service", program_str(p, p->observes[i].name));
        for (unsigned at = 0; counters_next(&of, &at, &row);)
            if (!strcmp(row.object, "observed")) json_number(one, row.key, row.value);
    }
}

/* Add all that a worker counts, in a replay or live. */
static void numbers_add(cJSON *root, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                        uint32_t rules_most)
{
    verdict_sums_add(root, r, c, t);
    some_rules_add(root, r, c, rules_most);
    defaults_add(root, r, c);
    audit_json(root, r, c);
    services_add(root, r, c, t);
    said_json(root, t->streams);
    meters_add(root, r, c);
    counters_add(root, c);
    observes_add(root, r, c);
    if (c->flows) {
        cJSON *flows = cJSON_GetObjectItem(root, "flows");
        cJSON *live = cJSON_AddObjectToObject(flows, "live"), *ended = cJSON_AddObjectToObject(flows, "ended");
        for (unsigned i = 0; i < FLOW_CLASSES; i++)
            json_number(live, flow_class_name((enum flow_class)i), c->flows->live[i]);
        for (unsigned i = 0; i < FLOW_ENDS; i++)
            json_number(ended, flow_end_name((enum flow_end)i), c->flows->ended[i]);
    }
    cJSON *log = cJSON_AddObjectToObject(root, "log");
    json_number(log, "events", t->log_events);
    json_number(log, "lost", t->log_lost);
    json_number(log, "limited", logs_limited(r->program, c));
    if (!r->capture) return;
    /* number of copies on each path: runtime/README.md */
    cJSON *copied = cJSON_GetObjectItem(root, "copied");
    json_number(copied, "frames", capture_copied(r->capture));
    json_number(copied, "answers", t->written);
}

void report_json_add(cJSON *root, const struct report *of)
{
    struct subject r = {.o = of->options, .program = of->program, .labels = *of->labels};
    r.down = (uint8_t *)(uintptr_t)of->down; /* the array is not written to */
    program_add(root, &r);
    numbers_add(root, &r, of->counters, of->totals, of->rules_most);
}

cJSON *report_document(const struct report *of)
{
    cJSON *root = cJSON_CreateObject();
    struct report counts = *of;
    if (!of->options->json) counts.rules_most = NO_RULES;
    if (root) report_json_add(root, &counts);
    return root;
}

static void flows_write(FILE *out, const void *list) { flow_list_json(out, list); }

int report_json(FILE *out, cJSON *root, const struct flow_list *flows)
{
    return json_root_print(out, root, "flow_list", flows ? flows_write : NULL, flows);
}

cJSON *summary_document(const struct subject *r, const struct vm_counters *c, const struct totals *t,
                        const struct timing *timing, const char *fault)
{
    cJSON *root = cJSON_CreateObject();
    if (!root) return NULL;
    json_sources(root, r, t, fault);
    numbers_add(root, r, c, t, r->o->json ? 0 : NO_RULES);
    json_number(root, "elapsed_ns", t->elapsed_ns);
    if (timing) {
        cJSON *times = cJSON_AddObjectToObject(root, "repeat");
        json_number(times, "passes", timing->passes);
        cJSON_AddNumberToObject(times, "first_ns", timing->first);
        cJSON_AddNumberToObject(times, "best_ns", timing->best);
        cJSON_AddNumberToObject(times, "median_ns", timing->median);
        cJSON_AddNumberToObject(times, "worst_ns", timing->worst);
    }
    return root;
}
