/* See here.h. A check of such a server goes by the loopback, so its success proves nothing about forwarded packets:
 * without this, a server on this machine would get flows that reach no host. */
#include "runtime/live/world/here.h"

#include "runtime/base/clock.h"
#include "vm/vm.h"

/* True if the branch's service sends packets to a server, other than in this machine's own connections. */
static bool sends_on(const struct program *p, const struct pbc_branch *b, const struct pbc_server *s)
{
    const unsigned mode = p->services[b->service].mode;
    if (mode_is(mode, MODE_INLINE) && s->flags & PBC_SERVER_HAS_MAC) return false; /* inline, by its MAC address */
    return !mode_is(mode, MODE_PROXIES) || mode_is(mode, MODE_INLINE_STACK);
}

/* Return the bits of `down` for a server that is this machine: none if only proxies use its pool. */
static uint8_t bits_of(const struct program *p, uint32_t server)
{
    const struct pbc_server *s = &p->servers[server];
    bool sent = false, sends_proxied = false, proxied = false;
    for (uint32_t i = 0; i < p->branches_count; i++) {
        const struct pbc_branch *b = &p->branches[i];
        bool its = false;
        for (uint32_t k = b->shares; k < b->shares + branch_shares(b); k++) its |= p->shares[k].pool == s->pool;
        if (!its) continue;
        const bool on = sends_on(p, b, s), proxies = mode_is(p->services[b->service].mode, MODE_PROXIES);
        sent |= on;
        sends_proxied |= on && proxies;
        proxied |= !on && proxies;
    }
    /* A loop chooses in the same way for all its services, so one that sends packets on decides for the pool's
     * others */
    return !sent ? 0 : proxied && !sends_proxied ? FACTS_HERE_PROXIED : FACTS_HERE;
}

static void tell_here(const struct world *world, uint32_t server, bool here, bool down)
{
    const struct program *p = world->carry->now.program;
    const char *pool = program_str(p, p->pools[p->servers[server].pool].name);
    const char *name = program_str(p, p->servers[server].name);
    if (here)
        events_tell(&world->tell->events, TOLD_HEALTH, "%s/%s is down: " HERE_WHY, pool, name);
    else
        events_tell(&world->tell->events, TOLD_HEALTH, "%s/%s is %s: its address has left this machine", pool, name,
                    down ? "still down" : "up");
}

void here_note(struct world *world, uint32_t server, bool here)
{
    struct ruling *now = &world->carry->now;
    const uint8_t before = now->down[server] & FACTS_HERE_ANY;
    const uint8_t bits = here && !program_is_past(now->program, server) ? bits_of(now->program, server) : 0;
    if (bits == before) return;
    now->down[server] = (uint8_t)((now->down[server] & ~FACTS_HERE_ANY) | bits);
    if (!bits && !now->down[server]) now->up_since_ns[server] = clock_ns(CLOCK_MONOTONIC);
    if (!bits != !before && (bits || !here)) tell_here(world, server, bits, now->down[server]);
    world->tell->changes++;
}
