/* See xdp.h. An interface has one program: if another has the place, the error names it. */
#include "runtime/host/hook/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Return the link's descriptor, or a negative errno */
static int link_attach(int program, unsigned ifindex, uint32_t mode)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode);
    const int link = bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);
    return link < 0 ? -errno : link;
}

static void cut_link(uint32_t id, unsigned ifindex, const struct bpf_xdp_query_opts *on)
{
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    const int fd = bpf_link_get_fd_by_id(id);
    if (fd < 0) return;
    if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == ifindex &&
        (info.prog_id == on->drv_prog_id || info.prog_id == on->skb_prog_id))
        bpf_link_detach(fd);
    close(fd);
}

/* Remove any program from the interface. Other namespaces have the same interface numbers, so the id is compared,
 * too. */
static void take_off(unsigned ifindex)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, on);
    if (bpf_xdp_query((int)ifindex, 0, &on)) return;
    if (on.drv_prog_id) bpf_xdp_detach((int)ifindex, XDP_FLAGS_DRV_MODE, NULL); /* set without a link */
    if (on.skb_prog_id) bpf_xdp_detach((int)ifindex, XDP_FLAGS_SKB_MODE, NULL);
    for (uint32_t id = 0; !bpf_link_get_next_id(id, &id);) cut_link(id, ifindex, &on);
}

/* Get the name of the interface's driver; "" if unknown */
static void ask_driver(unsigned ifindex, char driver[32])
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq ask = {.ifr_data = (void *)&info};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool known = fd >= 0 && if_indextoname(ifindex, ask.ifr_name) && !ioctl(fd, SIOCETHTOOL, &ask);
    if (fd >= 0) close(fd);
    snprintf(driver, 32, "%.31s", known ? info.driver : "");
}

bool xdp_is_forgotten(const char *driver) { return !strcmp(driver, "vmxnet3"); }

bool xdp_forgets(unsigned ifindex)
{
    char driver[32];
    ask_driver(ifindex, driver);
    return xdp_is_forgotten(driver);
}

/* True for a driver that must get no program. A bond has its ports' drivers run the program, which would then see
 * the number of such a port, not the bond's, with each frame; the ports are not served. */
static bool is_unfit(unsigned ifindex)
{
    char driver[32];
    ask_driver(ifindex, driver);
    return !strcmp(driver, "bonding") || !strcmp(driver, "team") || xdp_is_forgotten(driver);
}

int xdp_try(unsigned ifindex)
{
    const struct bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
                                    {.code = BPF_JMP | BPF_EXIT}};
    LIBBPF_OPTS(bpf_prog_load_opts, as, .prog_flags = BPF_F_XDP_HAS_FRAGS); /* with the same flag as the stages */
    libbpf_set_print(NULL);
    const int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "prey_trial", "Dual BSD/GPL", pass, 2, &as);
    if (program < 0) return -errno;
    const int link = is_unfit(ifindex) ? -EOPNOTSUPP : link_attach(program, ifindex, XDP_FLAGS_DRV_MODE);
    close(program);
    return link;
}

int xdp_attach(int program, unsigned ifindex, bool replace, bool *generic, const char *what, char *err, size_t err_len)
{
    *generic = false;
    libbpf_set_print(NULL);
    if (replace) take_off(ifindex);
    int link = is_unfit(ifindex) ? -EOPNOTSUPP : link_attach(program, ifindex, XDP_FLAGS_DRV_MODE);
    if (link < 0 && link != -EBUSY && link != -EEXIST) {
        *generic = true;
        link = link_attach(program, ifindex, XDP_FLAGS_SKB_MODE);
    }
    if (link == -EBUSY || link == -EEXIST)
        snprintf(err, err_len, "the interface has another XDP program; --xdp-replace removes that program for good");
    else if (link < 0)
        snprintf(err, err_len, "%s can't be attached: %s", what, strerror(-link));
    return link;
}
