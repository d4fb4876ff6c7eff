/* Report a failed test, in this order: the expectation and the result; the packet; the deciding rule; and why the
 * expected rule did not decide, or which rule came closest.
 *
 *     edge.prey:12:3: error: test "admins may ssh": expected accept by SSH, but found drop by default [E0701]
 *        12 |   expect accept by SSH: tcp 198.18.0.1:50000 -> self:22 syn
 *           |   ^^^^^^^^^^^^^^^^^^^^
 *     note: the packet: tcp 198.18.0.1:50000 > 192.0.0.8:22 SYN, 54 bytes
 *     edge.prey:4:10: note: no rule of `edge` decided; its default did
 *     edge.prey:7:14: note: `SSH` does not match: source is not in admins */
#include <string.h>
#include <time.h>

#include "compiler/ruletest/ruletest.h"
#include "lang/json.h"
#include "vm/words/words.h"

static const char *const reason_doc[REASON_COUNT] = {
#define REASON(ident, name, doc) [REASON_##ident] = doc,
#include "vm/reason.def"
};

const char *test_rule_text(const struct test_run *r, uint32_t rule, char buf[RULE_TEXT])
{
    if (rule == RULE_DEFAULT) return "default";
    return rule == RULE_NONE ? "" : rule_name(r->program, rule, buf, RULE_TEXT);
}

static const char *rule_by_text(const struct test_run *r, uint32_t rule, char buf[RULE_TEXT + 4])
{
    char name[RULE_TEXT];
    snprintf(buf, RULE_TEXT + 4, "%s%s", rule == RULE_NONE ? "" : " by ", test_rule_text(r, rule, name));
    return buf;
}

/* Write ", 1.5 s into the test" or, if the program has schedules, ", mon 09:00"; nothing at the test's beginning. */
static const char *when_text(const struct test_run *r, char buf[48])
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const uint64_t ms = (r->now_ns - r->began_ns) / 1000000;
    const unsigned minute = test_wall(r);
    size_t n;
    buf[0] = '\0';
    if (r->program->schedules_count && r->captured_ns) {
        /* Schedules were judged by the capture time of the frame. */
        const time_t s = (time_t)(r->captured_ns / 1000000000);
        struct tm tm;
        buf[0] = '\0';
        if (gmtime_r(&s, &tm)) strftime(buf, 48, ", captured %Y-%m-%d %H:%M:%S UTC", &tm);
        return buf;
    }
    if (r->program->schedules_count)
        snprintf(buf, 48, ", %s %02u:%02u", days[minute / (24 * 60)], minute / 60 % 24, minute % 60);
    if (r->program->schedules_count || !ms) return buf;
    n = (size_t)snprintf(buf, 24, ", %llu.%03llu", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
    while (buf[n - 1] == '0') n--;
    if (buf[n - 1] == '.') n--;
    snprintf(buf + n, 48 - n, " s into the test");
    return buf;
}

void test_note_packet(struct test_run *r, const char *what, const struct pkt *pkt, const struct key *key)
{
    const bool flows = r->program->meta->flags & PBC_KEEPS_FLOWS;
    char text[300], device[48] = "", when[48];
    pkt_describe(pkt, key, text, sizeof(text));
    if (pkt->iface == IFACE_OTHER)
        snprintf(device, sizeof(device), " on an interface that no rule names");
    else if (pkt->iface < r->program->ifaces_count)
        snprintf(device, sizeof(device), " on %.20s", program_str(r->program, r->program->ifaces[pkt->iface].device));
    diag_note(r->c->diags, SPAN_NONE, "%s%s: %s%s, %u bytes%s%s", what, when_text(r, when), text, device, pkt->wire_len,
              flows ? ", state " : "", flows ? state_name(key->marks) : "");
    if (key->kind & KIND_TCP_FLAGS && !(key->marks & 0xff))
        diag_note(r->c->diags, SPAN_NONE, "the packet has no TCP flags; to open a connection, write `syn`");
}

