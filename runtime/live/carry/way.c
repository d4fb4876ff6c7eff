/* Each obstacle to `xdp` is found here with its words; without one, the cards and their queues decide */
#include "runtime/live/carry/way.h"

#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/obstacle.h"
#include "runtime/io/card.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/part.h"
#include "runtime/live/carry/steer_rules.h"
#include "vm/worker/owner.h"

enum { WHY = OBSTACLE_TEXT };

static bool judges_host(const struct program *p)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].direction != PBC_DIR_FORWARD) return true;
    return false;
}

/* True if packet sockets besides those of `xdp` watch packets to and from the host. */
static bool sees_host(const struct carry *carry, const struct program *p)
{
    return carry->o->monitor || judges_host(p);
}

/* Return why `xdp` cannot meet the request, or NULL. It does not see frames that are left to the host's stack. */
static const char *xdp_refusal(const struct carry *carry, const struct program *p)
{
    static char why[WHY];
    struct obstacle o;
    if (!io_XDP.open) return "this preyrun lacks XDP, because it was built without clang (make KERNEL=0)";
    if (carry->latest && judges_host(p) && carry->ports.count == carry->o->iface_count)
        return "these rules judge packets to or from this machine itself, and the previous rules didn't: restart "
               "preyrun to apply them";
    if (sees_host(carry, p) && 2 * carry->o->iface_count > PORTS_MOST)
        return "preyrun can see packets to and from this machine itself on at most 8 interfaces";
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[i]);
        if (!link) continue; /* a missing link is reported later */
        if (link->loopback) return "the loopback has no XDP";
        enum pkt_link kind;
        if (host_link_reads(link, &kind) && kind == LINK_RAW) {
            snprintf(why, sizeof why, "%s carries no Ethernet, and AF_XDP carries only Ethernet frames", link->name);
            return why;
        }
        /* Once live, rings exist, and the service may not open a socket for a trial. */
        if (!carry->latest && xdp_refuses_mtu(link->name, link->mtu, 0, &o)) return obstacle_text(&o, why, sizeof why);
    }
    return NULL;
}

/* Get the card of an interface of the command line. False: the interface is missing, which is reported later. */
static bool card_at(const struct carry *carry, unsigned at, struct card *c)
{
    const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[at]);
    if (!link || !card_of(link->ifindex, c)) return false;
    snprintf(c->kind, sizeof c->kind, "%s", link->kind);
    return true;
}

/* Return the smallest number of queues of all interfaces; *narrow: the first such card, if any. */
static unsigned fewest_queues(const struct carry *carry, struct card *narrow)
{
    unsigned most = WORKERS_MOST;
    struct card c;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        if (!card_at(carry, i, &c) || card_queues(&c) >= most) continue;
        most = card_queues(&c);
        *narrow = c;
    }
    return most;
}

static bool look_at_workers(const struct carry *carry, char *why, size_t len)
{
    struct card narrow;
    const unsigned most = fewest_queues(carry, &narrow);
    if (carry->o->workers <= most) return true;
    snprintf(why, len,
             "--io xdp: %s has %u queue%s, and each worker needs one: use --workers %u or, if the device has more "
             "queues, run ethtool -L %s combined %u",
             narrow.name, most, most == 1 ? "" : "s", most, narrow.name, carry->o->workers);
    return false;
}

static bool look_at_cards(const struct carry *carry, char *why, size_t len)
{
    char what[WHY];
    struct card c;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        if (!card_at(carry, i, &c) || card_is_plain(&c, what, sizeof what)) continue;
        snprintf(why, len, "--io xdp: %s; use --io packet", what);
        return false;
    }
    return true;
}

/* True if rules ask for tags, or a bridge must keep them. */
static bool needs_tags(const struct carry *carry, const struct program *p)
{
    bool asks = carry->o->bridge_count;
    for (uint32_t i = 0; i < p->conds_count; i++)
        asks |= p->conds[i].kind == COND_VLAN || p->conds[i].kind == COND_VLAN_INNER;
    return asks;
}

/* True if `xdp` suits, by the table of README.md. */
static bool xdp_suits(const struct carry *carry, char *why, size_t len)
{
    struct card c;
    const char *no = xdp_refusal(carry, carry->now.program);
    if (no) snprintf(why, len, "%s", no);
    if (no || !steered_fits(carry->now.program, why, len)) return false;
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (card_at(carry, i, &c) && !card_suits(&c, carry->o->workers, why, len)) return false;
    if (!sees_host(carry, carry->now.program)) return true;
    snprintf(why, len, "only packet sockets see packets to and from this machine itself");
    return false;
}

static bool auto_xdp(const struct carry *carry)
{
    char why[WHY];
    const bool suits = xdp_suits(carry, why, sizeof why);
    if (carry->o->io != OPTIONS_IO_AUTO) return suits;
    if (suits)
        fprintf(stderr, "--io auto: xdp, because all cards support zero-copy\n");
    else
        fprintf(stderr, "--io auto: packet, because %s\n", why);
    return suits;
}

