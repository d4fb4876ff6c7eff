/* Reads over netlink what others and former starts have in the clsact hooks; messages about filters that can't be
 * set */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "runtime/host/hook/clsact.h"
#include "runtime/host/netlink_priv.h"

struct asked {
    unsigned ifindex;
    uint16_t type;   /* RTM_GETQDISC or RTM_GETTFILTER */
    uint32_t parent; /* for filters: the hook */
    uint32_t info;   /* for filters: their priority as tcm_info; 0: all */
};

/* The queueing discipline with the hooks */
struct hooks_there {
    unsigned ifindex;
    bool any, older;   /* older: an ingress, without a hook for leaving packets */
    uint32_t block[2]; /* filters shared by interfaces, arriving and leaving; 0: not shared */
};

static int clsact_list(const struct asked *a, mnl_cb_t each, void *arg)
{
    char bytes[128];
    const struct tcmsg t = {.tcm_ifindex = (int)a->ifindex, .tcm_parent = a->parent, .tcm_info = a->info};
    return netlink_once(netlink_begin(bytes, a->type, NLM_F_DUMP, &t, sizeof t), each, arg);
}

/* Return a message's attributes if it is about the interface, else NULL */
static const struct tcmsg *of_interface(const struct nlmsghdr *nlh, unsigned ifindex, const struct nlattr *at[],
                                        unsigned most)
{
    const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *t || t->tcm_ifindex != (int)ifindex) return NULL;
    netlink_attributes(nlh, sizeof *t, at, most);
    return t;
}

static int one_qdisc(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[TCA_EGRESS_BLOCK + 1];
    struct hooks_there *h = arg;
    const struct tcmsg *t = of_interface(nlh, h->ifindex, at, TCA_EGRESS_BLOCK);
    if (!t || t->tcm_parent != TC_H_CLSACT) return MNL_CB_OK;
    const char *kind = netlink_text(at[TCA_KIND]);
    h->any = true;
    h->older |= kind && !strcmp(kind, "ingress");
    h->block[0] = netlink_u32(at[TCA_INGRESS_BLOCK]);
    h->block[1] = netlink_u32(at[TCA_EGRESS_BLOCK]);
    return MNL_CB_OK;
}

/* Return the hooks; on failure, hooks that are in use */
static struct hooks_there hooks_of(unsigned ifindex)
{
    struct hooks_there h = {.ifindex = ifindex};
    if (clsact_list(&(struct asked){.ifindex = ifindex, .type = RTM_GETQDISC}, one_qdisc, &h)) h.any = true;
    return h;
}

bool clsact_is_there(unsigned ifindex) { return hooks_of(ifindex).any; }

int clsact_obstacle(const struct clsact *at)
{
    const struct hooks_there h = hooks_of(at->ifindex);
    return at->leaves && h.older ? -EEXIST : h.block[at->leaves] ? -EOPNOTSUPP : 0;
}

struct filters {
    const struct clsact *at;
    struct clsact_seen seen;
    unsigned count;
    bool taken; /* the priority has another kind of filter, or a single protocol */
};

static int one_filter(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[TCA_OPTIONS + 1], *of_bpf[TCA_BPF_ID + 1];
    struct filters *f = arg;
    const struct tcmsg *t = of_interface(nlh, f->at->ifindex, at, TCA_OPTIONS);
    if (!t) return MNL_CB_OK;
    f->count++;
    if (TC_H_MAJ(t->tcm_info) >> 16 != f->at->priority) return MNL_CB_OK;
    const char *kind = netlink_text(at[TCA_KIND]);
    f->taken |= TC_H_MIN(t->tcm_info) != htons(ETH_P_ALL) || !kind || strcmp(kind, "bpf") != 0;
    if (!t->tcm_handle || f->seen.there) return MNL_CB_OK; /* without a handle: the list itself */
    f->seen.there = t->tcm_handle == f->at->handle;
    f->seen.behind += !f->seen.there;
    netlink_nested(at[TCA_OPTIONS], of_bpf, TCA_BPF_ID);
    if (f->seen.there) f->seen.program = netlink_u32(of_bpf[TCA_BPF_ID]);
    return MNL_CB_OK;
}

static int look_at_filters(struct filters *f, uint16_t priority)
{
    const uint32_t side = f->at->leaves ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;
    const struct asked a = {.ifindex = f->at->ifindex,
                            .type = RTM_GETTFILTER,
                            .parent = TC_H_MAKE(TC_H_CLSACT, side),
                            .info = (uint32_t)priority << 16};
    return clsact_list(&a, one_filter, f);
}

int clsact_taken(const struct clsact *at)
{
    struct filters f = {.at = at};
    const int obstacle = clsact_obstacle(at);
    if (obstacle) return obstacle;
    return !look_at_filters(&f, at->priority) && f.taken ? -EINVAL : 0;
}

int clsact_look(const struct clsact *at, struct clsact_seen *seen)
{
    struct filters f = {.at = at};
    const int failed = look_at_filters(&f, at->priority);
    *seen = f.seen;
    /* Without the hooks the kernel has no such list */
    return failed == -EINVAL || failed == -ENOENT ? 0 : failed;
}

static bool has_filters_there(unsigned ifindex, bool leaves)
{
    const struct clsact at = {.ifindex = ifindex, .leaves = leaves};
    struct filters f = {.at = &at};
    return look_at_filters(&f, 0) || f.count; /* on failure: true */
}

bool clsact_has_filters(unsigned ifindex)
{
    return has_filters_there(ifindex, false) || has_filters_there(ifindex, true);
}

void clsact_why(const struct clsact *at, int failed, const char *device, char *err, size_t err_len)
{
    if (failed == -ENOENT)
        snprintf(err, err_len,
                 "the kernel lacks traffic-control filters that run eBPF programs (modules sch_ingress and "
                 "cls_bpf); to fix it, run: modprobe -a sch_ingress cls_bpf");
    else if (failed == -EEXIST)
        snprintf(err, err_len,
                 "%s has another program's queueing discipline `ingress` in place of `clsact`; to remove it with its "
                 "filters, run: tc qdisc del dev %s ingress",
                 device, device);
    else if (failed == -EOPNOTSUPP)
        snprintf(err, err_len,
                 "the filters for %s packets of %s are shared with other interfaces (%s_block), and prey can't share "
                 "filters; to see them, run: tc qdisc show dev %s",
                 at->leaves ? "leaving" : "arriving", device, at->leaves ? "egress" : "ingress", device);
    else if (failed == -EINVAL)
        snprintf(err, err_len,
                 "another program has a filter of another type at priority %u for %s packets of %s; to see it, run: tc "
                 "filter show dev %s %s",
                 at->priority, at->leaves ? "leaving" : "arriving", device, device, at->leaves ? "egress" : "ingress");
    else
        snprintf(err, err_len, "prey can't attach a traffic-control filter to %s: %s", device, strerror(-failed));
}
