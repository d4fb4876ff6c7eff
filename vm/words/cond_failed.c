/* Words for a condition that failed: "source is not in abusers", "destination port is 80, not in web", "no ports in
 * this packet". One clause; the caller adds rule and place. */
#include "vm/flow/grain.h"
#include "vm/judge/effects.h"
#include "vm/judge/why.h"
#include "vm/words/words_priv.h"

enum { ITEMS_SHOWN = 4 };

/* A condition that failed, and a packet that has its field. */
struct failed {
    const struct program *p;
    const struct pbc_cond *c;
    const struct key *key;
    const struct pkt *pkt;
};

/* Add the list, "abusers", "tcp or udp", "22, 80, 443"; false if it is too long. */
static bool add_list(struct text *t, const struct program *p, const struct pbc_cond *c, const char *between)
{
    char scratch[512];
    struct text probe = text_of(scratch, sizeof scratch);
    if (text_add_item(&probe, p, c, ITEMS_SHOWN)) return false;
    for (uint32_t i = 0; i < ITEMS_SHOWN; i++) {
        probe = text_of(scratch, sizeof scratch);
        if (!text_add_item(&probe, p, c, i)) break;
        text_add(t, "%s%s", i ? between : "", scratch);
    }
    return true;
}

/* Add how the value relates to the list: ", not in web", ", not 80, 443"; with `not`: ", in web", "". */
static void add_relation(struct text *t, const struct program *p, const struct pbc_cond *c)
{
    bool negated = c->flags & PBC_COND_NOT;
    const char *name = program_str(p, c->name);
    if (*name) {
        text_add(t, negated ? ", in " : ", not in ");
        text_add_name(t, name);
    } else if (!negated) {
        size_t before = t->used;
        text_add(t, ", not ");
        if (!add_list(t, p, c, ", ")) {
            t->used = before;
            text_add(t, ", not in the list");
        }
    } else {
        text_add(t, ", which `not` excludes");
    }
}

static void say_value(struct text *t, const struct program *p, const struct pbc_cond *c, const char *what,
                      uint32_t value)
{
    text_add(t, "%s is ", what);
    text_add_value(t, p, c, value);
    add_relation(t, p, c);
}

/* Describe the kind of a packet, its family or protocol: "not icmp6", "is udp". */
static void say_words(struct text *t, const struct program *p, const struct pbc_cond *c, uint32_t has)
{
    if (c->flags & PBC_COND_NOT) {
        text_add(t, "is ");
        text_add_kind(t, has, ", ");
        return;
    }
    text_add(t, "not ");
    if (!add_list(t, p, c, " or ")) text_add(t, "in the list");
}

static void family_say(struct text *t, const struct failed *f) { say_words(t, f->p, f->c, f->key->kind & f->c->arg); }

static void number_say(struct text *t, const struct failed *f)
{
    const struct cond_info *k = &cond_info[f->c->kind];
    if (k->traits & COND_ALONE) {
        text_add(t, "source is reached by the interface on which it arrived");
        return;
    }
    const bool hops = f->c->kind == COND_TTL && f->key->kind & KIND_IP6;
    say_value(t, f->p, f->c, hops ? "hop limit" : k->word, cond_number(k, f->key, f->pkt));
}

static void proto_say(struct text *t, const struct failed *f)
{
    const struct pbc_cond *c = f->c;
    const bool negated = c->flags & PBC_COND_NOT;
    if (f->key->kind & c->arg || (!negated && c->arg && c->count == 0))
        say_words(t, f->p, c, f->key->kind & c->arg);
    else
        say_value(t, f->p, c, "protocol", f->key->proto);
}

/* Describe source or destination: "source is not in abusers", "source is 10.0.0.1, not 10.0.0.2", "source is self". */
static void address_say(struct text *t, const struct failed *f)
{
    const struct pbc_cond *c = f->c;
    const bool negated = c->flags & PBC_COND_NOT, dst = c->kind == COND_TO;
    const char *side = dst ? "destination" : "source", *name = program_str(f->p, c->name);
    if (c->flags & PBC_COND_ANY) {
        text_add(t, "`not any` holds for no %s", side);
    } else if (*name || (c->arg && c->count == 0)) {
        text_add(t, "%s is %s%s", side, negated ? "" : "not ", *name ? "in " : "");
        text_add_name(t, *name ? name : "self");
    } else {
        text_add(t, "%s is ", side);
        text_add_address(t, dst ? f->key->dst : f->key->src, f->key->kind & KIND_IP6);
        add_relation(t, f->p, c);
    }
}

