/* A fresh worker judges each packet. A second worker, which judges nothing, is asked for the reasons. The
 * words are those of preyrun's --explain. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/sample/sample.h"
#include "compiler/ruletest/written.h"
#include "compiler/say.h"
#include "compiler/traffic/traffic.h"
#include "compiler/traffic/unserved.h"
#include "compiler/traffic/workshop.h"
#include "runtime/report/explain/explain_packet.h"
#include "runtime/report/given/iface.h"
#include "runtime/schedule/schedule.h"
#include "vm/packet/key.h"
#include "vm/words/words.h"

enum { SELF_STEP = 160 };

struct asking {
    const struct asked *asked_for;
    struct workshop shop;
    struct known_routes routes;
    struct unserved unserved; /* devices that -i leaves out */
    struct facts self_facts;  /* this machine's own addresses */
    struct vm *idle;          /* worker that is asked and judges nothing */
    struct options options;
    uint8_t *frame; /* buffer of FRAME_MOST bytes */
    FILE *out;
    unsigned asked;
    char self[SELF_STEP]; /* the step that names `self`, or "" */
};

/* Set the interface of that name; IFACE_NONE without a name. */
static int ask_iface(const struct asking *a, const char *name, uint16_t *iface)
{
    char err[160];
    *iface = IFACE_NONE;
    if (!*name || iface_find(a->shop.program, name, iface, err, sizeof(err)) == 0) return 0;
    say(stderr, "preyc: --ask: %s", err);
    return -EINVAL;
}

/* Return the id that frames of the device have. as: its id in the rules. */
static uint16_t own_id(const struct asking *a, const char *name, uint16_t as)
{
    return addresses_iface(&a->routes.addresses, name, as);
}

/* Set the addresses that represent unknown ones. A given way has only an id of the rules, so if a packet leaves by a
 * device that rules do not name by itself, these are the device's. */
static void speak_by(struct asking *a, uint16_t iface)
{
    struct facts *f = &a->shop.facts;
    uint32_t four[4], six[4];
    f->addr4 = a->self_facts.addr4;
    memcpy(f->addr6, a->self_facts.addr6, sizeof(f->addr6));
    facts_address(f, iface, false, four);
    facts_address(f, iface, true, six);
    f->addr4 = four[0];
    memcpy(f->addr6, six, sizeof(f->addr6));
}

/* Make a view of the frame, with the interfaces by which it comes in and leaves. A frame that this machine sends has
 * only one. */
static int view_of(struct asking *a, const struct written *w, uint32_t len, struct pkt *pkt)
{
    uint16_t on, out_on;
    struct key key;
    if (ask_iface(a, w->on, &on) < 0 || ask_iface(a, w->out_on, &out_on) < 0) return -EINVAL;
    pkt_view(pkt, a->frame, len, len, LINK_ETHER, own_id(a, w->on, on));
    speak_by(a, IFACE_NONE);
    if (!*w->out_on) return 0;
    pkt_parse(pkt, &a->shop.facts, &key);
    if (key.kind & KIND_OUT) {
        pkt->iface = own_id(a, w->out_on, out_on);
    } else {
        if (own_id(a, w->out_on, out_on) != out_on) speak_by(a, own_id(a, w->out_on, out_on));
        pkt->way = (uint16_t)(out_on + 1);
        pkt->flags |= PKT_WAY_SAID;
    }
    return 0;
}

/* Return the choice of a proxy service by the client's first bytes, as text; NULL: not asked. */
static char *heard(struct asking *a, const struct test_said *said, const struct verdict *v, uint32_t len)
{
    static const char nobody[] = "client data is ignored: no proxy service takes the connection";
    const struct program *p = a->shop.program;
    if (!said) return NULL;
    if (v->action != ACTION_FORWARD || v->service >= p->services_count || !p->services[v->service].proxy)
        return strdup(nobody);
    return written_heard(a->shop.program, v->service, said, a->frame, len, &a->shop.facts);
}

