/* Features in the kernel's ethtool form: names in order, states by the name's number */
#include "runtime/host/device/feature.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAMES_MOST = 1024, BLOCKS_MOST = NAMES_MOST / 32 };

/* Position of a feature among `blocks` blocks of 32 bits */
struct place {
    uint32_t block, bit, blocks;
};

int device_ioctl(const char *interface, unsigned long what, struct ifreq *r)
{
    snprintf(r->ifr_name, sizeof r->ifr_name, "%s", interface);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int got = fd < 0 ? -1 : ioctl(fd, what, r), result = got < 0 ? -errno : got;
    if (fd >= 0) close(fd);
    return result;
}

int ethtool_ask(const char *interface, void *question)
{
    struct ifreq r = {.ifr_data = question};
    return device_ioctl(interface, SIOCETHTOOL, &r);
}

/* Return the number of names */
static int count_names(const char *interface)
{
    union {
        struct ethtool_sset_info h;
        uint32_t words[sizeof(struct ethtool_sset_info) / 4 + 1];
    } q = {.h = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_FEATURES}};
    const int failed = ethtool_ask(interface, &q);
    if (failed < 0) return failed;
    const uint32_t count = q.words[sizeof(struct ethtool_sset_info) / 4];
    return q.h.sset_mask && count <= NAMES_MOST ? (int)count : -EOPNOTSUPP;
}

/* Return the number of a name; -EOPNOTSUPP: unknown name */
static int name_number(const struct ethtool_gstrings *all, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (!strncmp((const char *)all->data + (size_t)i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN)) return (int)i;
    return -EOPNOTSUPP;
}

static int feature_find(const char *interface, const char *name, struct place *at)
{
    const int count = count_names(interface);
    if (count < 0) return count;
    struct ethtool_gstrings *all = calloc(1, sizeof *all + (size_t)count * ETH_GSTRING_LEN);
    if (!all) return -ENOMEM;
    all->cmd = ETHTOOL_GSTRINGS;
    all->string_set = ETH_SS_FEATURES;
    const int failed = ethtool_ask(interface, all);
    const int number = failed < 0 ? failed : name_number(all, (uint32_t)count, name);
    free(all);
    if (number < 0) return number;
    *at = (struct place){(uint32_t)number / 32, UINT32_C(1) << number % 32, ((uint32_t)count + 31) / 32};
    return 0;
}

int feature_of(const char *interface, const char *name)
{
    union {
        struct ethtool_gfeatures h;
        uint32_t words[2 + 4 * BLOCKS_MOST];
    } q = {.h = {.cmd = ETHTOOL_GFEATURES}};
    struct place at;
    int failed = feature_find(interface, name, &at);
    if (!failed) q.h.size = at.blocks;
    if (!failed) failed = ethtool_ask(interface, &q);
    if (failed < 0) return failed == -EOPNOTSUPP ? 0 : failed;
    const struct ethtool_get_features_block *b = &q.h.features[at.block];
    const bool on = b->active & at.bit, fixed = b->never_changed & at.bit || !(b->available & at.bit);
    return (on ? FEATURE_ON : 0) | (fixed ? FEATURE_FIXED : 0);
}

/* Turn a feature on or off. The device may ignore this without an error, so the state is read back. */
int feature_turn(const char *interface, const char *name, bool on)
{
    union {
        struct ethtool_sfeatures h;
        uint32_t words[2 + 2 * BLOCKS_MOST];
    } q = {.h = {.cmd = ETHTOOL_SFEATURES}};
    struct place at;
    int failed = feature_find(interface, name, &at);
    if (failed) return failed;
    q.h.size = at.blocks;
    q.h.features[at.block] = (struct ethtool_set_features_block){.valid = at.bit, .requested = on ? at.bit : 0};
    failed = ethtool_ask(interface, &q);
    if (failed < 0) return failed == -EINVAL ? -EOPNOTSUPP : failed;
    const int now = feature_of(interface, name);
    return now < 0 ? now : (now & FEATURE_ON) == on ? 0 : -EOPNOTSUPP;
}