int way_choose(struct carry *carry)
{
    if (in_kernel_hooks(carry) || in_kernel_choose(carry)) return 2;
    if (!carry->in_kernel) carry->by_tc = 0;
    carry->rings = !carry->in_kernel ? 0 : in_kernel_rings(carry) | (carry->passed ? carry->passed->hooks.rings : 0);
    if (carry->in_kernel) {
        carry->io = carry->by_tc == (1u << carry->o->iface_count) - 1 ? &io_RAISED : &io_XDP;
        carry->ports.count = carry->o->iface_count;
        return 0;
    }
    const bool free = carry->o->io != OPTIONS_IO_XDP && carry->o->io != OPTIONS_IO_PACKET;
    const bool asked = free ? carry->takes && carry->takes_xdp : carry->o->io == OPTIONS_IO_XDP;
    const char *no = asked ? xdp_refusal(carry, carry->now.program) : NULL;
    if (no) return complain("--io xdp: %s; use %s--io packet", no, carry->takes ? "a restart with " : "");
    const bool xdp = asked || (free && !carry->takes && auto_xdp(carry));
    carry->io = xdp ? &io_XDP : &io_PACKET;
    carry->ports.count = carry->o->iface_count * (xdp && sees_host(carry, carry->now.program) ? 2 : 1);
    return 0;
}

const struct io_ops *way_of(const struct carry *carry, unsigned iface)
{
    if (carry->by_tc >> iface & 1) return &io_RAISED;
    return carry->rings >> iface & 1 ? &io_RINGED : carry->io;
}

/* Tags beside a frame cannot be seen, and only the peer can put them in the frame. */
void way_tell(const struct carry *carry)
{
    struct card c;
    if (carry->io != &io_XDP || !needs_tags(carry, carry->now.program)) return;
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (!(carry->by_tc >> i & 1) && card_at(carry, i, &c) && *c.kind && strcmp(c.kind, "tun") != 0)
            complain("notice: %s: a VLAN tag that the sender's kernel keeps outside the frame is lost on %s (%s); to "
                     "fix it, run at the peer: ethtool -K DEVICE txvlan off tx-vlan-stag-hw-insert off",
                     carry->in_kernel ? "--exec kernel" : "--io xdp", c.name, c.kind);
}

/* Return the number of workers of a start. */
static unsigned workers_of_start(const struct carry *carry, unsigned cpus)
{
    struct card narrow;
    const unsigned wanted = carry->o->workers ? carry->o->workers : cpus;
    if (carry->in_kernel) return 1;
    unsigned most = carry->io == &io_XDP ? fewest_queues(carry, &narrow) : wanted;
    if (most > wanted) most = wanted;
    while (most > 1 && carry->now.program && owners_too_narrow(carry->now.program, most)) most--;
    return most;
}

unsigned way_workers(const struct carry *carry, unsigned cpus)
{
    const bool goes_on = carry->takes && (!carry->o->workers || carry->o->workers == carry->takes);
    return goes_on ? carry->takes : workers_of_start(carry, cpus);
}

/* True if a takeover keeps another number of workers than a start would have; this is reported. */
static bool tells_kept(const struct carry *carry, unsigned cpus)
{
    const unsigned kept = carry->worker_count, starts = carry->takes ? workers_of_start(carry, cpus) : kept;
    if (starts == kept) return false;
    complain("notice: --takeover: there %s %u worker%s, as before; a fresh start would use %u",
             kept == 1 ? "is" : "are", kept, kept == 1 ? "" : "s", starts);
    return true;
}

void way_tell_workers(const struct carry *carry, unsigned cpus)
{
    struct card narrow;
    const unsigned wanted = carry->o->workers ? carry->o->workers : cpus, most = carry->worker_count;
    const struct program *p = carry->in_kernel ? NULL : carry->now.program;
    if (tells_kept(carry, cpus)) return;
    const struct pbc_nat *n = p && wanted > most ? owners_too_narrow(p, most + 1) : NULL;
    if (n)
        complain("notice: %s:%u: the `ports` of this statement of the nat `%s` are too few for %u workers, so there %s "
                 "%u",
                 program_str(p, n->place.file), n->place.line, program_str(p, n->name), wanted,
                 most == 1 ? "is" : "are", most);
    if (carry->io != &io_XDP || carry->in_kernel || wanted <= most) return;
    fewest_queues(carry, &narrow);
    complain(
        "notice: --io xdp: %s has %u queue%s, so there %s, not %u; if the device has more queues, run: ethtool -L %s "
        "combined %u",
        narrow.name, most, most == 1 ? "" : "s", most == 1 ? "is 1 worker" : "are as many workers", wanted, narrow.name,
        wanted);
}

static bool way_look(const struct program_change *c)
{
    const struct carry *carry = c->carry;
    char what[WHY];
    if (carry->in_kernel) return in_kernel_takes(carry, c->program, c->err, c->err_len);
    if (carry->io != &io_XDP) return true;
    const char *no = xdp_refusal(carry, c->program);
    if (no) snprintf(c->err, c->err_len, "--io xdp: %s; use --io packet", no);
    if (no) return false;
    if (!carry->latest && (!look_at_workers(carry, c->err, c->err_len) || !look_at_cards(carry, c->err, c->err_len)))
        return false;
    if (steered_fits(c->program, what, sizeof what)) return true;
    snprintf(c->err, c->err_len, "--io xdp: %s: --io packet takes any number", what);
    return false;
}

const struct part part_way = {.admits = way_look};
