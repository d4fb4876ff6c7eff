/* Why a condition failed, in the words of the operator: "source is not in abusers", "destination port is 80, not in
 * web", "no ports in this packet". One sentence without a verb for the rule: the caller puts rule and place around it.
 */
#include "vm/judge/judge.h"
#include "vm/words/text_priv.h"

enum { ITEMS_SHOWN = 4 };

/* What a packet lacks when it has not got the field. */
static const char *missing(const struct pbc_cond *c, const struct key *key)
{
    switch ((enum cond_kind)c->kind) {
    case COND_PROTO: return key->kind & KIND_IP ? "protocol is not known in this fragment" : "not an IP packet";
    case COND_ETHER: return "no Ethernet type in this frame";
    case COND_FROM: return "no source address in this frame";
    case COND_TO: return "no destination address in this frame";
    case COND_PORT:
    case COND_SOURCE_PORT: return "no ports in this packet";
    case COND_ICMP_TYPE:
    case COND_ICMP_CODE:
    case COND_ICMP_ND: return "no ICMP header in this packet";
    case COND_ON: return "interface is not known";
    case COND_VLAN: return "no VLAN tag";
    case COND_VLAN_INNER: return "no second VLAN tag";
    case COND_ETHER_FROM: return "no source MAC on this link";
    case COND_ETHER_TO: return "no destination MAC on this link";
    case COND_FLAGS: return "no TCP flags in this packet";
    case COND_STATE:
    case COND_FLOWS_OVER: return key->kind & KIND_IP ? "no state in this packet" : "not an IP packet";
    case COND_OPTIONS: return "not an IPv4 packet";
    default: return "not an IP packet";
    }
}

/* "abusers", "tcp or udp", "22, 80, 443"; false if the list is too long to show. */
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

/* How the value stands to the list: ", not in web", ", not 80, 443", or with the `not`: ", in web", "". */
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

/* Words that the packet itself answers to: "not icmp6", "is udp". */
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

static void say_proto(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key)
{
    bool negated = c->flags & PBC_COND_NOT;
    if (key->kind & c->arg || (!negated && c->arg && c->count == 0))
        say_words(t, p, c, key->kind & c->arg);
    else
        say_value(t, p, c, "protocol", key->proto);
}

/* Source or destination: "source is not in abusers", "source is 10.0.0.1, not 10.0.0.2", "source is self". */
static void say_address(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key,
                        bool dst)
{
    bool negated = c->flags & PBC_COND_NOT;
    const char *side = dst ? "destination" : "source", *name = program_str(p, c->name);
    if (c->flags & PBC_COND_ANY) {
        text_add(t, "`not any` holds for no %s", side);
    } else if (*name || (c->arg && c->count == 0)) {
        text_add(t, "%s is %s%s", side, negated ? "" : "not ", *name ? "in " : "");
        text_add_name(t, *name ? name : "self");
    } else {
        text_add(t, "%s is ", side);
        text_add_address(t, dst ? key->dst : key->src, key->kind & KIND_IP6);
        add_relation(t, p, c);
    }
}

static void say_mac(struct text *t, const struct program *p, const struct pbc_cond *c, const struct pkt *pkt, bool dst)
{
    text_add(t, "%s MAC is ", dst ? "destination" : "source");
    text_add_mac(t, pkt_mac(pkt, dst));
    add_relation(t, p, c);
}

static void say_flags(struct text *t, const struct pbc_cond *c, const struct key *key)
{
    uint32_t lacking = c->arg & 0xff & ~key->marks, unwanted = c->arg >> 8 & key->marks;
    text_add(t, lacking ? "lacks " : "has ");
    text_add_flags(t, lacking ? lacking : unwanted);
}

static void say_fragment(struct text *t, const struct key *key)
{
    if (key->kind & KIND_FRAG_FIRST)
        text_add(t, "is a first fragment");
    else if (key->kind & KIND_FRAG_LATER)
        text_add(t, "is a later fragment");
    else
        text_add(t, "not a fragment");
}

