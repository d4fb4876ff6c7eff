/* `limits`, `timeouts` and `hash key`: the values of the file over the defaults. The words and their defaults are
 * lang/limits.def and lang/timeouts.def; here stands what each key may be and where its value goes. */
#include "compiler/resolve/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "vm/forward/service.h"

#define MS  UINT64_C(1000000)
#define S   (1000 * MS)
#define DAY (86400 * S)

/* In the order of PBC_SETTING_FIELDS. */
static const struct row {
    const char *key;
    uint64_t usual, least, most;
    const char *bounds;
    bool timeout;
} rows[PBC_SETTINGS_KEYS] = {
    {"flows", 1000000, 16, PBC_FLOWS_MOST, "from 16 to 100_000_000", false},
    {"half_open", 100000, 1, PBC_FLOWS_MOST, "from 1 to 100_000_000", false},
    {"fragments", 4096, 1, 1 << 20, "from 1 to 1048576", false},
    {"maglev", LB_SLOTS_DEFAULT, 101, LB_SLOTS_MAX, "from 101 to 1048573", false},
    {"classifier", 64 << 20, 1 << 16, UINT64_C(4) << 30, "from 64KiB to 4GiB", false},
    {"rejects", 1000, 0, 1000000, "from 0/s to 1_000_000/s", false},
    {"macs", PBC_MACS_DEFAULT, 16, 1 << 20, "from 16 to 1048576", false},
    {"routes", PBC_ROUTES_DEFAULT, 1, PBC_ROUTES_MOST, "from 1 to 10_000_000", false},
    {"proxy_sessions", 100000, 16, 10000000, "from 16 to 10_000_000", false},
    {"first_bytes", 16 << 10, 1 << 10, 64 << 10, "from 1KiB to 64KiB", false},
    {"tcp established", 7440 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"tcp half_open", 60 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"tcp closing", 120 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"udp", 120 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"icmp", 60 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"sctp", 7440 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"other", 120 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"pickup", 0, 0, 365 * DAY, "from 0s to 365d", true},
    {"proxy connect", 5 * S, 10 * MS, 600 * S, "from 10ms to 10m", true},
    {"proxy idle", 600 * S, S, 365 * DAY, "from 1s to 365d", true},
    {"proxy first", 5 * S, 10 * MS, 600 * S, "from 10ms to 10m", true},
    {"proxy half_close", 60 * S, S, 365 * DAY, "from 1s to 365d", true},
};

static uint64_t *field(struct pbc_settings *s, unsigned i)
{
    uint64_t *const fields[] = {
#define X(name, doc) &s->name,
        PBC_SETTING_FIELDS(X)
#undef X
    };
    return fields[i];
}

static const struct row *find_row(bool timeout, const char *key)
{
    for (unsigned i = 0; i < PBC_SETTINGS_KEYS; i++)
        if (rows[i].timeout == timeout && strcmp(rows[i].key, key) == 0) return &rows[i];
    return NULL;
}

void settings_init(struct compile *c)
{
    struct pbc_settings *s = image_add_settings(c->image);
    for (unsigned i = 0; i < PBC_SETTINGS_KEYS; i++) *field(s, i) = rows[i].usual;
    pbc_digest(HASH_KEY_DEFAULT, strlen(HASH_KEY_DEFAULT), s->hash_key);
    c->image->meta->rejects_per_s = (uint32_t)s->rejects_per_s;
}

/* The words of a key, joined by spaces: the parser has seen to it that there is such a key. */
static const char *key_of(struct compile *c, const struct node *setting)
{
    char text[256];
    size_t n = 0;
    for (const struct node *w = setting->first; w->next && n < sizeof(text); w = w->next)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", w->v.str.s);
    return arena_strndup(c->arena, text, n);
}

