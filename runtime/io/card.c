/* Properties of a card as ethtool's ioctl reports them, and their consequences for `xdp`. */
#include "runtime/io/card.h"

#include <linux/ethtool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/device/feature.h"
#include "runtime/host/device/offload.h"

bool card_of(unsigned ifindex, struct card *c)
{
    *c = (struct card){0};
    if (!if_indextoname(ifindex, c->name)) return false;
    struct ethtool_drvinfo d = {.cmd = ETHTOOL_GDRVINFO};
    if (ethtool_ask(c->name, &d) >= 0) snprintf(c->driver, sizeof c->driver, "%.31s", d.driver);
    /* One queue per direction if the driver reports none. */
    struct ethtool_channels q = {.cmd = ETHTOOL_GCHANNELS};
    const bool told = ethtool_ask(c->name, &q) >= 0 && q.combined_count + q.rx_count;
    c->receive = told ? q.combined_count + q.rx_count : 1;
    c->send = told ? q.combined_count + q.tx_count : 1;
    if (told && !strcmp(c->driver, "virtio_net")) c->most = q.max_combined;
    c->cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    const int stuck = offloads_stuck(c->name);
    if (stuck > 0) c->stuck = (unsigned)stuck & (OFFLOAD_LRO | OFFLOAD_GROHW | OFFLOAD_RXVLAN | OFFLOAD_RXSTAG);
    return true;
}

unsigned card_queues(const struct card *c) { return c->receive < c->send ? c->receive : c->send; }

/* True for drivers that receive into the program's memory and send from there (XDP_ZEROCOPY), by the kernel's
 * sources, with the first release. Others copy each frame, as `packet` does. */
static bool fills_memory(const char *driver)
{
    static const char *const those[] = {
        "i40e",  /* 4.20 */
        "ixgbe", /* 4.20 */
        "ice",   /* 5.5 */
        "igc",   /* 5.14 */
    };
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        if (!strcmp(driver, those[i])) return true;
    return false;
}

/* True if virtio_net adds no queues for programs, and programs can send by the present ones. If enough pairs are
 * left, the driver adds one per CPU and deals arriving frames to these, too. Otherwise, with more pairs in use than
 * CPUs, it sends by a queue that does not exist (virtnet_xdp_set, virtnet_xdp_get_sq of Linux 6.12). */
static bool runs_programs(const struct card *c, unsigned pairs)
{
    return pairs <= c->cpus && pairs + c->cpus > c->most;
}

bool card_runs_programs(const struct card *c, char *why, size_t len)
{
    if (!c->most || runs_programs(c, c->receive)) return true;
    const unsigned fit = c->most < c->cpus ? c->most : c->cpus;
    const int n =
        snprintf(why, len, "%s (%s) %s", c->name, c->driver,
                 c->receive > c->cpus && c->receive + c->cpus > c->most
                     ? "has more queues than CPUs, and packets that eBPF programs send to the device crash the kernel"
                     : "uses more queues once it has an eBPF program, and no worker would read them");
    if (n > 0 && (size_t)n < len && runs_programs(c, fit))
        snprintf(why + n, len - (size_t)n, "; to fix it, run: ethtool -L %s combined %u", c->name, fit);
    return false;
}

bool card_is_plain(const struct card *c, char *why, size_t len)
{
    const bool tags = c->stuck & (OFFLOAD_RXVLAN | OFFLOAD_RXSTAG);
    if (!card_runs_programs(c, why, len)) return false;
    if (!c->stuck) return true;
    snprintf(why, len, "%s %s before XDP gets the frames, and this can't be turned off (%s)", c->name,
             tags ? "takes VLAN tags off" : "joins segments", offload_word(c->stuck));
    return false;
}

bool card_suits(const struct card *c, unsigned workers, char *why, size_t len)
{
    const unsigned queues = card_queues(c);
    if (!card_is_plain(c, why, len)) return false;
    if (*c->kind)
        snprintf(why, len,
                 "%s (%s) has partial checksums, super-packets and VLAN tags outside its frames, which XDP can't see",
                 c->name, c->kind);
    else if (!fills_memory(c->driver))
        snprintf(why, len, "%s (%s) has a driver without known zero-copy support for XDP", c->name,
                 *c->driver ? c->driver : "no driver");
    else if (queues < workers)
        snprintf(why, len, "%s has %u queue%s for %u workers, and XDP needs one queue per worker", c->name, queues,
                 queues == 1 ? "" : "s", workers);
    else
        return true;
    return false;
}