static void say_state(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key)
{
    const struct pbc_cond is = {.kind = COND_STATE, .arg = key->marks & MARK_STATES};
    text_add(t, "state is ");
    add_list(t, p, &is, ", ");
    if (c->flags & PBC_COND_NOT) return;
    text_add(t, ", not ");
    add_list(t, p, c, " or ");
}

static void say_vlan(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key)
{
    if (!(key->kind & KIND_VLAN))
        text_add(t, "no VLAN tag");
    else if (c->arg || c->flags & PBC_COND_ANY)
        text_add(t, "has a VLAN tag");
    else
        say_value(t, p, c, "VLAN", key->vlan_outer);
}

static void say_nd(struct text *t, const struct pbc_cond *c, const struct key *key)
{
    if (c->flags & PBC_COND_NOT)
        text_add(t, "is neighbour discovery");
    else if (key->icmp_type >= 133 && key->icmp_type <= 136)
        text_add(t, "hop limit is %u, not 255", key->ttl);
    else
        text_add(t, "type is %u, not nd", key->icmp_type);
}

/* The packet's value of the conditions that compare one number, and its name. */
static bool value_of(const struct pbc_cond *c, const struct key *key, const char **what, uint32_t *value)
{
    switch ((enum cond_kind)c->kind) {
    case COND_ETHER: *what = "Ethernet type", *value = key->ether_type; return true;
    case COND_PORT: *what = "destination port", *value = key->dst_port; return true;
    case COND_SOURCE_PORT: *what = "source port", *value = key->src_port; return true;
    case COND_ICMP_TYPE: *what = "type", *value = key->icmp_type; return true;
    case COND_ICMP_CODE: *what = "code", *value = key->icmp_code; return true;
    case COND_ON: *what = "interface", *value = key->iface; return true;
    case COND_VLAN_INNER: *what = "inner VLAN", *value = key->vlan_inner; return true;
    case COND_TTL: *what = key->kind & KIND_IP6 ? "hop limit" : "ttl", *value = key->ttl; return true;
    case COND_LENGTH: *what = "length", *value = key->length; return true;
    case COND_DSCP: *what = "dscp", *value = key->dscp; return true;
    default: return false;
    }
}

static void say_bytes(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key,
                      const struct pkt *pkt)
{
    static const uint8_t anything[64];
    static const char *const layers[] = {
        [PBC_L2] = "frame", [PBC_L3] = "IP packet", [PBC_L4] = "L4", [PBC_PAYLOAD] = "payload"};
    const struct pbc_pattern *pattern = &p->patterns[c->first];
    bool there = pkt_match(pkt, key, pattern->layer, pattern->at, anything, anything, pattern->len);
    if (there)
        text_add(t, "%s has other bytes at %u", layers[pattern->layer], pattern->at);
    else
        text_add(t, "%s has no %u bytes at %u", layers[pattern->layer], pattern->len, pattern->at);
}

/* Without the worker's state only this much is known; step_explain says what is left. */
static void say_meter(struct text *t, const struct program *p, const struct pbc_cond *c)
{
    text_add_name(t, program_str(p, p->meters[c->first].name));
    text_add(t, c->kind == COND_OVER ? " has a token" : " has no token");
}

static void say_during(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key)
{
    const struct pbc_cond active = {.kind = COND_DURING, .arg = c->arg & key->marks >> MARK_SCHEDULES};
    const bool negated = c->flags & PBC_COND_NOT;
    text_add(t, negated ? "it is " : "it is not ");
    if (!add_list(t, p, negated ? &active : c, negated ? " and " : " or ")) text_add(t, "in the list");
}