/* False after a report. */
static bool value_in_bounds(struct compile *c, const struct node *at, const struct row *row, uint64_t value)
{
    if (value < row->least || value > row->most) {
        diag(c->diags, E_SETTING_RANGE, at->span, "`%s` can be %s", row->key, row->bounds);
        return false;
    }
    if (strcmp(row->key, "maglev") != 0 || lb_is_prime((uint32_t)value)) return true;
    uint32_t next = (uint32_t)value;
    while (!lb_is_prime(next)) next++;
    diag(c->diags, E_SETTING_RANGE, at->span, "`maglev` must be a prime number");
    diag_suggest_for(c->diags, ", the next prime", "%u", next);
    return false;
}

static bool rate_a_second(struct compile *c, const struct node *at, const struct node *rate, uint64_t *value)
{
    *value = rate->v.rate.count;
    if (rate->v.rate.per_ns == S) return true;
    diag(c->diags, E_SETTING_RANGE, at->span, "`rejects` takes a rate by the second");
    diag_suggest(c->diags, SPAN_NONE, "%" PRIu64 "/s",
                 *value / (rate->v.rate.per_ns / S) ? *value / (rate->v.rate.per_ns / S) : 1);
    return false;
}

static bool value_taken(struct compile *c, const struct node *n, const struct row *row, uint64_t *value)
{
    const bool rate = strcmp(row->key, "rejects") == 0,
               size = strcmp(row->key, "classifier") == 0 || strcmp(row->key, "first_bytes") == 0;
    const enum node_kind kind = row->timeout ? N_DURATION : rate ? N_RATE : size ? N_SIZE : N_INT;
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind != (uint8_t)kind) {
        report_wrong_value(c, n, v, row->timeout ? "a duration" : rate ? "a rate" : size ? "a size" : "a number");
        return false;
    }
    *value = v.node->v.i;
    return (!rate || rate_a_second(c, n, v.node, value)) && value_in_bounds(c, n, row, *value);
}

/* False after reporting that it was said before; `at` is remembered. */
static bool first_time(struct compile *c, unsigned i, struct span at, const char *what)
{
    struct pbc_settings *s = c->image->settings;
    if (!(s->written >> i & 1)) {
        s->written |= UINT64_C(1) << i;
        c->symbols->setting_span[i] = at;
        return true;
    }
    diag(c->diags, E_SETTING_TWICE, at, "%s is set twice", what);
    diag_note(c->diags, c->symbols->setting_span[i], "the first is here");
    return false;
}

static void setting_take(struct compile *c, const struct node *setting, bool timeout)
{
    const char *key = key_of(c, setting);
    const struct row *row = find_row(timeout, key);
    char what[64];
    uint64_t value;
    if (!row) return;
    snprintf(what, sizeof(what), "`%s`", row->key);
    const unsigned i = (unsigned)(row - rows);
    if (!value_taken(c, setting->last, row, &value) || !first_time(c, i, setting->span, what)) return;
    *field(c->image->settings, i) = value;
    c->image->meta->rejects_per_s = (uint32_t)c->image->settings->rejects_per_s;
}

static void hash_key_take(struct compile *c, const struct node *n)
{
    const struct str key = n->first->v.str;
    if (key.len == 0) {
        diag(c->diags, E_HASH_KEY, n->first->span, "an empty hash key protects nothing");
        diag_advise(c->diags, "write a text that nobody can guess");
        return;
    }
    if (first_time(c, PBC_SETTINGS_KEYS, n->span, "the hash key"))
        pbc_digest(key.s, key.len, c->image->settings->hash_key);
}

void settings_take(struct compile *c, const struct node *n)
{
    if (n->kind == N_HASH_KEY) hash_key_take(c, n);
    if (n->kind != N_LIMITS && n->kind != N_TIMEOUTS) return;
    node_each(setting, n) if (setting->kind == N_SETTING) setting_take(c, setting, n->kind == N_TIMEOUTS);
}

bool setting_usual(unsigned i, const char **key, bool *timeout, uint64_t *value)
{
    if (i >= PBC_SETTINGS_KEYS) return false;
    *key = rows[i].key;
    *timeout = rows[i].timeout;
    *value = rows[i].usual;
    return true;
}
