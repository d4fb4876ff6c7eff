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
    struct ports now, other;
    char text[TEXT_MOST], change[TEXT_MOST];
};

static int write_ports(struct work *w)
{
    print(&w->now, w->text);
    strcat(w->text, "\n"); /* the empty list is an empty line */
    return proc_write(RESERVED, w->text);
}

/* Which of the ports are to be added: in w->other. */
static int find_missing(struct work *w, const struct host_ports *ranges, unsigned count)
{
    int failed = proc_read(CHOSEN, w->text, TEXT_MOST);
    if (failed) return failed;
    parse(&w->other, w->text);
    failed = proc_read(RESERVED, w->text, TEXT_MOST);
    if (failed) return failed;
    parse(&w->now, w->text);
    struct ports *missing = &w->other;
    bool *wanted = calloc(PORTS, sizeof *wanted);
    if (!wanted) return -ENOMEM;
    for (unsigned i = 0; i < count; i++)
        for (unsigned port = ranges[i].lo; port <= ranges[i].hi; port++) wanted[port] = true;
    for (unsigned port = 0; port < PORTS; port++) missing->has[port] &= wanted[port] && !w->now.has[port];
    free(wanted);
    return 0;
}

static int reserve(struct state *s, struct work *w, const struct host_ports *ranges, unsigned count)
{
    int failed = find_missing(w, ranges, count);
    print(&w->other, w->change);
    if (failed || !*w->change) return failed;
    failed = state_note(s, CHANGE_PORTS, "ip_local_reserved_ports", "", w->change);
    if (failed) return failed;
    for (unsigned port = 0; port < PORTS; port++) w->now.has[port] |= w->other.has[port];
    return write_ports(w);
}

int ports_reserve(struct state *s, const struct host_ports *ranges, unsigned count, char *err, size_t err_len)
{
    struct work *w = malloc(sizeof *w);
    const int failed = w ? reserve(s, w, ranges, count) : -ENOMEM;
    free(w);
    if (failed) snprintf(err, err_len, "ip_local_reserved_ports can't be extended: %s", strerror(-failed));
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
