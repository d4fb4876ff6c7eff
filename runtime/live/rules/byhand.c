/* Two lists, of servers and of services, applied to each ruling; entries that a reload has removed stay unapplied */
#include "runtime/live/rules/byhand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/world/here.h"
#include "runtime/live/world/world.h"
#include "vm/keyed/keyed.h"

const char *const by_hand_words[BY_HAND_STATES] = {
    [BY_HAND_FILE] = "file", [BY_HAND_DRAIN] = "drain", [BY_HAND_UP] = "up", [BY_HAND_DOWN] = "down"};

const char *by_hand_word(const struct by_hand *h)
{
    return h && h->state == BY_HAND_FILE && h->weighted ? "weight" : by_hand_words[h ? h->state : BY_HAND_FILE];
}

/* Return the number of servers that the file names; past servers come after these. */
static uint32_t servers(const struct program *p) { return p->past ? p->past->servers : p->servers_count; }

uint32_t by_hand_server(const struct program *p, const char *name)
{
    for (uint32_t s = 0; s < servers(p); s++) {
        const char *pool = program_str(p, p->pools[p->servers[s].pool].name);
        const size_t len = strlen(pool);
        if (!strncmp(name, pool, len) && name[len] == '/' &&
            !strcmp(name + len + 1, program_str(p, p->servers[s].name)))
            return s;
    }
    return PBC_NONE;
}

void by_hand_say(const struct ruling *r, uint32_t server, char *text, size_t len)
{
    const struct by_hand *h = r->by_hand[server];
    char bound[TEXT_NUMBER], weight[60];
    const unsigned written = r->program->servers[server].weight;
    if (h && h->weighted)
        snprintf(weight, sizeof weight, "weight %u by hand, %u in the file", (unsigned)h->weight, written);
    else
        snprintf(weight, sizeof weight, "weight %u, as in the file", written);
    const int used = snprintf(text, len, "%s: ", label_server(&r->labels, server));
    switch (h ? h->state : BY_HAND_FILE) {
    case BY_HAND_DRAIN:
        snprintf(text + used, len - (size_t)used, "it drains%s%s", h->bound_ns ? ", for at most " : "",
                 h->bound_ns ? text_duration(h->bound_ns, bound) : "; its flows continue until they end");
        break;
    case BY_HAND_UP:
        snprintf(text + used, len - (size_t)used, "up by hand, whatever its checks report%s; %s",
                 r->down[server] & FACTS_HERE_ANY ? ", and still down: " HERE_WHY : "", weight);
        break;
    case BY_HAND_DOWN: snprintf(text + used, len - (size_t)used, "down by hand"); break;
    default: snprintf(text + used, len - (size_t)used, "%s", weight);
    }
}

static int compare_labels(const void *x, const void *y, void *arg)
{
    const struct labels *all = arg;
    return strcmp(label_server(all, *(const uint32_t *)x), label_server(all, *(const uint32_t *)y));
}

/* Return the indices of the program's servers by label (POOL/SERVER); the caller frees them. NULL: out of memory. */
static uint32_t *in_order(const struct ruling *r)
{
    const uint32_t count = servers(r->program);
    uint32_t *all = malloc((count + 1u) * sizeof *all);
    for (uint32_t i = 0; all && i < count; i++) all[i] = i;
    if (all) qsort_r(all, count, sizeof *all, compare_labels, (void *)(uintptr_t)&r->labels);
    return all;
}

static uint32_t server_in_order(const struct ruling *r, const uint32_t *all, const char *label)
{
    uint32_t lo = 0, hi = servers(r->program);
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const int order = strcmp(label, label_server(&r->labels, all[mid]));
        if (!order) return all[mid];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return PBC_NONE;
}

static uint16_t weight_of(const struct by_hand *h)
{
    if (h->state == BY_HAND_DRAIN) return FACTS_DRAINS;
    return h->weighted ? (uint16_t)(h->weight + 1) : 0;
}

void by_hand_apply(const struct rules *rules, struct ruling *r)
{
    memset(r->weights, 0, r->program->servers_count * sizeof *r->weights);
    memset(r->by_hand, 0, r->program->servers_count * sizeof *r->by_hand);
    uint32_t *all = rules->by_hand ? in_order(r) : NULL;
    for (struct by_hand *h = rules->by_hand; h; h = h->next) {
        const uint32_t s = all ? server_in_order(r, all, h->server) : by_hand_server(r->program, h->server);
        h->found = s != PBC_NONE;
        if (!h->found) continue;
        r->by_hand[s] = h;
        r->weights[s] = weight_of(h);
    }
    free(all);
}

