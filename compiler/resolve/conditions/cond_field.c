/* Conditions on header fields and bytes (flags, fragment, numbers of the IP header, options, bytes), and on connections
 * (`state`, and the number of a source's flows) */
#include <string.h>
#include <strings.h>

#include "compiler/resolve/conditions/conditions.h"
#include "compiler/resolve/values/clauses.h"
#include "vm/packet/key.h"

static const struct word flag_words[] = {
    {"fin", TCP_FIN}, {"syn", TCP_SYN}, {"rst", TCP_RST}, {"psh", TCP_PSH}, {"ack", TCP_ACK},
    {"urg", TCP_URG}, {"ece", TCP_ECE}, {"cwr", TCP_CWR}, {NULL, 0},
};
static const struct word fragment_words[] = {
    {"first", KIND_FRAG_FIRST},
    {"later", KIND_FRAG_LATER},
    {"no", KIND_FRAG_NO},
    {"any", KIND_FRAG_FIRST | KIND_FRAG_LATER},
    {NULL, 0},
};
static const struct word layer_words[] = {
    {"l2", PBC_L2}, {"l3", PBC_L3}, {"l4", PBC_L4}, {"payload", PBC_PAYLOAD}, {NULL, 0},
};
/* Find one of the words; false after a report: "no WHAT is called ...". */
static bool word_want(struct rule_work *w, const struct node *n, const struct word *words, const char *what,
                      uint32_t *out)
{
    const char *names[16];
    size_t count = 0;
    const struct str s = n->kind == N_ANY ? (struct str){"any", 3} : n->v.str;
    for (const struct word *word = words; word->name; word++) {
        if (str_is(s, word->name)) {
            *out = word->value;
            return true;
        }
        names[count++] = word->name;
    }
    diag(w->c->diags, E_NO_SUCH_WORD, n->span, "no %s is called `%s`", what, s.s);
    const char *nearest = diag_nearest(s.s, names, count);
    if (nearest) diag_guess(w->c->diags, SPAN_NONE, "%s", nearest);
    w->bad = true;
    return false;
}

static uint32_t flags_of(struct rule_work *w, const struct node *list)
{
    uint32_t mask = 0, bit;
    if (list) node_each(n, list) if (word_want(w, n, flag_words, "TCP flag", &bit)) mask |= bit;
    return mask;
}

void cond_flags(struct rule_work *w, const struct node *n)
{
    const struct node *has_node = node_child(n, N_HAS), *lacks_node = node_child(n, N_LACKS);
    const uint32_t has = flags_of(w, has_node), lacks = flags_of(w, lacks_node);
    if (has & lacks && lacks_node) {
        uint32_t bit;
        node_each(name, lacks_node) if (word_want(w, name, flag_words, "TCP flag", &bit) && has & bit)
        {
            diag(w->c->diags, E_FLAG_BOTH, name->span,
                 "`%s` is both in `has` and in `lacks`: no flag is both set and clear", name->v.str.s);
            diag_note(w->c->diags, has_node->span, "`has` lists the flag here");
        }
        w->bad = true;
        return;
    }
    struct pbc_cond *cond = cond_add(w, COND_FLAGS, n);
    if (cond) cond->arg = has | lacks << 8;
}

void cond_fragment(struct rule_work *w, const struct node *n)
{
    uint32_t mask = 0, bits;
    node_each(child, n) if (word_want(w, child, fragment_words, "kind of fragment", &bits)) mask |= bits;
    if (says_not(n) && mask == (KIND_FRAG_FIRST | KIND_FRAG_LATER | KIND_FRAG_NO))
        warn_never(w, n, "`not` excludes every packet");
    struct pbc_cond *cond = cond_add(w, COND_FRAGMENT, n);
    if (cond) cond->arg = mask;
}

/* Conditions on one number of the IP header, by node kind */
static const struct number_cond {
    uint8_t cond; /* enum cond_kind */
    struct number_kind kind;
} ip_numbers[N_COUNT] = {
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, name, at, largest, part, ip4, ip6, has, lacks, word, noun, plural, doc)                       \
    [N_C_##ident] = {COND_##ident, {.what = noun, .range = plural " go from 0 to " #largest, .most = largest}},
#include "vm/cond.def"
};

