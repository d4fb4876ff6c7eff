/* Guard matches of earlier programs, in no order, each kept until the end of its flows' time. */
#include "runtime/live/carry/lingering.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/steer_rules.h"
#include "vm/keyed/keyed.h"

/* Return the time until which flows of the program may go on. */
static uint64_t until(const struct program *p, uint64_t now_ns)
{
    uint64_t drain = 0;
    for (uint32_t i = 0; i < p->pools_count; i++)
        if (p->pools[i].drain_ns > drain) drain = p->pools[i].drain_ns;
    const uint64_t most = UINT64_MAX - now_ns - LINGERING_NS;
    return now_ns + LINGERING_NS + (drain < most ? drain : most);
}

static int match_compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct guard_match)); }

/* True if g, sorted by guarded_init, has the match. */
static bool guarded_has(const struct guarded *g, const struct guard_match *m)
{
    return g->match_count && bsearch(m, g->matches, g->match_count, sizeof *m, match_compare);
}

/* True if g has the match, proxied or not: an endpoint that the proxy took over or gave up does not linger. */
static bool has_either(const struct guarded *g, const struct guard_match *m)
{
    struct guard_match other = *m;
    other.proxied = m->proxied ? GUARD_ALL : GUARD_OPENERS;
    return guarded_has(g, m) || guarded_has(g, &other);
}

static void lingers_add(struct lingering *l, const struct guard_match *m, uint64_t until_ns, uint8_t of)
{
    l->matches[l->count] = *m;
    l->of[l->count] = of;
    l->until_ns[l->count++] = until_ns;
}

/* Make in *g the part of a match that still lingers. A host socket that has since been granted its port gets its
 * packets again. False: out of memory. */
static bool left_of(const struct lingering *l, unsigned at, const struct facts_ports *host, struct guarded *g)
{
    *g = (struct guarded){.host = l->of[at] == LINGERS_OF_MASQUERADE ? host : NULL};
    guarded_share(g, &l->matches[at]);
    return !g->failed;
}

static bool count_left(const struct lingering *l, const struct facts_ports *host, size_t *count)
{
    bool good = true;
    for (unsigned i = 0; i < l->count && good; i++) {
        struct guarded some;
        good = left_of(l, i, host, &some);
        *count += some.match_count;
        guarded_fini(&some);
    }
    return good;
}

bool lingering_after(const struct lingering *l, const struct program *now, const struct program *before,
                     const bool of[LINGERS], const struct facts_ports *host, uint64_t now_ns, struct lingering *next)
{
    struct guarded here, left, nats, masquerades;
    struct steer_rules r;
    const uint64_t until_ns = until(before, now_ns);
    bool good = steered_guarded(&r, &here, now, NULL, host);
    good &= steered_guarded(&r, &left, before, NULL, host);
    good &= guarded_nats(&nats, before, host, false);
    good &= guarded_nats(&masquerades, before, host, true);
    size_t most = (size_t)left.match_count + 1;
    good &= count_left(l, host, &most);
    *next = (struct lingering){.matches = calloc(most, sizeof *next->matches),
                               .until_ns = calloc(most, sizeof *next->until_ns),
                               .of = calloc(most, sizeof *next->of)};
    for (unsigned i = 0; i < LINGERS; i++) next->whole_ns[i] = of[i] ? until_ns : l->whole_ns[i];
    bool room = good && next->matches && next->until_ns && next->of;
    for (unsigned i = 0; i < left.match_count && room; i++)
        if (left.matches[i].proxied != GUARD_ANSWERS && !has_either(&here, &left.matches[i]))
            lingers_add(next, &left.matches[i], until_ns,
                        guarded_has(&masquerades, &left.matches[i]) ? LINGERS_OF_MASQUERADE
                        : guarded_has(&nats, &left.matches[i])      ? LINGERS_OF_NAT
                                                                    : LINGERS_OF_SERVICE);
    for (unsigned i = 0; i < l->count && room; i++) {
        struct guarded some;
        room = left_of(l, i, host, &some);
        for (unsigned k = 0; k < some.match_count && room; k++)
            if (!has_either(&here, &some.matches[k]) && !guarded_has(&left, &some.matches[k]))
                lingers_add(next, &some.matches[k], l->until_ns[i], l->of[i]);
        guarded_fini(&some);
    }
    guarded_fini(&here);
    guarded_fini(&left);
    guarded_fini(&nats);
    guarded_fini(&masquerades);
    if (!room) lingering_fini(next);
    return room;
}

bool lingering_due(const struct lingering *l, uint64_t now_ns)
{
    bool due = false;
    for (unsigned i = 0; i < l->count; i++) due |= l->until_ns[i] <= now_ns;
    for (unsigned i = 0; i < LINGERS; i++) due |= l->whole_ns[i] && l->whole_ns[i] <= now_ns;
    return due;
}

/* True if the time has passed and no flow uses the match. A used match gets more time. */
static bool time_is_over(uint64_t *until_ns, bool used, uint64_t now_ns)
{
    if (*until_ns > now_ns) return false;
    if (used) *until_ns = now_ns + LINGERING_NS;
    return !used;
}

bool lingering_end(struct lingering *l, const struct lingering_used *used, uint64_t now_ns)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < l->count; i++) {
        if (time_is_over(&l->until_ns[i], l->of[i] != LINGERS_OF_SERVICE ? used->nats : used->services, now_ns))
            continue;
        l->matches[kept] = l->matches[i];
        l->of[kept] = l->of[i];
        l->until_ns[kept++] = l->until_ns[i];
    }
    bool ended = kept < l->count;
    l->count = kept;
    for (unsigned i = 0; i < LINGERS; i++) {
        if (!l->whole_ns[i] || !time_is_over(&l->whole_ns[i], used->nats, now_ns)) continue;
        l->whole_ns[i] = 0;
        ended = true;
    }
    return ended;
}

void lingering_fini(struct lingering *l)
{
    free(l->matches);
    free(l->until_ns);
    free(l->of);
    *l = (struct lingering){0};
}

void lingering_archive(struct lingering *l, struct archive *a)
{
    uint32_t count = l->count;
    ARCHIVE(a, l->whole_ns);
    ARCHIVE(a, count);
    if (!archive_sound(a, count <= a->left / sizeof *l->matches)) return; /* allocate no more memory than was written */
    if (a->reads)
        *l = (struct lingering){.matches = calloc(count + (size_t)1, sizeof *l->matches),
                                .until_ns = calloc(count + (size_t)1, sizeof *l->until_ns),
                                .of = calloc(count + (size_t)1, sizeof *l->of),
                                .count = count,
                                .whole_ns = {[LINGERS_ROUTED] = l->whole_ns[LINGERS_ROUTED],
                                             [LINGERS_STEERED] = l->whole_ns[LINGERS_STEERED],
                                             [LINGERS_TRANSLATED] = l->whole_ns[LINGERS_TRANSLATED]}};
    if (!l->count && !a->reads) return;
    if (archive_sound(a, l->matches && l->until_ns && l->of)) {
        archive_part(a, l->matches, count * sizeof *l->matches);
        archive_part(a, l->until_ns, count * sizeof *l->until_ns);
        archive_part(a, l->of, count * sizeof *l->of);
    }
    for (uint32_t i = 0; i < count && !a->bad; i++)
        archive_sound(a, guard_match_valid(&l->matches[i]) && l->of[i] <= LINGERS_OF_MASQUERADE);
    if (a->bad && a->reads) lingering_fini(l);
}
