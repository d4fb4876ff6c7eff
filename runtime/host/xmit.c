/* See xmit.h: the family `netdev` of generic netlink, by numbers that headers older than the kernel lack
 * (Documentation/netlink/specs/netdev.yaml). */
#include "runtime/host/xmit.h"

#include <linux/genetlink.h>
#include <stdlib.h>

#include "runtime/host/netlink_priv.h"

enum { DEV_GET = 1, DEV_IFINDEX = 1, DEV_XDP_FEATURES = 3, FEATURE_XMIT = 1 << 2 };

struct xmit {
    struct netlink ask;
    uint16_t family;
};

static struct nlmsghdr *request(char *buf, uint16_t type, uint8_t cmd)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct genlmsghdr *gen = mnl_nlmsg_put_extra_header(nlh, sizeof *gen);
    nlh->nlmsg_type = type;
    *gen = (struct genlmsghdr){.cmd = cmd, .version = 1};
    return nlh;
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

struct xmit *xmit_open(void)
{
    char buf[256];
    struct xmit *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    struct nlmsghdr *nlh = request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
    mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "netdev");
    if (!netlink_open(&x->ask, NETLINK_GENERIC) && !netlink_ask(&x->ask, nlh, read_family, x) && x->family) return x;
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
    bool *takes = arg;
    netlink_attributes(nlh, sizeof(struct genlmsghdr), at, DEV_XDP_FEATURES);
    const struct nlattr *features = at[DEV_XDP_FEATURES];
    if (features && mnl_attr_get_payload_len(features) == sizeof(uint64_t))
        *takes = mnl_attr_get_u64(features) & FEATURE_XMIT;
    return MNL_CB_OK;
}

bool xmit_takes(struct xmit *x, unsigned ifindex)
{
    char buf[256];
    bool takes = true;
    if (!x || !ifindex) return true;
    struct nlmsghdr *nlh = request(buf, x->family, DEV_GET);
    mnl_attr_put_u32(nlh, DEV_IFINDEX, ifindex);
    return netlink_ask(&x->ask, nlh, read_features, &takes) || takes;
}
