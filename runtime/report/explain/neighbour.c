/* Answers to questions for a neighbour's MAC address. The text depends on the program and on this machine's known
 * addresses; the answer itself is that of vm/forward/vips.c. */
#include "runtime/report/explain/parts.h"
#include "vm/forward/service.h"

struct answer {
    bool answered;
    char address[INET6_ADDRSTRLEN], why[240];
};

static void say_why(const struct subject *r, const struct vips_asked *asked, struct answer *a)
{
    const char *service = asked->service == PBC_NONE ? "" : label_service(&r->labels, asked->service);
    char *why = a->why;
    const size_t len = sizeof a->why;
    switch (asked->answers) {
    case VIPS_HOST: snprintf(why, len, "by this machine's network stack: %s is its address", a->address); break;
    case VIPS_SERVICE: snprintf(why, len, "service %.100s announces %s", service, a->address); break;
    case VIPS_OUTSIDE: snprintf(why, len, "a `nat` translates to %s", a->address); break;
    case VIPS_SILENT:
        snprintf(why, len, "service %.100s has the address %s, but no `announce`", service, a->address);
        break;
    case VIPS_NOBODY: snprintf(why, len, "this machine doesn't answer for %s", a->address); break;
    case VIPS_NOT_ASKED: break;
    }
}

/* Find the answer. False: the packet is not a neighbour look-up. */
static bool answer_to(const struct subject *r, const struct explain_look *k, const struct verdict *v, struct answer *a)
{
    const struct vips_asked asked = vips_who(r->program, k->in.facts, &k->pkt, &k->key);
    *a = (struct answer){.answered = asked.answers != VIPS_SILENT && asked.answers != VIPS_NOBODY};
    if (asked.answers == VIPS_NOT_ASKED) return false;
    address_text(k->key.kind & KIND_ARP ? 4 : 6, asked.target, a->address);
    say_why(r, &asked, a);
    if (v->action == ACTION_ACCEPT || v->action == ACTION_PASS) return true;
    a->answered = false;
    snprintf(a->why, sizeof a->why, "the rules don't accept the request");
    return true;
}

void explain_neighbour_text(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    struct answer a;
    if (answer_to(r, k, v, &a)) fprintf(out, "  %s: %s\n", a.answered ? "answered" : "no answer", a.why);
}

void explain_neighbour_json(FILE *out, const struct subject *r, const struct explain_look *k, const struct verdict *v)
{
    struct answer a;
    if (answer_to(r, k, v, &a))
        json_print(out, ",'asks_for':{'address':%s,'answered':%i,'why':%s}", a.address, a.answered, a.why);
}
