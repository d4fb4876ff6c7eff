/* ip_local_reserved_ports: a set of ports, written as the kernel writes it ("1024-2047,3000"). */
#include "runtime/host/ports.h"

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
#define TEXT_MOST (PORTS * 6) /* of a list: each port with a comma */

struct ports {
    bool has[PORTS];
};

/* Ports of a list. Between the two of a range stands a `-`, or a tab in ip_local_port_range. */
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
    struct ports now, other, wanted;
    char text[TEXT_MOST], change[TEXT_MOST], claim[TEXT_MOST];
    char owner[80]; /* the other instance that has some of them */
};

static int write_ports(struct work *w)
{
    print(&w->now, w->text);
    strcat(w->text, "\n"); /* the empty list is an empty line */
    return proc_write(RESERVED, w->text);
}

/* Which of the ports are to be added: in w->other. -ENOSPC: then the host could choose none. */
static int find_missing(struct work *w)
{
    unsigned left = 0;
    int failed = proc_read(CHOSEN, w->text, TEXT_MOST);
    if (failed) return failed;
    parse(&w->other, w->text);
    failed = proc_read(RESERVED, w->text, TEXT_MOST);
    if (failed) return failed;
    parse(&w->now, w->text);
    for (unsigned port = 0; port < PORTS; port++) {
        left += w->other.has[port] && !w->now.has[port] && !w->wanted.has[port];
        w->other.has[port] &= w->wanted.has[port] && !w->now.has[port];
    }
    return left ? 0 : -ENOSPC;
}

static bool is_apart(void *arg, const char *name, const char *what, const char *before, const char *after)
{
    struct work *w = arg;
    (void)before, (void)after;
    parse(&w->other, what);
    bool shared = false;
    for (unsigned port = 0; port < PORTS; port++) shared |= w->other.has[port] && w->wanted.has[port];
    if (shared) snprintf(w->owner, sizeof w->owner, "%s", name);
    return !shared;
}

/* Recorded first: of two that start at once both see the other. */
static int reserve(struct state *s, struct work *w)
{
    int failed = find_missing(w);
    if (failed) return failed;
    print(&w->wanted, w->claim);
    print(&w->other, w->change);
    failed = state_note(s, CHANGE_PORTS, w->claim, "", w->change);
    if (!failed) failed = state_others(s, CHANGE_PORTS, is_apart, w);
    if (failed || *w->owner) return failed ? failed : -EADDRINUSE;
    if (!*w->change) return 0;
    parse(&w->other, w->change);
    for (unsigned port = 0; port < PORTS; port++) w->now.has[port] |= w->other.has[port];
    return write_ports(w);
}

static const char none_left[] = "translation would take all ports that this machine's own connections may use: "
                                "widen net.ipv4.ip_local_port_range, or translate to fewer";

static void want(struct work *w, const struct host_ports *ranges, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned port = ranges[i].lo; port <= ranges[i].hi; port++) w->wanted.has[port] = true;
}

int ports_look(const struct host_ports *ranges, unsigned count, char *err, size_t err_len)
{
    struct work *w = calloc(1, sizeof *w);
    if (w) want(w, ranges, count);
    const int failed = w && find_missing(w) == -ENOSPC ? -ENOSPC : 0;
    if (failed) snprintf(err, err_len, "%s", none_left);
    free(w);
    return failed;
}

int ports_reserve(struct state *s, const struct host_ports *ranges, unsigned count, char *err, size_t err_len)
{
    struct work *w = calloc(1, sizeof *w);
    if (w) want(w, ranges, count);
    const int failed = w ? reserve(s, w) : -ENOMEM;
    if (failed == -EADDRINUSE)
        snprintf(err, err_len,
                 "the instance `%s` that runs here translates to some of the ports %.60s, too: give one of them others",
                 w->owner, w->claim);
    else if (failed == -ENOSPC)
        snprintf(err, err_len, "%s", none_left);
    else if (failed)
        snprintf(err, err_len, "ip_local_reserved_ports can't be extended: %s", strerror(-failed));
    free(w);
    return failed;
}

int ports_undo(const char *what, const char *before, const char *after)
{
    (void)what, (void)before;
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
