/* See xmit.h: by the `netdev` family of generic netlink, with numbers that older headers lack
 * (Documentation/netlink/specs/netdev.yaml); or by a trial */
#include "runtime/host/hook/xmit.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/hook/xdp.h"
#include "runtime/host/netlink_priv.h"
#include "vm/kernel/gate.h"

enum { DEV_GET = 1, DEV_IFINDEX = 1, DEV_XDP_FEATURES = 3, FEATURE_BASIC = 1 << 0, FEATURE_XMIT = 1 << 2 };

struct xmit {
    struct netlink ask; /* generic netlink; routing netlink if family is 0 */
    uint16_t family;    /* 0: the kernel has none */
};

static struct nlmsghdr *request(char *buf, uint16_t type, uint8_t cmd)
{
    const struct genlmsghdr gen = {.cmd = cmd, .version = 1};
    return netlink_begin(buf, type, 0, &gen, sizeof gen);
}

static int read_family(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[CTRL_ATTR_FAMILY_ID + 1];
    struct xmit *x = arg;
    netlink_attributes(nlh, sizeof(struct genlmsghdr), at, CTRL_ATTR_FAMILY_ID);
    const struct nlattr *id = at[CTRL_ATTR_FAMILY_ID];
    if (id && mnl_attr_get_payload_len(id) == sizeof(uint16_t)) x->family = mnl_attr_get_u16(id);
    return MNL_CB_OK;
}

/* Find the family. False if the kernel has none. */
static bool find_family(struct xmit *x)
{
    char buf[256];
    struct nlmsghdr *nlh = request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
    mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "netdev");
    if (!netlink_open(&x->ask, NETLINK_GENERIC) && !netlink_ask(&x->ask, nlh, read_family, x) && x->family) return true;
    netlink_close(&x->ask);
    return false;
}

struct xmit *xmit_open(void)
{
    struct xmit *x = calloc(1, sizeof *x);
    if (!x || find_family(x) || !netlink_open(&x->ask, NETLINK_ROUTE)) return x;
    xmit_close(x);
    return NULL;
}

void xmit_close(struct xmit *x)
{
    if (!x) return;
    netlink_close(&x->ask);
    free(x);
}

static int read_features(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[DEV_XDP_FEATURES + 1];
    uint64_t *has = arg;
    netlink_attributes(nlh, sizeof(struct genlmsghdr), at, DEV_XDP_FEATURES);
    const struct nlattr *features = at[DEV_XDP_FEATURES];
    if (features && mnl_attr_get_payload_len(features) == sizeof(uint64_t)) *has = mnl_attr_get_u64(features);
    return MNL_CB_OK;
}

/* Return the features by the family; all if unknown */
static uint64_t features_of(struct xmit *x, unsigned ifindex)
{
    char buf[256];
    uint64_t has = UINT64_MAX;
    struct nlmsghdr *nlh = request(buf, x->family, DEV_GET);
    mnl_attr_put_u32(nlh, DEV_IFINDEX, ifindex);
    return netlink_ask(&x->ask, nlh, read_features, &has) ? UINT64_MAX : has;
}

static int read_dropped(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[IFLA_STATS_LINK_64 + 1];
    struct rtnl_link_stats64 all;
    uint64_t *dropped = arg;
    netlink_attributes(nlh, sizeof(struct if_stats_msg), at, IFLA_STATS_LINK_64);
    const struct nlattr *stats = at[IFLA_STATS_LINK_64];
    if (!stats || mnl_attr_get_payload_len(stats) < offsetof(struct rtnl_link_stats64, multicast)) return MNL_CB_OK;
    memcpy(&all, mnl_attr_get_payload(stats), offsetof(struct rtnl_link_stats64, multicast));
    *dropped = all.tx_dropped;
    return MNL_CB_OK;
}

/* Return the number of frames that the interface failed to send; 0: unknown */
static uint64_t dropped_at(struct xmit *x, unsigned ifindex)
{
    char buf[256];
    uint64_t dropped = 0;
    const struct if_stats_msg stats = {.ifindex = ifindex, .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)};
    struct nlmsghdr *nlh = netlink_begin(buf, RTM_GETSTATS, 0, &stats, sizeof stats);
    return netlink_ask(&x->ask, nlh, read_dropped, &dropped) ? 0 : dropped;
}

static bool is_tried(unsigned ifindex, int try_send)
{
    struct trial frame = {
        .to = TRIAL_TO, .from = TRIAL_FROM, .type = {TRIAL_TYPE >> 8, TRIAL_TYPE & 0xff}, .ifindex = ifindex};
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = &frame, .data_size_in = sizeof frame, .repeat = 1,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
    return !bpf_prog_test_run_opts(try_send, &o);
}

/* True if a trial frame was not dropped. Another frame dropped meanwhile gives a false no, until the next trial. */
static bool is_seen_to_take(struct xmit *x, unsigned ifindex, int try_send)
{
    const uint64_t before = dropped_at(x, ifindex);
    return !is_tried(ifindex, try_send) || dropped_at(x, ifindex) == before;
}

bool xmit_takes(struct xmit *x, const struct host_link *link, bool generic, int try_send)
{
    if (!x || !link) return true;
    if (x->family) return features_of(x, link->ifindex) & FEATURE_XMIT;
    if (generic) return false;
    return strcmp(link->kind, "veth") || is_seen_to_take(x, link->ifindex, try_send);
}

bool xmit_driver_has_xdp(struct xmit *x, const struct host_link *link)
{
    static const char *const without[] = {"bridge", "dummy", "geneve", "ifb", "macvlan", "vlan", "vxlan"};
    bool has = true;
    if (!x || !link) return true;
    if (xdp_forgets(link->ifindex)) return false;
    if (x->family) return features_of(x, link->ifindex) & FEATURE_BASIC;
    for (unsigned i = 0; i < sizeof without / sizeof *without; i++) has &= strcmp(link->kind, without[i]) != 0;
    return has;
}