unsigned by_hand_weight(const struct ruling *r, uint32_t server)
{
    const struct facts f = {.weights = r->weights};
    return facts_weight(&f, server, r->program->servers[server].weight);
}

bool by_hand_down(const struct ruling *r, uint32_t server, bool checks_say)
{
    const struct by_hand *h = r->by_hand[server];
    if (!h || h->state == BY_HAND_FILE) return checks_say;
    if (h->state == BY_HAND_DRAIN) return h->over || checks_say;
    return h->state == BY_HAND_DOWN;
}

static bool by_hand_follow(struct rules *rules, uint64_t now_ns)
{
    rules->tell->changes++;
    health_agree(&rules->carry->now, now_ns);
    return world_publish(rules->world, false);
}

/* Return the settings of the server with that name, which are made if missing. NULL: out of memory. */
static struct by_hand *one(struct rules *rules, const char *server)
{
    struct by_hand *h = rules->by_hand;
    while (h && strcmp(h->server, server) != 0) h = h->next;
    if (h) return h;
    h = calloc(1, sizeof *h);
    if (h) h->server = strdup(server);
    if (!h || !h->server) {
        free(h);
        return NULL;
    }
    h->next = rules->by_hand;
    return rules->by_hand = h;
}

/* Unlink and free the settings for which `goes` is true; NULL: all. */
static void settings_forget(struct rules *rules, bool goes(const struct by_hand *))
{
    for (struct by_hand **at = &rules->by_hand; *at;) {
        struct by_hand *h = *at;
        if (goes && !goes(h)) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        free(h->server);
        free(h);
    }
}

static bool says_nothing(const struct by_hand *h) { return h->state == BY_HAND_FILE && !h->weighted; }

static bool is_nobodys(const struct by_hand *h) { return !h->found; }

/* Take over the settings of w: a weight ends a drain, `file` cancels all settings, other states leave the weight. */
static void setting_take(struct by_hand *h, const struct by_hand *w, uint64_t now_ns)
{
    if (w->weighted) h->weight = w->weight;
    if (w->weighted && h->state == BY_HAND_DRAIN) h->state = BY_HAND_FILE;
    if (!w->weighted) h->state = w->state;
    h->weighted = w->weighted || (h->weighted && w->state != BY_HAND_FILE);
    h->until_ns = w->bound_ns ? now_ns + w->bound_ns : UINT64_MAX;
    h->bound_ns = w->bound_ns;
    h->over = false;
    h->by = w->by;
    h->at_ns = w->at_ns;
}

int by_hand_set(struct rules *rules, uint32_t server, const struct by_hand *w)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    struct by_hand *h = one(rules, label_server(&rules->carry->now.labels, server));
    if (!h) return -ENOMEM;
    setting_take(h, w, now_ns);
    h->found = true;
    const bool keeps = !says_nothing(h);
    rules->carry->now.by_hand[server] = keeps ? h : NULL;
    rules->carry->now.weights[server] = weight_of(h);
    if (!keeps) settings_forget(rules, says_nothing);
    if (!by_hand_follow(rules, now_ns)) rules->world->stale = true;
    return 0;
}

/* Return the words on the fate of flows that remain at the end of a drain. */
static const char *what_follows(const struct rules *rules, const struct by_hand *h)
{
    const struct program *p = rules->carry->now.program;
    const uint32_t s = by_hand_server(p, h->server);
    if (s == PBC_NONE || p->pools[p->servers[s].pool].on_down == PBC_DOWN_RESET) return "its remaining flows are reset";
    return "its remaining flows continue until they end (`on down keep`)";
}

bool by_hand_tick(struct rules *rules, uint64_t now_ns)
{
    bool any = false;
    for (struct by_hand *h = rules->by_hand; h; h = h->next) {
        if (h->state != BY_HAND_DRAIN || h->over || now_ns < h->until_ns) continue;
        any = h->over = true;
        events_tell(&rules->tell->events, TOLD_HAND, "%s has drained for its set time: %s", h->server,
                    what_follows(rules, h));
    }
    return any ? by_hand_follow(rules, now_ns) : true;
}

enum { SETTINGS_MOST = 1 << 20, NAME_MOST = 1 << 12 };

/* Write or read a name, which is on the heap. */
static void name_archive(char **name, struct archive *a)
{
    uint32_t len = a->reads ? 0 : (uint32_t)strlen(*name);
    if (!ARCHIVE(a, len) || !archive_sound(a, len && len <= NAME_MOST)) return;
    if (a->reads && !(*name = calloc(1, len + 1u))) a->bad = true;
    if (!a->bad) archive_part(a, *name, len);
}

