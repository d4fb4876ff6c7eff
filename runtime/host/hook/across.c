/* The program of across.bpf.c as a filter of traffic control, at the hook that precedes the host's stack. A filter
 * holds its program, so nothing is pinned. */
#include "runtime/host/hook/across.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "runtime/base/embed.h"
#include "runtime/host/change_priv.h"
#include "runtime/host/device/feature.h"
#include "runtime/host/hook/clsact.h"
#include "runtime/host/state.h"

EMBED(object, "runtime/host/hook/across.bpf.o");

enum { HANDLE = 1 };

/* Former state, as words of the record */
static const char *const befores[] = {"-", "promiscuous", "clsact", "promiscuous,clsact"};
enum { PROMISCUOUS = 1, CLSACT = 2 };

bool across_possible(void) { return true; }

/* Receive frames for other stations, too. Return 0 or a negative errno. */
static int set_promiscuous(const char *name, bool on)
{
    struct ifreq r = {0};
    const int failed = device_ioctl(name, SIOCGIFFLAGS, &r);
    if (failed || !(r.ifr_flags & IFF_PROMISC) == !on) return failed;
    r.ifr_flags = (short)(on ? r.ifr_flags | IFF_PROMISC : r.ifr_flags & ~IFF_PROMISC);
    return device_ioctl(name, SIOCSIFFLAGS, &r);
}

static bool is_promiscuous(const char *name)
{
    struct ifreq r = {0};
    return !device_ioctl(name, SIOCGIFFLAGS, &r) && r.ifr_flags & IFF_PROMISC;
}

static int load_and_attach(unsigned from, unsigned to)
{
    const int peer = (int)to;
    const struct clsact at = {.ifindex = from, .priority = CLSACT_OWN, .handle = HANDLE};
    LIBBPF_OPTS(bpf_object_open_opts, named, .object_name = "across");
    libbpf_set_print(NULL);
    struct bpf_object *o = bpf_object__open_mem(object, EMBEDDED_LEN(object), &named);
    if (!o) return -errno;
    struct bpf_map *constants = bpf_object__find_map_by_name(o, "across.rodata");
    int failed = constants ? bpf_map__set_initial_value(constants, &peer, sizeof peer) : -ENOENT;
    if (!failed) failed = bpf_object__load(o);
    if (!failed) failed = clsact_set(&at, bpf_program__fd(bpf_object__find_program_by_name(o, "across")));
    bpf_object__close(o);
    return failed;
}

int across_set(struct state *s, const char *from, const char *to, char *err, size_t err_len)
{
    char what[2 * IF_NAMESIZE + 2];
    const unsigned in = if_nametoindex(from), out = if_nametoindex(to);
    snprintf(what, sizeof what, "%s/%s", from, to);
    int failed = in && out ? 0 : -ENODEV;
    const unsigned before = (is_promiscuous(from) ? PROMISCUOUS : 0) | (clsact_is_there(in) ? CLSACT : 0);
    if (!failed) failed = state_note(s, CHANGE_ACROSS, what, befores[before], "");
    if (!failed) failed = load_and_attach(in, out);
    if (!failed) failed = set_promiscuous(from, true);
    if (failed) snprintf(err, err_len, "the bridge can't pass frames from %s to %s: %s", from, to, strerror(-failed));
    return failed;
}

int across_undo(const char *what, const char *before, const char *after)
{
    char name[IF_NAMESIZE] = "";
    const size_t len = strcspn(what, "/");
    if (len >= sizeof name) return 0;
    memcpy(name, what, len);
    const unsigned ifindex = if_nametoindex(name);
    if (!ifindex) return 0; /* the filter ended with the interface */
    const int failed = clsact_drop(&(struct clsact){.ifindex = ifindex, .priority = CLSACT_OWN, .handle = HANDLE});
    if (!strstr(before, befores[PROMISCUOUS])) set_promiscuous(name, false);
    if (!strstr(before, befores[CLSACT])) clsact_end(ifindex);
    return failed;
}
