/* Offloads are kernel features (feature.h), recorded before they are turned off */
#include "runtime/host/device/offload.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/device/feature.h"
#include "runtime/host/proc_priv.h"
#include "runtime/host/state.h"

static const struct row {
    enum offload which;
    const char *word, *feature;
} rows[] = {
#define OFFLOAD(ident, bit, word, feature, doc) {OFFLOAD_##ident, word, feature},
#include "runtime/host/device/offload.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

int offloads_stuck(const char *interface)
{
    const int stuck = FEATURE_ON | FEATURE_FIXED;
    int found = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const int is = feature_of(interface, rows[i].feature);
        if (is < 0) return is;
        if ((is & stuck) == stuck) found |= (int)rows[i].which;
    }
    return found;
}

void offload_words(unsigned which, char *to, size_t len)
{
    size_t at = 0;
    *to = 0;
    for (size_t i = 0; i < ROWS && at < len; i++)
        if (rows[i].which & which) at += (size_t)snprintf(to + at, len - at, "%s%s", at ? ", " : "", rows[i].word);
}

unsigned offloads_on(const char *interface)
{
    unsigned on = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const int is = feature_of(interface, rows[i].feature);
        if (is > 0 && is & FEATURE_ON) on |= rows[i].which;
    }
    return on;
}

void offloads_again(const char *interface, unsigned which)
{
    const unsigned off = which & ~offloads_on(interface);
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].which & off) (void)feature_turn(interface, rows[i].feature, true);
}

const char *offload_word(unsigned which)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].which & which) return rows[i].word;
    return "";
}

static int turn_off(struct state *s, const char *interface, const struct row *row, bool judges)
{
    char what[IF_NAMESIZE + 32];
    const int is = feature_of(interface, row->feature);
    if (is < 0 || !(is & FEATURE_ON)) return is < 0 ? is : 0;
    snprintf(what, sizeof what, "%s/%s", interface, row->word);
    const int failed = state_note(s, judges ? CHANGE_UNSEEN : CHANGE_OFFLOAD, what, "on", "off");
    return failed ? failed : feature_turn(interface, row->feature, false);
}

int offloads_off(struct state *s, const char *interface, unsigned which, bool judges, unsigned *off, char *err,
                 size_t err_len)
{
    const unsigned before = offloads_on(interface);
    *off = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const int failed = rows[i].which & which ? turn_off(s, interface, &rows[i], judges) : 0;
        if (failed)
            snprintf(err, err_len, "%s: %s can't be turned off: %s", interface, rows[i].word, strerror(-failed));
        if (failed) return failed;
    }
    if (before & which) *off = before & ~offloads_on(interface);
    return 0;
}

/* True if this machine forwards packets from the interface: then the kernel itself has turned LRO off. */
static bool forwards(const char *interface)
{
    char path[64 + IF_NAMESIZE];
    for (unsigned v6 = 0; v6 < 2; v6++) {
        snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/forwarding", v6 ? "ipv6" : "ipv4", interface);
        if (proc_is_on(path)) return true;
    }
    return false;
}

/* Turn an offload on again. Some drivers refuse this while an XDP program is attached, so it must wait until the
 * program is gone. Another device of that name may lack the offload. */
static int turn_on(const char *interface, const struct row *row)
{
    if (row->which == OFFLOAD_LRO && forwards(interface)) return 0;
    const int failed = feature_turn(interface, row->feature, true);
    if (failed != -EOPNOTSUPP) return failed == -ENODEV ? 0 : failed;
    const int is = feature_of(interface, row->feature);
    return is < 0 || is & FEATURE_FIXED ? 0 : CHANGE_WAITS;
}

int offload_undo(const char *what, const char *before, const char *after)
{
    char interface[IF_NAMESIZE] = "";
    const char *word = strchr(what, '/');
    if (!word || (size_t)(word - what) >= sizeof interface) return 0;
    memcpy(interface, what, (size_t)(word - what));
    for (size_t i = 0; i < ROWS; i++)
        if (!strcmp(word + 1, rows[i].word)) return turn_on(interface, &rows[i]);
    return 0;
}
