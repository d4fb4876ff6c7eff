/* ip_local_reserved_ports: a set of ports in the kernel's text form ("1024-2047,3000"), and the choice of ports that
 * stay with the host */
#include "runtime/host/guard/ports.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/proc_priv.h"
#include "runtime/host/state.h"

#define RESERVED  "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define CHOSEN    "/proc/sys/net/ipv4/ip_local_port_range"
#define PORTS     65536u
#define TEXT_MOST (PORTS * 6) /* bytes of a list: each port with a comma */

struct ports {
    bool has[PORTS];
};

/* Parse a list of ports. A range has a `-`, or a tab in ip_local_port_range. */
static void parse(struct ports *p, const char *text)
{
    memset(p, 0, sizeof *p);
    for (char *end;; text = end + (*end == ',')) {
        const unsigned long lo = strtoul(text, &end, 10);
        if (end == text) return;
        const unsigned long hi = *end == '-' || *end == '\t' ? strtoul(end + 1, &end, 10) : lo;
        for (unsigned long port = lo; port <= hi && port < PORTS; port++) p->has[port] = true;
    }
}

static void print(const struct ports *p, char text[TEXT_MOST])
{
    char *at = text;
    *at = 0;
    for (unsigned lo = 0; lo < PORTS; lo++) {
        if (!p->has[lo]) continue;
        unsigned hi = lo;
        while (hi + 1 < PORTS && p->has[hi + 1]) hi++;
        at += sprintf(at, at == text ? "%u" : ",%u", lo);
        if (hi > lo) at += sprintf(at, "-%u", hi);
        lo = hi;
    }
}

struct work {
    struct ports now, chosen, other, wanted;
    struct ports others; /* ports that other instances have taken */
    struct ports taken;  /* ports taken by this instance, now or for an earlier program: mappings may use them */
    char text[TEXT_MOST], change[TEXT_MOST], reservation[TEXT_MOST];
    char owner[80]; /* another instance that has some of the ports */
};

static int write_ports(struct work *w)
{
    print(&w->now, w->text);
    strcat(w->text, "\n"); /* the empty list is an empty line */
    return proc_write(RESERVED, w->text);
}

static int read_ports(struct work *w)
{
    int failed = proc_read(CHOSEN, w->text, TEXT_MOST);
    if (failed) return failed;
    parse(&w->chosen, w->text);
    failed = proc_read(RESERVED, w->text, TEXT_MOST);
    if (!failed) parse(&w->now, w->text);
    return failed;
}

static bool in(unsigned port, uint16_t lo, uint16_t hi) { return lo <= port && port <= hi; }

/* Set w->wanted to the ranges, without the kept ports of ranges that yield */
static void want(struct work *w, const struct host_ports *ranges, unsigned count, const struct host_kept *kept)
{
    memset(&w->wanted, 0, sizeof w->wanted);
    for (unsigned i = 0; i < count; i++)
        for (unsigned port = ranges[i].lo; port <= ranges[i].hi; port++)
            w->wanted.has[port] |= !(ranges[i].yields && kept->hi && in(port, kept->lo, kept->hi));
}

static bool add_others(void *arg, const char *name, const char *what, const char *before, const char *after)
{
    struct work *w = arg;
    parse(&w->other, what);
    for (unsigned port = 0; port < PORTS; port++) w->others.has[port] |= w->other.has[port];
    return true;
}

/* True if the port is free: the kernel does not choose it, no one has reserved it, and no other instance has it.
 * Ports that prey itself reserved are in the kernel's range. */
static bool is_spare(const struct work *w, unsigned port)
{
    return !w->chosen.has[port] && !w->now.has[port] && !w->others.has[port];
}

void ports_keep_longest(struct facts_range *all, uint32_t *count, unsigned most, struct facts_range one)
{
    unsigned least = 0;
    if (*count == most) {
        for (unsigned i = 1; i < most; i++)
            if (all[i].hi - all[i].lo < all[least].hi - all[least].lo) least = i;
        if (one.hi - one.lo <= all[least].hi - all[least].lo) return;
        --*count;
        memmove(&all[least], &all[least + 1], (most - 1 - least) * sizeof one);
    }
    all[(*count)++] = one;
}

/* Find further ports for ranges that grow: ports below these that are not wanted already. */
static int find_more(struct work *w, const struct state *s, const struct host_ports *ranges, unsigned count,
                     struct host_kept *kept)
{
    unsigned below = 0;
    for (unsigned i = 0; i < count; i++)
        if (ranges[i].grows && ranges[i].lo > below) below = ranges[i].lo;
    memset(&w->others, 0, sizeof w->others);
    memset(kept->more, 0, sizeof kept->more);
    kept->more_count = 0;
    const int failed = s && below ? state_others(s, CHANGE_PORTS, add_others, w) : 0;
    for (unsigned lo = PORTS_MORE_LO; lo < below && !failed; lo++) {
        unsigned hi = lo;
        while (hi < below && is_spare(w, hi) && !w->wanted.has[hi]) hi++;
        if (hi > lo)
            ports_keep_longest(kept->more, &kept->more_count, PORTS_MORE,
                               (struct facts_range){(uint16_t)lo, (uint16_t)(hi - 1)});
        lo = hi;
    }
    return failed;
}

