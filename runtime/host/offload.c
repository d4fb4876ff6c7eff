/* Offloads by the ioctl that ethtool uses. */
#include "runtime/host/offload.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/state.h"

static const struct row {
    enum offload which;
    const char *word;
    uint32_t get, set, flag;
} rows[] = {
#define OFFLOAD(ident, bit, word, get, set, flag, doc) {OFFLOAD_##ident, word, get, set, flag},
#include "runtime/host/offload.def"
#undef OFFLOAD
};
#define ROWS (sizeof rows / sizeof rows[0])

static int command(const char *interface, uint32_t cmd, uint32_t *value)
{
    struct ethtool_value v = {.cmd = cmd, .data = *value};
    struct ifreq r = {.ifr_data = (void *)&v};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", interface);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    const int failed = ioctl(fd, SIOCETHTOOL, &r) ? -errno : 0;
    close(fd);
    *value = v.data;
    return failed;
}

/* 1: on; 0: off, or unknown to the device; or a negative errno. */
static int is_on(const char *interface, const struct row *row)
{
    uint32_t value = 0;
    const int failed = command(interface, row->get, &value);
    if (failed) return failed == -EOPNOTSUPP ? 0 : failed;
    return row->flag ? (value & row->flag) != 0 : value != 0;
}

/* The device may keep its own counsel without an error, so it is asked what came of it. */
static int turn(const char *interface, const struct row *row, bool on)
{
    uint32_t value = 0;
    int failed = row->flag ? command(interface, row->get, &value) : 0;
    if (failed) return failed;
    value = row->flag ? (on ? value | row->flag : value & ~row->flag) : on;
    failed = command(interface, row->set, &value);
    if (failed) return failed == -EINVAL ? -EOPNOTSUPP : failed;
    const int now = is_on(interface, row);
    return now < 0 ? now : now == on ? 0 : -EOPNOTSUPP;
}

int offloads_on(const char *interface)
{
    int on = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const int one = is_on(interface, &rows[i]);
        if (one < 0) return one;
        if (one) on |= (int)rows[i].which;
    }
    return on;
}

static int turn_off(struct state *s, const char *interface, const struct row *row)
{
    char what[IF_NAMESIZE + 16];
    const int on = is_on(interface, row);
    if (on <= 0) return on;
    snprintf(what, sizeof what, "%s/%s", interface, row->word);
    const int failed = state_note(s, CHANGE_OFFLOAD, what, "on", "off");
    return failed ? failed : turn(interface, row, false);
}

int offloads_off(struct state *s, const char *interface, unsigned which, char *err, size_t err_len)
{
    for (size_t i = 0; i < ROWS; i++) {
        const int failed = rows[i].which & which ? turn_off(s, interface, &rows[i]) : 0;
        if (failed)
            snprintf(err, err_len, "%s: %s can't be turned off: %s", interface, rows[i].word, strerror(-failed));
        if (failed) return failed;
    }
    return 0;
}

int offload_undo(const char *what, const char *before, const char *after)
{
    char interface[IF_NAMESIZE] = "";
    const char *word = strchr(what, '/');
    (void)before, (void)after;
    if (!word || (size_t)(word - what) >= sizeof interface) return 0;
    memcpy(interface, what, (size_t)(word - what));
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(word + 1, rows[i].word) != 0) continue;
        const int failed = turn(interface, &rows[i], true);
        return failed == -ENODEV || failed == -EOPNOTSUPP ? 0 : failed; /* another device of that name */
    }
    return 0;
}