static int ask_explain(struct asking *a, const struct pkt *view, const struct test_said *said, const char *unnamed)
{
    struct tx_entry entries[VM_TX_PER_PACKET];
    struct vm_tx tx = {.entries = entries, .cap = VM_TX_PER_PACKET};
    struct pkt pkt, came = *view;
    struct verdict v;
    struct vm *vm = workshop_vm(&a->shop);
    if (!vm) return -ENOMEM;
    const struct vm_in in = workshop_in(&a->shop, TEST_BEGIN_NS);
    pkt = came;
    vm_run(vm, &in, (struct pkt *const[]){&pkt}, 1, &v, &tx);
    char *words = heard(a, said, &v, view->wire_len), lost[UNSERVED_LOST] = "";
    if (v.action == ACTION_FORWARD && tx.count) unserved_lost(&a->unserved, entries[0].pkt, lost);
    const struct explain_packet e = {.o = &a->options,
                                     .unnamed = unnamed,
                                     .program = a->shop.program,
                                     .labels = &a->shop.labels,
                                     .pool = a->shop.pool,
                                     .before = a->idle,
                                     .in = &in,
                                     .pkt = &came,
                                     .verdict = &v,
                                     .heard = words,
                                     .lost = *lost ? lost : NULL,
                                     .left = entries,
                                     .left_count = *lost ? 0 : tx.count};
    if (a->asked++ && !a->options.json) fputc('\n', a->out);
    explain_packet_to(a->out, &e);
    for (unsigned i = 0; i < tx.count; i++) pool_put(entries[i].pkt);
    vm_free(vm);
    free(words);
    return 0;
}

/* If no firewall judges the packet because of its device, write that and return true. */
static bool is_left_out(struct asking *a, const struct key *key, const struct pkt *pkt, const struct unserved_way *way)
{
    char text[SERVED_TEXT], what[200];
    if (!unserved_judges_none(&a->unserved, key, way, text)) return false;
    const bool spared = !way->shut || key_is_of_link(key, false);
    pkt_describe(pkt, key, what, sizeof(what));
    if (a->asked++ && !a->options.json) fputc('\n', a->out);
    if (a->options.json)
        json_print(a->out, "{'packet':%s,'verdict':%s,'reason':%s,'unjudged':%s}\n", what, spared ? "unjudged" : "drop",
                   "unjudged", text);
    else
        fprintf(a->out, "%s\n  %s\n%s (%s is %s)\n", what, text,
                spared ? "verdict: no firewall judges the packet" : "verdict: drop  reason unjudged", way->device,
                served_becomes(way->shut));
    return true;
}

/* Explain a packet that was read. */
static int ask_answer(struct asking *a, const struct written *w, struct pkt *pkt, const struct test_said *said,
                      const char *unnamed)
{
    const char *names[2] = {w->on, w->out_on};
    struct unserved_way way;
    struct pkt copy = *pkt;
    struct key key;
    if (a->asked_for->serves && pkt_parse(&copy, &a->shop.facts, &key) == REASON_NONE && key.kind & KIND_IP) {
        unserved_find(&a->unserved, &key, names, &way);
        if (is_left_out(a, &key, &copy, &way)) return 0;
        unserved_crosses(&a->unserved, &key, &way, pkt);
    }
    return ask_explain(a, pkt, said, unnamed);
}

static int ask_one(struct asking *a, const char *text)
{
    struct written w;
    struct test_said *said;
    struct pkt pkt;
    char err[300];
    if (written_read(&w, text, err, sizeof(err)) < 0) {
        say(stderr, "preyc: --ask: %s", err);
        return -EINVAL;
    }
    const uint32_t len = written_frame(&w, a->self, a->frame, &said, stderr);
    const bool seen = len && view_of(a, &w, len, &pkt) == 0;
    const bool unnamed = seen && *w.on && facts_known_as(&a->shop.facts, pkt.iface) >= a->shop.program->ifaces_count &&
                         a->shop.program->ifaces_count;
    const int result = seen ? ask_answer(a, &w, &pkt, said, unnamed ? w.on : NULL) : -EINVAL;
    free(said);
    return result;
}

/* Read a line of standard input without its end, NUL-terminated, and its length; bytes past LINE_MOST are dropped.
 * False at the end. */
enum { LINE_MOST = 65536 };
static bool question_read(char line[LINE_MOST + 1], size_t *len)
{
    int c;
    for (*len = 0; (c = getc(stdin)) != EOF && c != '\n'; ++*len)
        if (*len < LINE_MOST) line[*len] = (char)c;
    line[*len < LINE_MOST ? *len : LINE_MOST] = '\0';
    return *len || c != EOF;
}

