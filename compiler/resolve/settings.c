/* Read `limits`, `timeouts` and `hash key` over the defaults. lang/words/limits.def and lang/words/timeouts.def have
 * the words and defaults; this file has the bounds of each key and its field. */
#include "compiler/resolve/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "vm/forward/service.h"

#define MS  UINT64_C(1000000)
#define S   (1000 * MS)
#define DAY (86400 * S)

/* In the order of PBC_SETTING_FIELDS */
static const struct {
    const char *key;
    enum node_kind kind;
} keys[PBC_SETTINGS_KEYS] = {
#define LIMIT(key, kind, value, doc) {key, N_##kind},
#include "lang/words/limits.def"
#define TIMEOUT(key, value, doc) {key, N_DURATION},
#include "lang/words/timeouts.def"
};
static const struct {
    uint64_t usual, least, most;
    const char *bounds;
} rows[PBC_SETTINGS_KEYS] = {
    [PBC_SETTING_flows] = {1000000, 16, PBC_FLOWS_MOST, "from 16 to 100_000_000"},
    [PBC_SETTING_half_open] = {100000, 1, PBC_FLOWS_MOST, "from 1 to 100_000_000"},
    [PBC_SETTING_fragments] = {4096, 1, 1 << 20, "from 1 to 1048576"},
    [PBC_SETTING_maglev] = {LB_SLOTS_DEFAULT, 101, LB_SLOTS_MAX, "from 101 to 1048573"},
    [PBC_SETTING_classifier_bytes] = {64 << 20, 1 << 16, UINT64_C(4) << 30, "from 64KiB to 4GiB"},
    [PBC_SETTING_rejects_per_s] = {1000, 0, 1000000, "from 0/s to 1_000_000/s"},
    [PBC_SETTING_macs] = {PBC_MACS_DEFAULT, 16, 1 << 20, "from 16 to 1048576"},
    [PBC_SETTING_routes] = {PBC_ROUTES_DEFAULT, 1, PBC_ROUTES_MOST, "from 1 to 10_000_000"},
    [PBC_SETTING_proxy_sessions] = {100000, 16, 10000000, "from 16 to 10_000_000"},
    [PBC_SETTING_first_bytes] = {16 << 10, 1 << 10, 64 << 10, "from 1KiB to 64KiB"},
    [PBC_SETTING_observed] = {100000, 16, 10000000, "from 16 to 10_000_000"},
    [PBC_SETTING_observed_bytes] = {64 << 20, 1 << 20, UINT64_C(64) << 30, "from 1MiB to 64GiB"},
    [PBC_SETTING_tcp_established_ns] = {7440 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_tcp_half_open_ns] = {60 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_tcp_closing_ns] = {120 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_udp_ns] = {120 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_icmp_ns] = {60 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_sctp_ns] = {7440 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_other_ns] = {120 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_pickup_ns] = {0, 0, 365 * DAY, "from 0s to 365d"},
    [PBC_SETTING_proxy_connect_ns] = {5 * S, 10 * MS, 600 * S, "from 10ms to 10m"},
    [PBC_SETTING_proxy_idle_ns] = {600 * S, S, 365 * DAY, "from 1s to 365d"},
    [PBC_SETTING_proxy_first_ns] = {5 * S, 10 * MS, 600 * S, "from 10ms to 10m"},
    [PBC_SETTING_proxy_half_close_ns] = {60 * S, S, 365 * DAY, "from 1s to 365d"},
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

static bool is_timeout(unsigned i) { return keys[i].kind == N_DURATION; }

/* Return the index of a key, or PBC_SETTINGS_KEYS. */
static unsigned find_key(bool timeout, const char *key)
{
    unsigned i = 0;
    while (i < PBC_SETTINGS_KEYS && (is_timeout(i) != timeout || strcmp(keys[i].key, key) != 0)) i++;
    return i;
}

void settings_init(struct compile *c)
{
    struct pbc_settings *s = image_add_settings(c->image);
    for (unsigned i = 0; i < PBC_SETTINGS_KEYS; i++) *field(s, i) = rows[i].usual;
    pbc_digest(HASH_KEY_DEFAULT, strlen(HASH_KEY_DEFAULT), s->hash_key);
    c->image->meta->rejects_per_s = (uint32_t)s->rejects_per_s;
}

/* Return the words of a key, joined by spaces; the parser has checked that the key exists. */
static const char *setting_key(struct compile *c, const struct node *setting)
{
    char text[256];
    size_t n = 0;
    for (const struct node *w = setting->first; w->next && n < sizeof(text); w = w->next)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", w->v.str.s);
    return arena_strndup(c->arena, text, n);
}

/* True if the value is in the key's bounds; else report. */
static bool value_in_bounds(struct compile *c, const struct node *at, unsigned i, uint64_t value)
{
    if (value < rows[i].least || value > rows[i].most) {
        diag(c->diags, E_SETTING_RANGE, at->span, "`%s` goes %s", keys[i].key, rows[i].bounds);
        return false;
    }
    if (i != PBC_SETTING_maglev || lb_is_prime((uint32_t)value)) return true;
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
    diag(c->diags, E_SETTING_RANGE, at->span, "`rejects` takes a rate per second, such as 100/s");
    diag_suggest(c->diags, SPAN_NONE, "%" PRIu64 "/s",
                 *value / (rate->v.rate.per_ns / S) ? *value / (rate->v.rate.per_ns / S) : 1);
    return false;
}

static bool value_taken(struct compile *c, const struct node *n, unsigned i, uint64_t *value)
{
    const enum node_kind kind = keys[i].kind;
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind != (uint8_t)kind) {
        report_wrong_value(c, n, v, value_name(&(struct node){.kind = (uint8_t)kind}));
        return false;
    }
    *value = v.node->v.i;
    return (kind != N_RATE || rate_a_second(c, n, v.node, value)) && value_in_bounds(c, n, i, *value);
}

/* True if the setting is new, and remember `at`; else report. */
static bool first_time(struct compile *c, unsigned i, struct span at, const char *what)
{
    struct pbc_settings *s = c->image->settings;
    if (!(s->written >> i & 1)) {
        s->written |= UINT64_C(1) << i;
        c->symbols->setting_span[i] = at;
        return true;
    }
    diag(c->diags, E_SETTING_TWICE, at, "%s is set twice", what);
    diag_note(c->diags, c->symbols->setting_span[i], "the first one is here");
    return false;
}

static void setting_take(struct compile *c, const struct node *setting, bool timeout)
{
    const char *key = setting_key(c, setting);
    const unsigned i = find_key(timeout, key);
    char what[64];
    uint64_t value;
    if (i == PBC_SETTINGS_KEYS) return;
    snprintf(what, sizeof(what), "`%s`", key);
    if (!value_taken(c, setting->last, i, &value) || !first_time(c, i, setting->span, what)) return;
    *field(c->image->settings, i) = value;
    c->image->meta->rejects_per_s = (uint32_t)c->image->settings->rejects_per_s;
}

static void hash_key_take(struct compile *c, const struct node *n)
{
    const struct str key = n->first->v.str;
    if (key.len == 0) {
        diag(c->diags, E_HASH_KEY, n->first->span, "the hash key is empty");
        diag_advise(c->diags, "write a secret text that is hard to guess");
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
    *key = keys[i].key;
    *timeout = is_timeout(i);
    *value = rows[i].usual;
    return true;
}