static void mac_say(struct text *t, const struct failed *f)
{
    const bool dst = f->c->kind == COND_ETHER_TO;
    text_add(t, "%s MAC is ", dst ? "destination" : "source");
    text_add_mac(t, pkt_mac(f->pkt, dst));
    add_relation(t, f->p, f->c);
}

static void flags_say(struct text *t, const struct failed *f)
{
    const uint32_t lacking = f->c->arg & 0xff & ~f->key->marks, unwanted = f->c->arg >> 8 & f->key->marks;
    text_add(t, lacking ? "lacks " : "has ");
    text_add_flags(t, lacking ? lacking : unwanted);
}

static void fragment_say(struct text *t, const struct failed *f)
{
    if (f->key->kind & KIND_FRAG_FIRST)
        text_add(t, "is a first fragment");
    else if (f->key->kind & KIND_FRAG_LATER)
        text_add(t, "is a later fragment");
    else
        text_add(t, "not a fragment");
}

static void state_say(struct text *t, const struct failed *f)
{
    const struct pbc_cond is = {.kind = COND_STATE, .arg = f->key->marks & MARK_STATES};
    text_add(t, "state is ");
    add_list(t, f->p, &is, ", ");
    if (f->c->flags & PBC_COND_NOT) return;
    text_add(t, ", not ");
    add_list(t, f->p, f->c, " or ");
}

static void vlan_say(struct text *t, const struct failed *f)
{
    if (!(f->key->kind & KIND_VLAN))
        text_add(t, "no VLAN tag");
    else if (f->c->arg || f->c->flags & PBC_COND_ANY)
        text_add(t, "has a VLAN tag");
    else
        say_value(t, f->p, f->c, "VLAN", f->key->vlan_outer);
}

static void nd_say(struct text *t, const struct failed *f)
{
    if (f->c->flags & PBC_COND_NOT)
        text_add(t, "is neighbour discovery");
    else if (f->key->icmp_type >= 133 && f->key->icmp_type <= 136)
        text_add(t, "hop limit is %u, not 255", f->key->ttl);
    else
        text_add(t, "type is %u, not nd", f->key->icmp_type);
}

static void options_say(struct text *t, const struct failed *f)
{
    text_add(t, f->key->kind & KIND_OPTIONS ? "has options" : "no options");
}

static void bytes_say(struct text *t, const struct failed *f)
{
    static const uint8_t anything[64];
    static const char *const layers[] = {
        [PBC_L2] = "frame", [PBC_L3] = "IP packet", [PBC_L4] = "L4", [PBC_PAYLOAD] = "payload"};
    const struct pbc_pattern *pattern = &f->p->patterns[f->c->first];
    if (pkt_match(f->pkt, f->key, pattern->layer, pattern->at, anything, anything, pattern->len))
        text_add(t, "%s has %s bytes at %u", layers[pattern->layer], pattern->is_not ? "these" : "other", pattern->at);
    else
        text_add(t, "%s has no %u bytes at %u", layers[pattern->layer], pattern->len, pattern->at);
}

/* Describe a meter without the worker's state; step_explain adds its remaining tokens. */
static void meter_say(struct text *t, const struct failed *f)
{
    text_add_name(t, program_str(f->p, f->p->meters[f->c->first].name));
    text_add(t, f->c->kind == COND_OVER ? " has a token" : " has no token");
}

static void during_say(struct text *t, const struct failed *f)
{
    const struct pbc_cond active = {.kind = COND_DURING, .arg = f->c->arg & f->key->marks >> MARK_SCHEDULES};
    const bool negated = f->c->flags & PBC_COND_NOT;
    text_add(t, negated ? "it is " : "it isn't ");
    if (!add_list(t, f->p, negated ? &active : f->c, negated ? " and " : " or ")) text_add(t, "in the list");
}