static int ask_line(struct asking *a, char *line, size_t len)
{
    if (len > LINE_MOST || memchr(line, 0, len)) {
        say(stderr, "preyc: --ask: the input isn't a packet: a line %s",
            len > LINE_MOST ? "longer than 65,536 bytes" : "with a zero byte");
        return -EINVAL;
    }
    line[strcspn(line, "\r")] = '\0';
    const char *text = line + strspn(line, " \t");
    return *text && *text != '#' ? ask_one(a, text) : 0;
}

static int ask_lines(struct asking *a)
{
    char *line = malloc(LINE_MOST + 1);
    int result = line ? 0 : -ENOMEM;
    size_t len;
    for (uint64_t number = 1; result != -ENOMEM && question_read(line, &len); number++) {
        const int one = ask_line(a, line, len);
        if (one < 0) result = one;
        if (one == -EINVAL)
            say(stderr, "preyc: --ask: the error is in line %llu of standard input", (unsigned long long)number);
        fflush(a->out);
    }
    free(line);
    return result;
}

/* Return this machine's addresses: those of --self, or, for a family of which it lists none, the `local` routes, of
 * which the lowest is then the first. */
static struct facts own_addresses(const struct asking *a)
{
    struct facts own = self_facts(&a->options.self);
    addresses_are_self(&a->routes.addresses, &own);
    if (!own.addr4 && own.self4_count) own.addr4 = own.self4[0];
    if (!a->options.self.v6_count && own.self6_count) {
        uint32_t last[4];
        range6_words(&own.self6[0], own.addr6, last);
    }
    return own;
}

/* Write the step that names `self`; "" leaves `self` as in tests. */
static void self_step(const struct facts *self, char step[SELF_STEP])
{
    const uint32_t v4[4] = {self->addr4};
    char text4[64] = "", text6[64] = "";
    *step = '\0';
    if (self->self4_count) address_text(4, v4, text4);
    if (self->self6_count) address_text(6, self->addr6, text6);
    if (*text4 || *text6) snprintf(step, SELF_STEP, "self %s%s%s\n", text4, *text4 && *text6 ? ", " : "", text6);
}

static int ask_all(struct asking *a, const struct asked *asked)
{
    int result = 0;
    if (!(a->idle = workshop_vm(&a->shop))) return -ENOMEM;
    for (unsigned i = 0; i < asked->count && result != -ENOMEM; i++) {
        const int one = strcmp(asked->packets[i], "-") ? ask_one(a, asked->packets[i]) : ask_lines(a);
        if (one < 0) result = one;
    }
    return result;
}

int ask(struct program *p, const struct asked *asked, FILE *out)
{
    struct asking a = {.asked_for = asked, .options = {.json = asked->json}, .out = out, .frame = malloc(FRAME_MOST)};
    struct written_time at;
    char err[600];
    int result = a.frame ? 0 : -ENOMEM;
    if (selves_read(&a.options.self, asked->selves, asked->self_count) < 0 ||
        (asked->at && written_time(&at, asked->at, stderr) < 0))
        result = -EINVAL;
    if (!result && (result = known_routes_read(&a.routes, &asked->routes, p, err, sizeof(err))) == -EINVAL)
        say(stderr, "preyc: %s", err);
    a.self_facts = own_addresses(&a);
    self_step(&a.self_facts, a.self);
    if (!*a.self) a.self_facts = *own_default();
    if (!result) result = workshop_open(&a.shop, p, &a.self_facts);
    if (!result && asked->at)
        workshop_stop(&a.shop,
                      at.dated ? schedules_on_date(p, at.date, at.minute) : schedules_on(p, at.day, at.minute));
    if (!result && p->lives_count)
        workshop_notice(NULL,
                        "live sets have no members here; to use the members of a running prey, run `preyctl explain`");
    if (!result) {
        known_routes_tell(&a.routes, &a.shop.facts, *a.self);
        a.unserved = (struct unserved){.asked = asked, .program = p, .facts = &a.shop.facts};
        unserved_settle(&a.unserved, &a.routes);
        addresses_doubts(&a.routes.addresses, &a.shop.facts, workshop_notice, NULL);
        result = ask_all(&a, asked);
    }
    if (result == -ENOMEM) say(stderr, "preyc: out of memory: lower the `limits` of the rules");
    vm_free(a.idle);
    workshop_close(&a.shop);
    self_fini(&a.options.self);
    known_routes_fini(&a.routes);
    free(a.frame);
    return result;
}
