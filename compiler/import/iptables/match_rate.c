/* Matches on rates (limit, hashlimit) and the meters made of them */
#include <string.h>

#include "compiler/import/iptables/reading.h"

static bool begin_limit(struct reading *r, const struct module *m)
{
    if (r->limit.begun) rule_unsaid(&r->rule, "the rule has two limits of one kind");
    r->limit_first = !r->hash.limit.begun;
    return r->limited = r->limit.begun = true;
}

static bool begin_hashlimit(struct reading *r, const struct module *m)
{
    if (r->hash.limit.begun) rule_unsaid(&r->rule, "the rule has two limits of one kind");
    return r->limited = r->hash.limit.begun = true;
}

static bool take_limit(struct reading *r, const struct option *o, const char *const *v)
{
    return reading_rate(r, v[0], &r->limit.rate, &r->limit.unit);
}
static bool take_burst(struct reading *r, const struct option *o, const char *const *v)
{
    return reading_number(r, v[0], 10000, "burst", &r->limit.burst);
}

static bool take_hash_rate(struct reading *r, const struct option *o, const char *const *v)
{
    r->hash.limit.over = o->above != r->inverted;
    /* a rate such as `512kb/s` counts bytes */
    if (strchr(v[0], 'b')) {
        rule_unsaid(&r->rule, "a `hashlimit` of bytes isn't imported: write a meter with a bandwidth yourself");
        return true;
    }
    return reading_rate(r, v[0], &r->hash.limit.rate, &r->hash.limit.unit);
}

static bool take_hash_burst(struct reading *r, const struct option *o, const char *const *v)
{
    if (strchr(v[0], 'b')) return true;
    return reading_number(r, v[0], 1000000000, "burst", &r->hash.limit.burst);
}

static bool take_hash_mode(struct reading *r, const struct option *o, const char *const *v)
{
    static const struct {
        const char *name;
        enum hash_key key;
    } keys[] = {{"srcip", KEY_SOURCE}, {"srcport", KEY_SPORT}, {"dstip", KEY_DESTINATION}, {"dstport", KEY_DPORT}};
    for (const char *at = v[0];; at++) {
        const size_t len = strcspn(at, ",");
        unsigned key = 0;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            if (len == strlen(keys[i].name) && !strncmp(at, keys[i].name, len)) key = keys[i].key;
        if (!key) return reading_fault(r, "`%.60s` isn't a --hashlimit-mode", v[0]);
        r->hash.keys |= key;
        at += len;
        if (!*at) return true;
    }
}

static bool take_hash_length(struct reading *r, const struct option *o, const char *const *v)
{
    uint64_t n;
    if (!reading_number(r, v[0], r->family == 4 ? 32 : 128, "prefix length", &n)) return false;
    *(unsigned *)((char *)r + o->into) = (unsigned)n;
    if (!n) rule_unsaid(&r->rule, "with a prefix of 0 bits, all sources count together");
    return true;
}

static const struct option of_limit[] = {
    {"--limit", 1, .take = take_limit}, {"--limit-burst", 1, .take = take_burst}, {0}};
static const struct option of_hashlimit[] = {
    {"--hashlimit-upto", 1, .take = take_hash_rate},
    {"--hashlimit", 1, .take = take_hash_rate},
    {"--hashlimit-above", 1, .take = take_hash_rate, .above = true},
    {"--hashlimit-burst", 1, .take = take_hash_burst},
    {"--hashlimit-mode", 1, .take = take_hash_mode},
    {"--hashlimit-name", 1, .take = take_text, .into = offsetof(struct reading, hash.name)},
    {"--hashlimit-srcmask", 1, .take = take_hash_length, .into = offsetof(struct reading, hash.source_length)},
    {"--hashlimit-dstmask", 1, .take = take_hash_length, .into = offsetof(struct reading, hash.destination_length)},
    {"--hashlimit-htable-size", 1, .take = take_nothing},
    {"--hashlimit-htable-max", 1, .take = take_nothing},
    {"--hashlimit-htable-expire", 1, .take = take_nothing},
    {"--hashlimit-htable-gcinterval", 1, .take = take_nothing},
    {.name = "--hashlimit-rate-match"},
    {"--hashlimit-rate-interval", .values = 1},
    {0},
};

const struct module matches_of_rate[] = {
    {"limit", .options = of_limit, .begin = begin_limit},
    {"hashlimit", .options = of_hashlimit, .begin = begin_hashlimit},
    {0},
};

static struct meter *new_meter(struct reading *r, const char *name, const struct limit *l)
{
    struct meter *m = ruleset_meter(r->s, name);
    m->rate = l->rate;
    m->unit = l->unit;
    m->burst = l->burst ? l->burst : 5;
    return m;
}

/* Set the meter's key from a hashlimit's keys; false if prey has no such key. */
static bool take_keys(struct meter *m, const struct hashlimit *h)
{
    const unsigned length4 = h->keys == KEY_DESTINATION ? h->destination_length : h->source_length;
    switch (h->keys) {
    case 0: m->per = METER_ALL; break;
    case KEY_SOURCE: m->per = METER_SOURCE; break;
    case KEY_DESTINATION: m->per = METER_DESTINATION; break;
    case KEY_SOURCE | KEY_SPORT | KEY_DESTINATION | KEY_DPORT:
        m->per = METER_FLOW;
        return !h->source_length && !h->destination_length;
    default: return false;
    }
    if (length4) {
        m->length4 = (uint8_t)(length4 > 32 ? 32 : length4);
        m->length6 = (uint8_t)length4;
    }
    return true;
}

/* Return the meter with this hashlimit's name and table; the first rule with the name makes it. */
static struct meter *shared_meter(struct reading *r)
{
    struct shared_meter *m = named_find(r->shared, r->scope, r->hash.name);
    if (m) return m->meter;
    m = arena_alloc(r->s->arena, sizeof(*m));
    *m = (struct shared_meter){.is = {r->hash.name, r->scope}, .meter = new_meter(r, r->hash.name, &r->hash.limit)};
    named_enter(r->shared, m);
    if (!take_keys(m->meter, &r->hash)) m->meter->rate = 0;
    return m->meter;
}

static void finish_hashlimit(struct reading *r)
{
    if (!r->hash.name || !r->hash.limit.rate || r->rule.unsaid) return;
    struct meter *m = shared_meter(r);
    if (m->rate)
        rule_want_meter(r->s, &r->rule, m, r->hash.limit.over);
    else
        rule_unsaid(&r->rule, "prey counts per source, per destination, per flow, or in total");
}

void limits_finish(struct reading *r)
{
    if (!r->limit_first) finish_hashlimit(r);
    if (r->limit.rate && !r->rule.unsaid) rule_want_meter(r->s, &r->rule, new_meter(r, NULL, &r->limit), false);
    if (r->limit_first) finish_hashlimit(r);
}
