/* Limits as meters */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

static bool unit_of(const char *per, uint32_t *seconds)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800}};
    const size_t unit = ROW_NAMED(units, per);
    if (unit < ROWS(units)) *seconds = units[unit].seconds;
    return unit < ROWS(units);
}

/* Return the bytes of one unit; 0: unknown unit. */
static uint64_t unit_bytes(const char *unit)
{
    if (!unit || !strcmp(unit, "bytes")) return 1;
    if (!strcmp(unit, "kbytes")) return 1024;
    return strcmp(unit, "mbytes") ? 0 : 1024 * 1024;
}

static bool read_count(const cJSON *v, uint64_t *out)
{
    if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 1e12) return false;
    *out = (uint64_t)v->valuedouble;
    return true;
}

/* Fill a meter. A bucket of packets holds the burst, 5 if not written; a bucket of bytes holds the burst and one unit's
 * worth (nft_limit_init of the kernel). */
static bool meter_fill(struct meter *m, const cJSON *limit)
{
    const char *per = nft_member(limit, "per"), *unit = nft_member(limit, "rate_unit");
    uint64_t burst = 0;
    m->bytes = unit && strcmp(unit, "packets") != 0;
    if (!per || !unit_of(per, &m->unit) || !read_count(cJSON_GetObjectItemCaseSensitive(limit, "rate"), &m->rate))
        return false;
    const cJSON *written = cJSON_GetObjectItemCaseSensitive(limit, "burst");
    if (written && !read_count(written, &burst)) return false;
    if (!m->bytes) {
        m->burst = burst ? burst : 5;
        return true;
    }
    const uint64_t rate_unit = unit_bytes(unit), burst_unit = unit_bytes(nft_member(limit, "burst_unit"));
    m->rate *= rate_unit;
    m->burst = m->rate + burst * burst_unit;
    return rate_unit && burst_unit;
}

static bool is_limit_over(const cJSON *limit) { return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(limit, "inv")); }

static void want_meter(struct reading_rule *r, struct meter *m, bool over)
{
    for (struct rule *one = r->first; one; one = one->next) rule_want_meter(r->nft->s, one, m, over);
}

void define_limit(struct nft *n, const cJSON *object)
{
    struct named_limit *l = arena_alloc(n->s->arena, sizeof(*l));
    l->meter = ruleset_meter(n->s, nft_member(object, "name"));
    l->over = is_limit_over(object);
    l->good = meter_fill(l->meter, object);
    nft_enter(n, &n->limit_tree, &l->is, nft_member(object, "name"));
}

void read_limit(struct reading_rule *r, const cJSON *limit)
{
    const struct named_limit *named = cJSON_IsString(limit) ? limit_find(r->nft, limit->valuestring) : NULL;
    if (cJSON_IsString(limit)) {
        if (named && named->good)
            want_meter(r, named->meter, named->over);
        else
            read_unsaid(r, named ? "the limit is unknown" : "the file has no such limit");
        return;
    }
    struct meter *m = ruleset_meter(r->nft->s, NULL);
    if (meter_fill(m, limit))
        want_meter(r, m, is_limit_over(limit));
    else
        read_unsaid(r, "the limit is unknown");
}

static void want_flows(struct reading_rule *r, const cJSON *count, const struct meter *key)
{
    uint64_t n;
    if (key->per != METER_SOURCE || !is_limit_over(count) ||
        !read_count(cJSON_GetObjectItemCaseSensitive(count, "val"), &n) || !n) {
        read_unsaid(
            r, "prey counts connections only per source, and matches only if there are more than N: `flows over N`");
        return;
    }
    for (struct rule *one = r->first; one; one = one->next) rule_want_flows(one, n, key->length4, key->length6);
}

void read_by_key(struct reading_rule *r, const struct subject *key, const cJSON *statement, const char *name)
{
    struct meter *m = ruleset_meter(r->nft->s, name);
    const cJSON *inside;
    const char *kind = nft_kind(statement, &inside);
    m->per = key->about == ASK_FROM ? METER_SOURCE : METER_DESTINATION;
    if (key->length) *(key->family == 4 ? &m->length4 : &m->length6) = key->length;
    if (key->about != ASK_FROM && key->about != ASK_TO)
        read_unsaid(r, "prey counts only per address");
    else if (kind && !strcmp(kind, "limit") && meter_fill(m, inside))
        want_meter(r, m, is_limit_over(inside));
    else if (kind && !strcmp(kind, "ct count"))
        want_flows(r, inside, m);
    else
        read_unsaid(r, "per address, prey can count only packets, bytes or connections");
}