/* Return the number of ports that the kernel could still choose */
static unsigned left(const struct work *w)
{
    unsigned n = 0;
    for (unsigned port = 0; port < PORTS; port++) n += w->chosen.has[port] && !w->now.has[port] && !w->wanted.has[port];
    return n;
}

/* True if each range still has a port */
static bool serves(const struct host_ports *ranges, unsigned count, const struct host_kept *kept)
{
    bool all = true;
    for (unsigned i = 0; i < count; i++)
        all &= !(ranges[i].yields && kept->hi && kept->lo <= ranges[i].lo && ranges[i].hi <= kept->hi);
    return all;
}

/* Return a run of the ports that the host lacks (w->other), without ports taken before: the first of length `most`,
 * from below or, if `last`, from above; else the longest */
static struct host_kept free_run(const struct work *w, unsigned most, bool last)
{
    struct host_kept kept = {0}, longest = {0};
    unsigned has = 0, had = 0;
    for (unsigned i = 0; i < PORTS && had < most; i++) {
        const uint16_t port = (uint16_t)(last ? PORTS - 1 - i : i);
        if (w->taken.has[port]) has = 0;
        if (!w->other.has[port]) continue;
        if (last || !has) kept.lo = port;
        if (!last || !has) kept.hi = port;
        if (++has <= had) continue;
        had = has;
        longest = kept;
    }
    return longest;
}

/* Return the kept range, grown by up to `most` adjacent ports */
static struct host_kept grown(const struct work *w, unsigned most, struct host_kept kept)
{
    for (; most && kept.lo && w->other.has[kept.lo - 1]; most--) kept.lo--;
    for (; most && kept.hi < PORTS - 1 && w->other.has[kept.hi + 1]; most--) kept.hi++;
    return kept;
}

/* Keep more ports. Without a kept range take the first ports, or the last if a range would have none otherwise. */
static void keep_more(const struct work *w, const struct host_ports *ranges, unsigned count, unsigned most,
                      struct host_kept *kept)
{
    for (unsigned last = 0; last < 2; last++) {
        const struct host_kept more = kept->hi ? grown(w, most, *kept) : free_run(w, most, last);
        if (!serves(ranges, count, &more)) continue;
        kept->lo = more.lo;
        kept->hi = more.hi;
        return;
    }
}

/* Choose which yielding ports the host keeps: its kept ones, and more if the rules leave it too few. Ports taken
 * before are never chosen, because mappings may use them. */
static bool keep(struct work *w, const struct host_ports *ranges, unsigned count, struct host_kept *kept)
{
    unsigned yielding = 0;
    want(w, ranges, count, &(struct host_kept){.hi = UINT16_MAX});
    const unsigned could = left(w), least = could < PORTS_KEPT ? could : PORTS_KEPT;
    w->other = w->wanted;
    want(w, ranges, count, kept);
    const unsigned has = left(w);
    for (unsigned port = 0; port < PORTS; port++) {
        w->other.has[port] = w->chosen.has[port] && !w->now.has[port] && w->wanted.has[port] && !w->other.has[port] &&
                             !w->taken.has[port];
        yielding += w->other.has[port];
    }
    if (has < least && yielding) keep_more(w, ranges, count, least - has, kept);
    want(w, ranges, count, kept);
    return left(w) && serves(ranges, count, kept);
}

static bool add_taken(void *arg, const char *name, const char *what, const char *before, const char *after)
{
    struct work *w = arg;
    parse(&w->other, what);
    for (unsigned port = 0; port < PORTS; port++) w->taken.has[port] |= w->other.has[port];
    return true;
}

/* Set w->other to the ports to reserve. -ENOSPC: one side would have no port. s may be NULL. */
static int find_missing(struct work *w, const struct state *s, const struct host_ports *ranges, unsigned count,
                        struct host_kept *kept)
{
    const int failed = read_ports(w);
    if (failed) return failed;
    if (s) state_own(s, CHANGE_PORTS, add_taken, w);
    for (unsigned port = PORTS; port-- > 0;)
        if (w->chosen.has[port]) kept->chosen_lo = (uint16_t)port;
    for (unsigned port = 0; port < PORTS; port++)
        if (w->chosen.has[port]) kept->chosen_hi = (uint16_t)port;
    if (!keep(w, ranges, count, kept)) return -ENOSPC;
    const int unread = find_more(w, s, ranges, count, kept);
    if (unread) return unread;
    for (unsigned i = 0; i < kept->more_count; i++)
        for (unsigned port = kept->more[i].lo; port <= kept->more[i].hi; port++) w->wanted.has[port] = true;
    for (unsigned port = 0; port < PORTS; port++)
        w->other.has[port] = w->chosen.has[port] && w->wanted.has[port] && !w->now.has[port];
    return 0;
}

