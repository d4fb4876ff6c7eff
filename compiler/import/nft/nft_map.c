/* Verdict maps: one rule for each verdict, with all keys that lead to it */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"

struct verdict_map {
    const cJSON *key;     /* key of the lookup */
    const cJSON *keys;    /* fields of a concatenation; else NULL */
    const cJSON **groups; /* the first pair of each verdict; if the key is a concatenation, all pairs */
    uint32_t count;
    const cJSON *pairs;
};

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

/* True for two verdicts of one kind and target. Faster than cJSON_Compare, which doubles its time for each nested
 * object. */
static bool same_verdict(const cJSON *a, const cJSON *b)
{
    const cJSON *in_a, *in_b;
    const char *of_a = nft_kind(a, &in_a), *of_b = nft_kind(b, &in_b);
    return of_a && of_b && !strcmp(of_a, of_b) && same_text(nft_member(in_a, "target"), nft_member(in_b, "target"));
}

static const cJSON *pair_verdict(const cJSON *pair) { return pair->child ? pair->child->next : NULL; }

static bool is_rest(const cJSON *pair)
{
    const char *text = cJSON_GetStringValue(element_value(pair->child));
    return text && !strcmp(text, "*");
}

static void take_verdict(struct reading_rule *r, const cJSON *pair)
{
    const cJSON *value;
    const char *kind = nft_kind(pair_verdict(pair), &value);
    if (!kind || !read_verdict(r, kind, value)) read_unsaid(r, "the map has values other than verdicts");
}

/* Ask for the keys of all pairs with this pair's verdict; for `*`, for none of the keys. */
static void want_group(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct verdict_map *m = arg;
    const cJSON *pair = m->groups[at], *one;
    struct subject s;
    struct list l = {.negated = is_rest(pair)};
    const char *why = m->keys ? NULL : subject_of(m->key, &s);
    if (m->keys) {
        want_fields(r, m->keys, pair->child);
        take_verdict(r, pair);
        return;
    }
    if (!why && s.special) why = "prey can't look up this field in a map";
    cJSON_ArrayForEach(one, m->pairs)
    {
        if (!ruleset_spend(r->nft->s, 1)) return;
        const bool taken =
            is_rest(pair) ? !is_rest(one) : !is_rest(one) && same_verdict(pair_verdict(one), pair_verdict(pair));
        if (!why && taken) why = value_into(r->nft, &s, element_value(one->child), &l);
    }
    if (why)
        read_unasked(r, why, m->key);
    else
        want_subject(r, &s, l);
    take_verdict(r, pair);
}

enum { VERDICTS_MOST = 16 };

/* Group the pairs by verdict, so that each verdict becomes one rule; if the key is a concatenation, each pair becomes a
 * rule. */
static void find_groups(struct reading_rule *r, struct verdict_map *m)
{
    uint32_t pairs;
    const cJSON **all = array_of(r, m->pairs, &pairs);
    m->groups = arena_alloc(r->nft->s->arena, (pairs + 1) * sizeof(*m->groups));
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t k = 0;
        while (!m->keys && k < m->count &&
               (is_rest(all[i]) || is_rest(m->groups[k]) ||
                !same_verdict(pair_verdict(m->groups[k]), pair_verdict(all[i]))))
            k++;
        if (m->keys || k == m->count) m->groups[m->count++] = all[i];
        if (!m->keys && m->count > VERDICTS_MOST) return;
    }
}

static bool are_pairs(const cJSON *pairs)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, pairs) if (!cJSON_IsArray(one) || cJSON_GetArraySize(one) != 2) return false;
    return true;
}

void read_verdict_map(struct reading_rule *r, const cJSON *vmap)
{
    struct verdict_map m = {.key = cJSON_GetObjectItemCaseSensitive(vmap, "key")};
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(vmap, "data"), *inside;
    const char *kind = nft_kind(m.key, &inside);
    m.keys = kind && !strcmp(kind, "concat") ? inside : NULL;
    m.pairs = elements_of(r->nft, data);
    if (!m.pairs || !are_pairs(m.pairs) || !m.pairs->child) {
        read_unsaid(r, m.pairs && !m.pairs->child ? "the map is empty in this file" : "the file has no such map");
        return;
    }
    find_groups(r, &m);
    if (m.count > VERDICTS_MOST && !m.keys)
        read_unsaid(r, "the map has more than 16 verdicts");
    else
        read_alternatives(r, m.count, want_group, &m);
}