/* Add a note that no rule judged the packet, most often because it is not addressed to `self`. */
static void note_nobody(struct test_run *r, const struct verdict *v, const struct key *key)
{
    struct diags *d = r->c->diags;
    if (v->action == ACTION_PASS) {
        diag_note(d, SPAN_NONE, "no rule is about ARP, so ARP packets pass");
        return;
    }
    if (v->action == ACTION_FORWARD && key->marks & (MARK_ESTABLISHED | MARK_RELATED)) {
        diag_note(d, SPAN_NONE, "no rule judges this packet, because it belongs to a forwarded connection");
        return;
    }
    diag_note(d, SPAN_NONE, "no firewall judges a packet %s",
              key->kind & KIND_OUT  ? "sent by this machine"
              : key->kind & KIND_IN ? "for this machine"
                                    : "for another machine");
    if (key->kind & KIND_FORWARD)
        diag_note(d, SPAN_NONE, "to set this machine's addresses, write `self ADDRESS` in the test");
}

void test_note_decider(struct test_run *r, const struct verdict *v, const struct key *key)
{
    const struct image *img = r->c->image;
    struct diags *d = r->c->diags;
    char name[RULE_TEXT];
    if (v->reason != REASON_NONE && v->reason < REASON_NO_SERVER) {
        diag_note(d, SPAN_NONE, "before any rule: %s: %s", reason_name(v->reason), reason_doc[v->reason]);
        return;
    }
    const bool refused = v->reason != REASON_NONE,
               went_on = refused || v->action == ACTION_FORWARD || v->service != PBC_NONE;
    if (v->rule < img->rules_count)
        diag_note(d, img->rule_span[v->rule], went_on ? "`%s` accepted the packet" : "`%s` decided",
                  test_rule_text(r, v->rule, name));
    else if (v->rule == RULE_DEFAULT && v->firewall < img->firewalls_count)
        diag_note(d, img->firewall_span[v->firewall], "no rule of `%s` decided; its default did",
                  image_str(img, img->firewalls[v->firewall].name));
    else if (!refused)
        note_nobody(r, v, key);
    if (refused && v->reason != REASON_NO_SERVER)
        diag_note(d, SPAN_NONE, "prey didn't forward the packet: %s: %s", reason_name(v->reason),
                  reason_doc[v->reason]);
}

struct span test_span_of(struct test_run *r, const struct pbc_place *place)
{
    struct sources *sources = &r->c->sources;
    const char *path = program_str(r->program, place->file);
    size_t len;
    for (uint32_t f = 0; f < sources->count; f++) {
        if (strcmp(sources->files[f].path, path) != 0) continue;
        const char *line = source_line(sources, f, place->line, &len);
        const uint32_t start = (uint32_t)(line - sources->files[f].text) + (place->col ? place->col - 1u : 0);
        return (struct span){f, start, start + place->len};
    }
    return SPAN_NONE;
}

struct served test_served(const struct test_run *r, const struct pkt *pkt, const struct key *key)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    if (!r->program->services_count || pkt->reason != REASON_NONE)
        return (struct served){.branch = PBC_NONE, .pool = PBC_NONE, .server = PBC_NONE};
    return vm_explain_service(r->vm, &in, key, pkt);
}

/* Add a note if a `nat` may translate the packet, and the test does not give its way. */
static void note_way(struct test_run *r, const struct pkt *pkt, const struct key *key)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    if (pkt->reason != REASON_NONE) return;
    const struct translated t = vm_explain_nat(r->vm, &in, key, pkt);
    if (!t.unknown || t.nat != PBC_NONE) return;
    diag_note(r->c->diags, SPAN_NONE,
              "no `nat` translates the packet, because its output interface is unknown: add `out on IF` to the packet, "
              "or `route PREFIX IF` before it");
}

static const char *const sends[PBC_GOES] = {
    [PBC_GOES_TARGET] = "sends the packet to the target that its client names",
    [PBC_GOES_ORIGINAL] = "sends the packet to the address that its client asked for",
    [PBC_GOES_REJECT] = "rejects the connection",
    [PBC_GOES_PROGRAM] = "hands the connection to ",
    [PBC_GOES_PASS] = "lets the packet continue to the address that its client asked for",
};