/* True if a start without reservations could share the ports */
static bool anew(struct work *w, const struct host_ports *ranges, unsigned count)
{
    struct host_kept kept = {0};
    for (unsigned port = 0; port < PORTS; port++) w->now.has[port] &= !w->taken.has[port];
    memset(&w->taken, 0, sizeof w->taken);
    return keep(w, ranges, count, &kept);
}

static bool has_taken(const struct work *w)
{
    bool all = true;
    for (unsigned port = 0; port < PORTS; port++) all &= !w->wanted.has[port] || w->taken.has[port];
    return all;
}

static bool is_apart(void *arg, const char *name, const char *what, const char *before, const char *after)
{
    struct work *w = arg;
    parse(&w->other, what);
    bool shared = false;
    for (unsigned port = 0; port < PORTS; port++) shared |= w->other.has[port] && w->wanted.has[port];
    if (shared) snprintf(w->owner, sizeof w->owner, "%s", name);
    return !shared;
}

/* Return 0, or -EADDRINUSE if another instance has some of the ports */
static int ask_others(const struct state *s, struct work *w)
{
    const int failed = state_others(s, CHANGE_PORTS, is_apart, w);
    return failed ? failed : *w->owner ? -EADDRINUSE : 0;
}

static bool is_any(const char *before) { return before; }

/* Record the reservation, then check others': of two instances that start at the same time, each sees the other. A
 * refused reservation is removed, so that it blocks no other. A port taken before can't be another's. */
static int reserve(struct state *s, struct work *w)
{
    const bool had = has_taken(w);
    print(&w->wanted, w->reservation);
    print(&w->other, w->change);
    int failed = state_note(s, CHANGE_PORTS, w->reservation, "", w->change);
    if (!failed && !had && (failed = ask_others(s, w))) state_forget(s, CHANGE_PORTS, w->reservation, is_any);
    if (failed || !*w->change) return failed;
    parse(&w->other, w->change);
    for (unsigned port = 0; port < PORTS; port++) w->now.has[port] |= w->other.has[port];
    failed = write_ports(w);
    if (failed && !had) state_forget(s, CHANGE_PORTS, w->reservation, is_any);
    return failed;
}

/* Write the reason of a refusal. w: as find_missing left it. */
static void tell(struct work *w, int failed, const struct host_ports *ranges, unsigned count, char *err, size_t err_len)
{
    if (failed == -EADDRINUSE)
        snprintf(err, err_len,
                 "the running instance `%s` also translates to some of the ports %.60s: change the ports of one of the "
                 "two instances",
                 w->owner, w->reservation);
    else if (failed == -ENOSPC && anew(w, ranges, count))
        snprintf(err, err_len,
                 "the ports divided at the start would leave none for translation or for this machine's own "
                 "connections: restart preyrun to divide the ports again");
    else if (failed == -ENOSPC)
        snprintf(err, err_len,
                 "no ports are left for both translation and this machine's own connections: write `ports 1024-32767` "
                 "in the nat, or run: sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"");
    else
        snprintf(err, err_len, "ip_local_reserved_ports can't be extended: %s", strerror(-failed));
}

int ports_look(const struct state *s, const struct host_ports *ranges, unsigned count, struct host_kept *kept,
               char *err, size_t err_len)
{
    struct work *w = calloc(1, sizeof *w);
    int failed = w ? find_missing(w, s, ranges, count, kept) : 0;
    if (!failed && w && s && !has_taken(w)) {
        print(&w->wanted, w->reservation);
        failed = ask_others(s, w);
    }
    if (failed != -ENOSPC && failed != -EADDRINUSE) failed = 0;
    if (failed) tell(w, failed, ranges, count, err, err_len);
    free(w);
    return failed;
}

int ports_reserve(struct state *s, const struct host_ports *ranges, unsigned count, struct host_kept *kept, char *err,
                  size_t err_len)
{
    struct host_kept then = *kept;
    struct work *w = calloc(1, sizeof *w);
    int failed = w ? find_missing(w, s, ranges, count, &then) : -ENOMEM;
    if (!failed) failed = reserve(s, w);
    if (!failed) *kept = then;
    if (failed) tell(w, failed, ranges, count, err, err_len);
    free(w);
    return failed;
}

int ports_undo(const char *what, const char *before, const char *after)
{
    struct work *w = malloc(sizeof *w);
    int failed = w ? proc_read(RESERVED, w->text, TEXT_MOST) : -ENOMEM;
    if (!failed) {
        parse(&w->now, w->text);
        parse(&w->other, after);
        bool there = false;
        for (unsigned port = 0; port < PORTS; port++) {
            there |= w->now.has[port] && w->other.has[port];
            w->now.has[port] &= !w->other.has[port];
        }
        if (there) failed = write_ports(w);
    }
    free(w);
    return failed;
}
