/* The parent opens targets; each worker has its part of the copies */
#include "runtime/live/carry/copies/copied.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/part.h"
#include "runtime/parent/ask.h"
#include "runtime/parent/parent.h"

#define SETTLE_NS UINT64_C(20000000)  /* wait while workers are paused */
#define AHEAD_NS  UINT64_C(200000000) /* wait while workers judge */

/* Refuse a program with copies for an interface that is served here, or for a device without Ethernet. */
static bool copied_fits(const struct program_change *c)
{
    const struct carry *carry = c->carry;
    const struct program *p = c->program;
    for (uint32_t i = 0; i < p->mirrors_count; i++) {
        const struct pbc_mirror *m = &p->mirrors[i];
        const char *device = program_str(p, m->target);
        const struct host_link *link = m->to == PBC_MIRROR_DEVICE ? host_link_named(carry->host, device) : NULL;
        if (link && !host_link_has_ethernet(link)) {
            snprintf(c->err, c->err_len,
                     "`mirror to \"%s\"`: the device carries no Ethernet, and copies are Ethernet frames: name another "
                     "device, a file or a socket",
                     device);
            return false;
        }
        for (unsigned n = 0; m->to == PBC_MIRROR_DEVICE && n < carry->o->iface_count; n++) {
            if (strcmp(carry->o->ifaces[n], device) != 0) continue;
            snprintf(c->err, c->err_len,
                     "`mirror to \"%s\"`: prey judges packets of this interface (-i), and would judge the copies "
                     "again: name another device",
                     device);
            return false;
        }
    }
    return true;
}

void copied_known(const struct carry *carry, struct parent *parent)
{
    const struct program *p = carry->now.program;
    for (uint32_t i = 0; i < p->mirrors_count; i++)
        if (p->mirrors[i].to == PBC_MIRROR_FILE) parent_knows_log(parent, program_str(p, p->mirrors[i].target));
}

static int open_device(void *arg, char *err, size_t err_len)
{
    const struct carry *carry = arg;
    int fd;
    const int failed = ask_COPY_DEVICE(carry->tell->channel, &fd, err, err_len);
    return failed ? failed : fd;
}

static int open_copy_file(void *arg, const char *path, bool turn, char *err, size_t err_len)
{
    const struct carry *carry = arg;
    struct request_turn asked = {.turn = turn};
    int fd;
    if (!ask_path_fits(asked.path, sizeof asked.path, path, "a file of copies", err, err_len)) return -ENAMETOOLONG;
    const int failed = ask_COPY_FILE(carry->tell->channel, &asked, &fd, err, err_len);
    return failed ? failed : fd;
}

static int open_socket(void *arg, const char *name, char *err, size_t err_len)
{
    const struct carry *carry = arg;
    struct request_name asked = {0};
    int fd;
    if (!ask_path_fits(asked.name, sizeof asked.name, name, "a socket of copies", err, err_len)) return -ENAMETOOLONG;
    const int failed = ask_COPY_SOCKET(carry->tell->channel, &asked, &fd, err, err_len);
    return failed ? failed : fd;
}

/* Open the destinations of a program's copies, which become *table. On failure return false, with one line in err. */
static bool copied_prepare(struct carry *carry, const struct program *p, const struct copies_table **table, char *err,
                           size_t err_len)
{
    int failed = copies_program(carry->copies, p, table, err, err_len);
    if (!failed && *table) {
        copied_links(carry);
        failed = copies_begin(carry->copies);
        if (failed)
            snprintf(err, err_len, "preyrun can't start the thread that writes copies (`mirror`): %s",
                     strerror(-failed));
    }
    return !failed;
}

int copied_open(struct carry *carry)
{
    char err[600];
    const struct copies_cfg cfg = {
        .workers = carry->worker_count,
        .names = carry->o->ifaces,
        .devices = carry->o->iface_count,
        .takes = carry->takes,
        .ways = {.device = open_device, .file = open_copy_file, .listen = open_socket, .arg = carry}};
    carry->copies = copies_new(&cfg);
    if (!carry->copies) return complain("out of memory");
    if (!copied_prepare(carry, carry->now.program, &carry->now.copies, err, sizeof err)) return complain("%s", err);
    for (unsigned i = 0; i < carry->worker_count; i++)
        worker_copy(carry->workers[i], copies_worker(carry->copies, i), carry->now.copies);
    return in_kernel_copies(carry);
}

static unsigned device_number(void *arg, const char *device)
{
    const struct carry *carry = arg;
    const struct host_link *link = host_link_named(carry->host, device);
    return link && host_link_has_ethernet(link) && link->up ? link->ifindex : 0;
}

void copied_links(const struct carry *carry)
{
    if (carry->copies) copies_devices(carry->copies, device_number, (void *)carry);
    in_kernel_devices(carry);
}

const char *copied_stay(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    for (uint32_t i = 0; i < p->mirrors_count; i++)
        if (p->mirrors[i].to == PBC_MIRROR_SOCKET && options_tap(carry->o, program_str(p, p->mirrors[i].target)))
            return "other programs may read copies from a socket of --tap, which prey can't hand over yet";
    return NULL;
}

void copied_ahead(const struct carry *carry) { copies_settle(carry->copies, clock_ns(CLOCK_MONOTONIC) + AHEAD_NS); }

void copied_archive(const struct carry *carry, struct archive *a, bool waits)
{
    if (!a->reads && waits) copies_settle(carry->copies, clock_ns(CLOCK_MONOTONIC) + SETTLE_NS);
    copies_archive(carry->now.copies, a);
}

void copied_end(struct carry *carry)
{
    if (carry->copies) copies_end(carry->copies);
}

static bool copied_follow(struct program_change *c)
{
    struct ruling *now = &c->carry->now;
    return copied_prepare(c->carry, now->program, &now->copies, c->err, c->err_len);
}

const struct part part_copied = {.admits = copied_fits, .prepares = copied_follow};