/* Add a note on the service that takes the packet, its branch and how; `served` dates from before the judging. */
void test_note_service(struct test_run *r, const struct served *served, const struct verdict *v)
{
    const struct program *p = r->program;
    struct diags *d = r->c->diags;
    if (v->service >= p->services_count) {
        if (v->action == ACTION_ACCEPT) diag_note(d, SPAN_NONE, "no service takes the packet");
        return;
    }
    const char *service = program_str(p, p->services[v->service].name);
    if (served->branch == PBC_NONE && served->how[0])
        diag_note(d, SPAN_NONE, "the service `%s` closes the connection: %s", service, served->how);
    if (served->branch >= p->branches_count) return;
    const struct span at = test_span_of(r, &p->branches[served->branch].place);
    const enum pbc_goes goes = branch_goes(&p->branches[served->branch]);
    if (goes >= PBC_GOES_TARGET) {
        char text[DESTINATION_TEXT];
        diag_note(d, at, "the service `%s` %s%s", service, sends[goes],
                  goes == PBC_GOES_PROGRAM ? destination_text(p, &p->branches[served->branch], text) : "");
        return;
    }
    if (served->pool >= p->pools_count || v->server == PBC_NONE) {
        diag_note(d, at, "the service `%s` has no server for the packet", service);
        return;
    }
    diag_note(d, at, "the service `%s` sends the packet to `%s`%s%s", service,
              program_str(p, p->pools[served->pool].name), served->how[0] ? ": " : "", served->how);
}

/* Write the expectation: "accept by SSH state new", "pool canary", "server shop/a", "that a service refuses the
 * connection". */
static const char *expected_text(const struct test_run *r, const struct test_step *s, char *buf, size_t len)
{
    const struct program *p = r->program;
    char by[RULE_TEXT + 4];
    if (s->mirrored)
        snprintf(buf, len, "%smirrored%s", s->mirrored == MIRRORED_NOT ? "not " : "", rule_by_text(r, s->rule, by));
    else if (s->refused)
        snprintf(buf, len, "that a service refuses the connection");
    else if (s->goes == PBC_GOES_ORIGINAL)
        snprintf(buf, len, "original");
    else if (s->goes == PBC_GOES_PROGRAM)
        snprintf(buf, len, "program \"%s\"", s->socket);
    else if (s->server != PBC_NONE)
        snprintf(buf, len, "server %s/%s", program_str(p, p->pools[p->servers[s->server].pool].name),
                 program_str(p, p->servers[s->server].name));
    else if (s->pool != PBC_NONE)
        snprintf(buf, len, "pool %s", program_str(p, p->pools[s->pool].name));
    else
        snprintf(buf, len, "%s%s%s%s%s", s->would ? "would " : "", action_name(s->action), rule_by_text(r, s->rule, by),
                 s->state ? " state " : "", s->state ? state_name(s->state) : "");
    return buf;
}

/* Write what happened: "drop by default", "forward to shop/a by WEB"; with the state if one was expected. */
static const char *found_text(const struct test_run *r, const struct test_search *s, const struct verdict *v, char *buf,
                              size_t len)
{
    const struct program *p = r->program;
    char by[RULE_TEXT + 4], server[300] = "";
    if (s->refused && v->service < p->services_count) {
        snprintf(buf, len, "that the service `%s` refuses the connection",
                 program_str(p, p->services[v->service].name));
        return buf;
    }
    if (s->goes >= PBC_GOES_ORIGINAL) {
        char text[DESTINATION_TEXT];
        const char *to = destination_text(p, &p->branches[s->served.branch], text);
        snprintf(server, sizeof(server), " to %s", to);
        if (s->goes == PBC_GOES_REJECT) {
            snprintf(buf, len, "reject by the service `%s`", program_str(p, p->services[v->service].name));
            return buf;
        }
    }
    if (v->server < p->servers_count)
        snprintf(server, sizeof(server), " %s %s/%s", v->action == ACTION_FORWARD ? "to" : "for",
                 program_str(p, p->pools[p->servers[v->server].pool].name), program_str(p, p->servers[v->server].name));
    snprintf(buf, len, "%s%s%s%s%s", action_name(v->action), server, rule_by_text(r, v->rule, by),
             s->step->state ? " state " : "", s->step->state ? state_name(s->key.marks) : "");
    return buf;
}