void by_hand_archive(struct rules *rules, struct archive *a)
{
    uint32_t count = 0;
    for (const struct by_hand *h = rules->by_hand; h; h = h->next) count++;
    ARCHIVE(a, count);
    archive_sound(a, count <= SETTINGS_MOST);
    struct by_hand **at = &rules->by_hand;
    for (uint32_t i = 0; i < count && !a->bad; i++, at = &(*at)->next) {
        if (a->reads && !(*at = calloc(1, sizeof **at))) a->bad = true;
        if (a->bad) return;
        struct by_hand *h = *at;
        name_archive(&h->server, a);
        uint8_t flags = (uint8_t)(h->weighted | h->over << 1);
        ARCHIVE(a, h->state);
        ARCHIVE(a, flags);
        ARCHIVE(a, h->weight);
        ARCHIVE(a, h->bound_ns);
        ARCHIVE(a, h->until_ns);
        ARCHIVE(a, h->at_ns);
        ARCHIVE(a, h->by);
        archive_sound(a, h->state < BY_HAND_STATES && flags < 4);
        h->weighted = flags & 1;
        h->over = flags & 2;
    }
}

void drained_archive(struct rules *rules, struct archive *a)
{
    uint32_t count = 0;
    for (const struct drained *d = rules->drained; d; d = d->next) count++;
    ARCHIVE(a, count);
    archive_sound(a, count <= SETTINGS_MOST);
    struct drained **at = &rules->drained;
    for (uint32_t i = 0; i < count && !a->bad; i++, at = &(*at)->next) {
        if (a->reads && !(*at = calloc(1, sizeof **at))) a->bad = true;
        if (a->bad) return;
        name_archive(&(*at)->service, a);
        ARCHIVE(a, (*at)->at_ns);
        ARCHIVE(a, (*at)->by);
    }
}

void by_hand_forget(struct rules *rules) { settings_forget(rules, is_nobodys); }
void by_hand_fini(struct rules *rules) { settings_forget(rules, NULL); }

/* Return the number of services that the file names; past services come after these. */
static uint32_t services(const struct program *p) { return p->past ? p->past->services : p->services_count; }

bool drained_can(const struct program *p, uint32_t service) { return !(p->services[service].flags & PBC_SERVICE_CUT); }

uint32_t drained_service(const struct ruling *r, const char *name)
{
    for (uint32_t i = 0; i < services(r->program); i++)
        if (!strcmp(label_service(&r->labels, i), name)) return i;
    return PBC_NONE;
}

const struct drained *drained_find(const struct rules *rules, const char *name)
{
    const struct drained *d = rules->drained;
    while (d && strcmp(d->service, name) != 0) d = d->next;
    return d;
}

void drained_apply(const struct rules *rules, struct ruling *r)
{
    memset(r->drains, 0, r->program->services_count * sizeof *r->drains);
    for (struct drained *d = rules->drained; d; d = d->next) {
        const uint32_t service = drained_service(r, d->service);
        d->found = service != PBC_NONE && drained_can(r->program, service);
        if (d->found) r->drains[service] = 1;
    }
}

static void drain_drop(struct drained **at)
{
    struct drained *d = *at;
    *at = d->next;
    free(d->service);
    free(d);
}

static void drain_end(struct rules *rules, const char *name)
{
    for (struct drained **at = &rules->drained; *at; at = &(*at)->next) {
        if (strcmp((*at)->service, name) != 0) continue;
        drain_drop(at);
        return;
    }
}

static int drain_begin(struct rules *rules, const char *name, uid_t by)
{
    struct drained *d = calloc(1, sizeof *d);
    if (d) d->service = strdup(name);
    if (!d || !d->service) {
        free(d);
        return -ENOMEM;
    }
    d->found = true;
    d->by = by;
    d->at_ns = clock_ns(CLOCK_REALTIME);
    d->next = rules->drained;
    rules->drained = d;
    return 0;
}

int drained_set(struct rules *rules, uint32_t service, bool off, uid_t by)
{
    struct ruling *now = &rules->carry->now;
    const char *name = label_service(&now->labels, service);
    if (off)
        drain_end(rules, name);
    else if (!drained_find(rules, name) && drain_begin(rules, name, by))
        return -ENOMEM;
    now->drains[service] = !off;
    rules->tell->changes++;
    if (!world_publish(rules->world, false)) rules->world->stale = true;
    return 0;
}

void drained_forget(struct rules *rules)
{
    for (struct drained **at = &rules->drained; *at;) {
        if ((*at)->found)
            at = &(*at)->next;
        else
            drain_drop(at);
    }
}

void drained_fini(struct rules *rules)
{
    while (rules->drained) drain_drop(&rules->drained);
}