static void say_other(struct text *t, const struct program *p, const struct pbc_cond *c, const struct key *key,
                      const struct pkt *pkt)
{
    switch ((enum cond_kind)c->kind) {
    case COND_FAMILY: say_words(t, p, c, key->kind & c->arg); break;
    case COND_PROTO: say_proto(t, p, c, key); break;
    case COND_FROM: say_address(t, p, c, key, false); break;
    case COND_TO: say_address(t, p, c, key, true); break;
    case COND_ETHER_FROM: say_mac(t, p, c, pkt, false); break;
    case COND_ETHER_TO: say_mac(t, p, c, pkt, true); break;
    case COND_FLAGS: say_flags(t, c, key); break;
    case COND_FRAGMENT: say_fragment(t, key); break;
    case COND_STATE: say_state(t, p, c, key); break;
    case COND_VLAN: say_vlan(t, p, c, key); break;
    case COND_ICMP_ND: say_nd(t, c, key); break;
    case COND_OPTIONS: text_add(t, key->kind & KIND_OPTIONS ? "has options" : "no options"); break;
    case COND_BYTES: say_bytes(t, p, c, key, pkt); break;
    case COND_DURING: say_during(t, p, c, key); break;
    case COND_OVER:
    case COND_WITHIN: say_meter(t, p, c); break;
    case COND_FLOWS_OVER: text_add(t, "source holds no more than %u flows", c->arg); break;
    default: break;
    }
}

/* The field is not there, or not in the protocols that the rule means. */
static void say_missing(struct text *t, const struct pbc_cond *c, const struct key *key)
{
    bool ports = c->kind == COND_PORT || c->kind == COND_SOURCE_PORT;
    if (ports && key->kind & KIND_PORTS) {
        text_add(t, "not ");
        text_add_kind(t, c->arg, " or ");
    } else if (c->kind == COND_ICMP_TYPE && !(key->kind & c->arg)) {
        text_add(t, "not %s", c->arg & KIND_ICMP6 ? "icmp6" : "icmp");
    } else if (c->kind == COND_ICMP_ND && !(key->kind & KIND_ICMP6)) {
        text_add(t, "not icmp6");
    } else {
        text_add(t, "%s", missing(c, key));
    }
}

void cond_explain(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len)
{
    struct text t = text_of(buf, len);
    const char *what;
    uint32_t value;
    if (!cond_has(c, key, pkt))
        say_missing(&t, c, key);
    else if (value_of(c, key, &what, &value))
        say_value(&t, p, c, what, value);
    else
        say_other(&t, p, c, key, pkt);
}

/* The first `len` bits. */
static void cut_address(const uint32_t from[4], unsigned len, uint32_t to[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned bits = len <= 32 * i ? 0 : len - 32 * i;
        to[i] = bits == 0 ? 0 : bits >= 32 ? from[i] : from[i] & ~(UINT32_MAX >> bits);
    }
}

/* " for 198.18.0.1", " for 10.1.2.0/24": whose bucket it is. */
static void add_meter_key(struct text *t, const struct pbc_meter *m, const struct key *key)
{
    const bool v6 = key->kind & KIND_IP6;
    const unsigned len = v6 ? m->len6 : m->len4;
    uint32_t a[4];
    if (m->per == PBC_PER_NONE) return;
    if (m->per == PBC_PER_FLOW) {
        text_add(t, " for this flow");
        return;
    }
    cut_address(m->per == PBC_PER_DESTINATION ? key->dst : key->src, len, a);
    text_add(t, " for ");
    text_add_address(t, a, v6);
    if (len != (v6 ? 128 : 32)) text_add(t, "/%u", len);
}

void step_explain(const struct program *p, const struct trace_step *step, const struct key *key, const struct pkt *pkt,
                  char *buf, size_t len)
{
    const struct pbc_cond *c = &p->conds[step->failed_cond];
    if (c->kind == COND_FLOWS_OVER && cond_has(c, key, pkt)) {
        struct text t = text_of(buf, len);
        text_add_address(&t, key->src, key->kind & KIND_IP6);
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