/* Report an expectation of the verdict without `audit`, in the words and numbers of those rules. */
static void report_would(struct test_run *r, const struct test_step *step, const struct verdict *v,
                         const struct test_search *s)
{
    struct program *const real = r->program;
    const struct verdict would = test_would(real, v);
    char expected[300], found[600];
    compile_swap(r->c);
    r->program = (struct program *)(uintptr_t)real->would;
    diag(r->c->diags, E_TEST_FAILED, step->span, "test \"%s\": expected %s, but found would %s", r->test->name.s,
         expected_text(r, step, expected, sizeof(expected)), found_text(r, s, &would, found, sizeof(found)));
    test_note_packet(r, step->reply == REPLY_NOT ? "the packet" : "the reply", &s->pkt, &s->key);
    test_note_decider(r, &would, &s->key);
    r->program = real;
    compile_swap(r->c);
}

void test_report(struct test_run *r, const struct test_step *step, const struct verdict *v, const struct test_search *s)
{
    char expected[300], found[600], copied[1000];
    if (step->would) {
        report_would(r, step, v, s);
        return;
    }
    found_text(r, s, v, found, sizeof(found));
    diag(r->c->diags, E_TEST_FAILED, step->span, "test \"%s\": expected %s, but found %s", r->test->name.s,
         expected_text(r, step, expected, sizeof(expected)),
         step->mirrored ? test_mirrored_text(r, found, copied, sizeof(copied)) : found);
    test_note_packet(r,
                     s->inner                   ? "the packet inside"
                     : step->reply == REPLY_NOT ? "the packet"
                                                : "the reply",
                     &s->pkt, &s->key);
    if (step->state && !(r->program->meta->flags & PBC_KEEPS_FLOWS))
        diag_note(r->c->diags, SPAN_NONE, "no rule has `state`, so prey doesn't track connections");
    test_note_decider(r, v, &s->key);
    test_note_left(r, v);
    if (step->pool != PBC_NONE || step->goes != PBC_GOES_POOLS || v->service != PBC_NONE)
        test_note_service(r, &s->served, v);
    if (v->action == ACTION_ACCEPT) note_way(r, &s->pkt, &s->key);
    test_note_why(r, s, v);
    if (s->key.marks & MARK_INVALID && (v->action == ACTION_DROP || v->action == ACTION_REJECT))
        test_note_quoted(r, step);
}

bool tests_any(const struct compile *c) { return c->tests && c->tests->ran; }

bool tests_passed(const struct compile *c) { return !c->tests || !c->tests->failed; }

void tests_summary(const struct compile *c, FILE *out)
{
    const struct tests *t = c->tests;
    const char *before = ": ";
    unsigned shown = 0;
    if (!tests_any(c)) return;
    if (!t->failed) {
        fprintf(out, "%u test%s passed", t->ran, t->ran == 1 ? "" : "s");
        return;
    }
    fprintf(out, "%u of %u test%s failed", t->failed, t->ran, t->ran == 1 ? "" : "s");
    for (const struct test *test = t->first; test; test = test->next) {
        if (!test->failed || shown++ >= 5) continue;
        fprintf(out, "%s\"%s\"", before, test->name.s);
        before = ", ";
    }
    if (t->failed > 5) fputs(", ...", out);
}

void tests_print_json(struct compile *c, FILE *out)
{
    unsigned n = 0, line, col;
    fputc('[', out);
    for (const struct test *t = c->tests && c->tests->ran ? c->tests->first : NULL; t; t = t->next) {
        source_place(&c->sources, t->span.file, t->span.start, &line, &col);
        json_next(out, n++);
        json_print(out, "\n{'name':%s,'file':%s,'line':%u,'passed':%i}", t->name.s, c->sources.files[t->span.file].path,
                   line, !t->failed);
    }
    fputs("\n]", out);
}
