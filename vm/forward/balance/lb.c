/* Balancing that does not depend on the algorithm: kinds and names, memory, backups, pools without a usable server */
#include <stdio.h>
#include <string.h>

#include "vm/forward/balance/balance_priv.h"

static const struct lb_ops *const kinds[LB_KINDS] = {
#define LB(ident, name, doc) &lb_ops_##ident,
#include "vm/lb.def"
};

const char *lb_name(enum lb_kind kind) { return kinds[kind]->name; }
enum lb_hash lb_wants(enum lb_kind kind) { return kinds[kind]->hash; }

int lb_by_name(const char *name, size_t len)
{
    for (int kind = 0; kind < LB_KINDS; kind++)
        if (strlen(kinds[kind]->name) == len && memcmp(kinds[kind]->name, name, len) == 0) return kind;
    return -1;
}

bool lb_is_prime(uint32_t n)
{
    if (n < 4) return n >= 2;
    if (n % 2 == 0) return false;
    for (uint32_t d = 3; (uint64_t)d * d <= n; d += 2)
        if (n % d == 0) return false;
    return true;
}

size_t lb_bytes(const struct lb_cfg *cfg)
{
    return lb_round(sizeof(struct lb)) + lb_round(cfg->count * sizeof(uint16_t)) + kinds[cfg->kind]->bytes(cfg);
}

struct lb *lb_init(void *memory, const struct lb_cfg *cfg)
{
    uint8_t *rest = memory;
    struct lb *lb = lb_carve(&rest, sizeof *lb);
    *lb = (struct lb){.ops = kinds[cfg->kind], .cfg = *cfg};
    lb->weights = lb_carve(&rest, cfg->count * sizeof *lb->weights);
    memset(lb->weights, 0, cfg->count * sizeof *lb->weights);
    lb->state = rest;
    lb->ops->init(lb);
    lb_update(lb, NULL);
    return lb;
}

static uint16_t asked_weight(const struct lb *lb, const uint16_t *weights, uint32_t i)
{
    const uint16_t weight = weights ? weights[i] : lb->cfg.servers[i].weight;
    return weight < LB_WEIGHT_MAX ? weight : LB_WEIGHT_MAX;
}

bool lb_update(struct lb *lb, const uint16_t *weights)
{
    const struct lb_server *servers = lb->cfg.servers;
    bool backups = true, changed = false;
    for (uint32_t i = 0; i < lb->cfg.count && backups; i++)
        backups = servers[i].backup || !asked_weight(lb, weights, i);
    lb->total = 0;
    for (uint32_t i = 0; i < lb->cfg.count; i++) {
        const uint16_t weight = servers[i].backup == backups ? asked_weight(lb, weights, i) : 0;
        changed |= lb->weights[i] != weight;
        lb->weights[i] = weight;
        lb->total += weight;
    }
    if (!changed || !lb->total) return false;
    lb->ops->update(lb);
    return true;
}

void lb_archive(struct lb *lb, struct archive *a)
{
    if (!archive_part(a, lb->weights, lb->cfg.count * sizeof *lb->weights)) return;
    uint64_t total = 0;
    for (uint32_t i = 0; i < lb->cfg.count; i++) {
        archive_sound(a, lb->weights[i] <= LB_WEIGHT_MAX);
        total += lb->weights[i];
    }
    lb->total = total;
    if (a->reads && total && !a->bad) lb->ops->update(lb);
    if (lb->ops->archive) lb->ops->archive(lb, a);
}

void lb_archive_riches(struct archive *a, int64_t *riches, uint32_t count)
{
    archive_part(a, riches, count * sizeof *riches);
    for (uint32_t i = 0; i < count && !a->bad; i++)
        archive_sound(a, riches[i] > -RICHES_MOST && riches[i] < RICHES_MOST);
}

uint32_t lb_next(const struct lb *lb, uint32_t server)
{
    for (uint32_t i = 1; i < lb->cfg.count; i++) {
        const uint32_t next = (server + i) % lb->cfg.count;
        if (lb->weights[next]) return next;
    }
    return LB_NONE;
}

bool lb_any(const struct lb *lb) { return lb->total > 0; }

uint32_t lb_pick(struct lb *lb, uint64_t hash, const uint32_t *conns)
{
    return lb->total ? lb->ops->pick(lb, hash, conns) : LB_NONE;
}

uint32_t lb_explain(const struct lb *lb, uint64_t hash, const uint32_t *conns, char *buf, size_t len)
{
    if (lb->total) return lb->ops->explain(lb, hash, conns, buf, len);
    snprintf(buf, len, "no server can take a new flow");
    return LB_NONE;
}

uint32_t lb_explain_end(const struct lb *lb, uint32_t server, char *buf, size_t len)
{
    const struct lb_server *s = &lb->cfg.servers[server];
    const char *slash = strrchr(s->name, '/');
    const size_t used = strnlen(buf, len);
    snprintf(buf + used, len - used, " -> %s (weight %u of %llu, %s)", slash ? slash + 1 : s->name,
             (unsigned)lb->weights[server], (unsigned long long)lb->total, s->backup ? "backup" : "up");
    return server;
}