static void flows_say(struct text *t, const struct failed *f)
{
    const struct pbc_grain *g = &f->p->grains[f->c->first];
    const bool address = grain_len(g, f->key->kind & KIND_IP6) == (f->key->kind & KIND_IP6 ? 128 : 32);
    text_add(t, "source%s has no more than %u flows", address ? "" : "'s network", f->c->arg);
}

static void stream_say(struct text *t, const struct failed *f) { text_add(t, "%s", cond_info[f->c->kind].lacks); }

static void (*const say[COND_COUNT])(struct text *t, const struct failed *f) = {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) [COND_##ident] = code##_say,
#include "vm/cond.def"
};

/* Write that the packet lacks the field, or has it in a protocol that the rule does not mean. */
static void say_missing(struct text *t, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt)
{
    const struct cond_info *k = &cond_info[c->kind];
    const bool other_kind = k->traits & COND_ARG_KINDS && !(key->kind & c->arg);
    if (c->kind == COND_ICMP_ND && !(key->kind & KIND_ICMP6)) {
        text_add(t, "not icmp6");
    } else if (k->word && other_kind && (key->kind & k->has || c->kind == COND_ICMP_TYPE)) {
        text_add(t, "not ");
        text_add_kind(t, c->arg, " or ");
    } else {
        text_add(t, "%s", k->traits & COND_IN_IP && !(key->kind & KIND_IP) ? "not an IP packet" : k->lacks);
    }
    if (c->kind == COND_OUT_ON && key->kind & KIND_FORWARD && pkt->way_why != WAY_KNOWN)
        text_add(t, ": %s", way_why_words((enum way_why)pkt->way_why)->doc);
}

void cond_explain(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len)
{
    struct text t = text_of(buf, len);
    if (cond_has(c, key, pkt))
        say[c->kind](&t, &(struct failed){p, c, key, pkt});
    else
        say_missing(&t, c, key, pkt);
}

/* Add the network of an address: "10.1.2.3", "10.1.2.0/24". */
static void add_network(struct text *t, const uint32_t addr[4], unsigned len, bool v6)
{
    uint32_t a[4];
    grain_cut(addr, len, a);
    text_add_address(t, a, v6);
    if (len != (v6 ? 128 : 32)) text_add(t, "/%u", len);
}

/* Add the key of the bucket: " for 198.18.0.1", " for 10.1.2.0/24". */
static void add_meter_key(struct text *t, const struct pbc_meter *m, const struct key *key)
{
    const bool v6 = key->kind & KIND_IP6;
    const unsigned len = v6 ? m->len6 : m->len4;
    if (m->per == PBC_PER_NONE) return;
    if (m->per == PBC_PER_FLOW) {
        text_add(t, " for this flow");
        return;
    }
    text_add(t, " for ");
    add_network(t, m->per == PBC_PER_DESTINATION ? key->dst : key->src, len, v6);
}

void step_explain(const struct program *p, const struct trace_step *step, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len)
{
    const struct pbc_cond *c = &p->conds[step->failed_cond];
    if (c->kind == COND_FLOWS_OVER && cond_has(c, key, pkt)) {
        struct text t = text_of(buf, len);
        const bool v6 = key->kind & KIND_IP6;
        add_network(&t, key->src, grain_len(&p->grains[c->first], v6), v6);
        text_add(&t, " holds %llu flow%s, not over %u", (unsigned long long)step->tokens, step->tokens == 1 ? "" : "s",
                 c->arg);
        return;
    }
    if ((c->kind != COND_OVER && c->kind != COND_WITHIN) || !cond_has(c, key, pkt)) {
        cond_explain(p, c, key, pkt, buf, len);
        return;
    }
    const struct pbc_meter *m = &p->meters[c->first];
    const char *what = m->unit == PBC_METER_BYTES ? "byte" : "token";
    struct text t = text_of(buf, len);
    text_add_name(&t, program_str(p, m->name));
    if (step->tokens)
        text_add(&t, " has %llu %s%s", (unsigned long long)step->tokens, what, step->tokens == 1 ? "" : "s");
    else
        text_add(&t, " has no %s", what);
    add_meter_key(&t, m, key);
    if (step->tokens && c->kind == COND_WITHIN) text_add(&t, ", the packet has %u", key->length);
}