/* Add the words for the condition's numbers, if there are any. */
static struct number_kind with_words(struct number_kind kind, uint8_t cond)
{
    static const struct word words[] = {
#define NUMBER_WORD(name, number, who) {name, number},
#include "lang/words/number_word.def"
        {NULL, 0},
    };
#define NUMBER_WORDS(ident, what)                                                                                      \
    if (cond == COND_##ident) kind.words = words, kind.words_what = (what);
#include "lang/words/number_word.def"
    return kind;
}

void cond_numbers(struct rule_work *w, const struct node *n)
{
    const struct number_cond *of = &ip_numbers[n->kind];
    const struct number_kind kind = with_words(of->kind, of->cond);
    struct number_set numbers = {0};
    if (!numbers_of(w->c, n->first, &kind, NULL, &numbers, NULL)) {
        w->bad = true;
        return;
    }
    if (says_not(n) && numbers.n == 1 && numbers.r[0].lo == 0 && numbers.r[0].hi == kind.most)
        warn_never(w, n, "`not` excludes every value");
    struct pbc_cond *cond = cond_add(w, of->cond, n);
    if (cond) cond_ranges(w, cond, &numbers);
}

void cond_options(struct rule_work *w, const struct node *n)
{
    struct pbc_cond *cond = cond_add(w, COND_OPTIONS, n);
    if (cond) cond->arg = n->first && n->first->kind == N_ANY;
}

/* Return hex bytes, or those of a constant; bytes are NULL after a report. */
static struct str wanted_bytes(struct rule_work *w, const struct node *n)
{
    const struct node_value v = value_of(w->c, n);
    if (v.node->kind == N_BYTES) return v.node->v.str;
    if (v.node->kind == N_NAME)
        symbol_want(w->c, v.node, SYM(CONST), "constant");
    else
        report_wrong_value(w->c, n, v, "hex bytes");
    return (struct str){0};
}

/* Return the first byte of the value with a bit outside of the mask, or `len`. */
static size_t outside_mask(const struct pbc_pattern *p)
{
    size_t i = 0;
    while (i < p->len && !(p->value[i] & ~p->mask[i])) i++;
    return i;
}

/* Fill value and mask of a pattern whose is_not is set; false after a report. */
static bool pattern_of(struct rule_work *w, const struct node *value, const struct node *mask, struct pbc_pattern *p)
{
    const struct str v = wanted_bytes(w, value), m = mask ? wanted_bytes(w, mask) : (struct str){0};
    struct diags *d = w->c->diags;
    if (!v.s || (mask && !m.s)) return false;
    if (v.len < 1 || v.len > sizeof(p->value)) {
        diag(d, E_BYTES_LENGTH, value->span, "a pattern has 1 to 64 bytes; this pattern has %zu", v.len);
        return false;
    }
    if (mask && m.len != v.len) {
        diag(d, E_MASK_LENGTH, mask->span,
             "mask and value need the same number of bytes: the mask has %zu, the value %zu", m.len, v.len);
        diag_note(d, value->span, "the value is here");
        return false;
    }
    p->len = (uint8_t)v.len;
    memcpy(p->value, v.s, v.len);
    memset(p->mask, 0xff, v.len);
    if (mask) memcpy(p->mask, m.s, m.len);
    const size_t i = outside_mask(p);
    if (i == v.len) return true;
    diag(d, E_MASK_VALUE, value->span,
         "byte %zu of the value, 0x%02x, has bits outside its mask 0x%02x: the condition %s matches", i + 1,
         p->value[i], p->mask[i], p->is_not ? "always" : "never");
    if (mask) diag_note(d, mask->span, "the mask is here");
    return false;
}

/* Return how far into a frame the pattern may reach, so that the executor gets its bytes in one piece. At most the link
 * header and 16 tags, IPv4 with options or IPv6 with a usual chain, and TCP with options precede its layer. */
static uint32_t reach_of(const struct pbc_pattern *p)
{
    static const uint32_t before[] = {[PBC_L2] = 0, [PBC_L3] = 20 + 64, [PBC_L4] = 84 + 60, [PBC_PAYLOAD] = 144 + 60};
    const uint32_t reach = before[p->layer] + p->at + p->len;
    return reach < UINT16_MAX ? reach : UINT16_MAX;
}

void cond_bytes(struct rule_work *w, const struct node *n)
{
    static const struct number_kind at_kind = {
        .what = "an offset", .range = "offsets go from 0 to 65535", .most = 65535};
    const struct node *layer = n->first, *at = layer ? layer->next : NULL, *value = at ? at->next : NULL;
    struct pbc_pattern p = {0};
    uint32_t layer_value, offset;
    if (!value || !word_want(w, layer, layer_words, "layer", &layer_value) ||
        !number_one(w->c, at, &at_kind, &offset)) {
        w->bad = true;
        return;
    }
    p.layer = (uint8_t)layer_value;
    p.is_not = value->flags & NF_NOT ? 1 : 0;
    if (!pattern_of(w, value, value->next, &p)) {
        w->bad = true;
        return;
    }
    p.at = (uint16_t)offset;
    if (offset + p.len > UINT16_MAX) {
        diag(w->c->diags, E_OUT_OF_RANGE, at->span, "these bytes end at byte %u, but the last possible byte is 65534",
             offset + p.len - 1);
        w->bad = true;
        return;
    }
    const uint32_t first = image_share(w->c->image, PBC_PATTERNS, &p, 1);
    if (first == PBC_NONE) {
        report_full(w->c, n->span, "byte patterns", 1u << 20);
        return;
    }
    struct pbc_cond *cond = cond_add(w, COND_BYTES, n);
    if (!cond) return;
    cond->first = first;
    cond->count = 1;
    if (reach_of(&p) > w->reach) w->reach = reach_of(&p);
}

static const struct word state_words[] = {
    {"new", MARK_NEW}, {"established", MARK_ESTABLISHED}, {"related", MARK_RELATED}, {"invalid", MARK_INVALID},
    {NULL, 0},
};

/* Advise on words that are states of conntrack, but not of prey. */
static void say_conntrack(struct diags *d, const struct node *n)
{
    if (n->kind == N_ANY) return;
    if (strcasecmp(n->v.str.s, "untracked") == 0)
        diag_advise(d, "remove this word: prey tracks every packet");
    else if (strcasecmp(n->v.str.s, "dnat") == 0 || strcasecmp(n->v.str.s, "snat") == 0)
        diag_advise(d, "remove this word: to accept packets that a `nat` forwards, name their outer address and port; "
                       "prey doesn't judge the replies");
}

void cond_state(struct rule_work *w, const struct node *n)
{
    uint32_t mask = 0, bit;
    node_each(child, n)
    {
        if (word_want(w, child, state_words, "state", &bit))
            mask |= bit;
        else
            say_conntrack(w->c->diags, child);
    }
    if (says_not(n) && mask == MARK_STATES) warn_never(w, n, "`not` excludes every state");
    struct pbc_cond *cond = cond_add(w, COND_STATE, n);
    if (cond) cond->arg = mask;
}

/* True if `per` makes flows count by source, or by network of sources; else report. */
static bool per_source(struct rule_work *w, const struct node *n, const struct node *per)
{
    if (per && per->first && is_choice(per->first, CL_SOURCE)) return true;
    diag(w->c->diags, E_FLOWS_KEY, per ? per->span : n->span, "`flows over` counts only per source%s",
         per ? "" : ": add `per source`");
    if (per)
        diag_suggest(w->c->diags, whole_clause(per), "per source");
    else
        diag_suggest(w->c->diags, span_after(n->span), " per source");
    w->bad = true;
    return false;
}

/* Return the index of the prefix lengths among the image's; PBC_NONE after a report. */
static uint32_t grain_share(struct rule_work *w, const struct node *per)
{
    const struct pbc_grain g = per_lengths(per);
    struct image *img = w->c->image;
    for (uint32_t i = 0; i < img->grains_count; i++)
        if (img->grains[i].len4 == g.len4 && img->grains[i].len6 == g.len6) return i;
    struct pbc_grain *to = image_add_grains(img);
    if (to) {
        *to = g;
        return img->grains_count - 1;
    }
    report_full(w->c, per->span, "prefix lengths of `flows over`", PBC_GRAINS_MAX);
    w->bad = true;
    return PBC_NONE;
}

void cond_flows(struct rule_work *w, const struct node *n)
{
    static const struct number_kind kind = {.what = "a number of flows",
                                            .range = "numbers go from 1 to 100_000_000",
                                            .least = 1,
                                            .less = "to match every connection, remove `flows over`",
                                            .most = 100000000};
    const struct node *per = n->first->next;
    uint32_t most;
    if (!number_one(w->c, n->first, &kind, &most)) {
        w->bad = true;
        return;
    }
    if (!per_source(w, n, per)) return;
    const uint32_t grain = grain_share(w, per);
    struct pbc_cond *cond = grain == PBC_NONE ? NULL : cond_add(w, COND_FLOWS_OVER, n);
    if (!cond) return;
    cond->arg = most;
    cond->first = grain;
    cond->count = 1;
    if (!per->first->next || per->first->next->next) return;
    struct flows_length *one = arena_alloc(w->c->arena, sizeof(*one));
    *one = (struct flows_length){(uint32_t)(cond - w->c->image->conds), per, w->c->flows_lengths};
    w->c->flows_lengths = one;
}
