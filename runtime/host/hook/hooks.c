/* See hooks.h. Pins are in HOOKS_FILES/prey/NETNS/NAME/: DEVICE-arrives and DEVICE-leaves, each a link or a filter's
 * program, and MAP:DEVICE for each kept map of those. So an interface that still has the former programs also has
 * their maps, even if other interfaces have newer ones.
 *
 * A kernel without links of traffic control (before Linux 6.6) has filters instead, before others'. A filter outlives
 * its process. With pins it holds the program; without pins it holds one that passes all packets once this process has
 * ended. */
#include "runtime/host/hook/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fnv.h"
#include "runtime/host/change_priv.h"
#include "runtime/host/hook/clsact.h"
#include "runtime/host/hook/xdp.h"
#include "runtime/host/state.h"

/* Linux 6.6; headers may be older */
enum {
    ATTACH_TCX_INGRESS = 46,
    ATTACH_TCX_EGRESS = 47,
    LINK_TCX = 11,
    FILES_OF_BPF = 0xcafe4a11,
    FIRST = 1 << 3 /* BPF_F_BEFORE: before all others */
};

enum side { ARRIVES, LEAVES, SIDES };
static const char *const sides[SIDES] = {"arrives", "leaves"};

static bool is_of_bpf(const char *path)
{
    struct statfs fs;
    return !statfs(path, &fs) && (unsigned long)fs.f_type == FILES_OF_BPF;
}

/* The unit makes only its own folder writable, not the file system around it. */
bool hooks_last(void)
{
    return is_of_bpf(HOOKS_FILES) && (!access(HOOKS_FILES "/prey", W_OK) || !access(HOOKS_FILES, W_OK));
}

bool hooks_hidden(void) { return !is_of_bpf(HOOKS_FILES) && is_of_bpf("/proc/1/root" HOOKS_FILES); }

/* Write the folder of an instance's pins. Names in the BPF file system can't have dots. */
static int pins_folder(const char *name, char path[PATH_MAX])
{
    struct stat ns;
    if (stat("/proc/self/ns/net", &ns)) return -errno;
    const int len = snprintf(path, PATH_MAX, "%s/prey/%lu/%.64s", HOOKS_FILES, (unsigned long)ns.st_ino, name);
    for (char *c = path + len; *c != '/'; c--)
        if (*c == '.') *c = ':'; /* no name has a colon */
    return 0;
}

static void pin_of(const char *folder, const char *device, enum side side, char path[PATH_MAX])
{
    char name[IF_NAMESIZE];
    snprintf(name, sizeof name, "%s", device);
    for (char *c = name; *c; c++)
        if (*c == '.') *c = ':';
    snprintf(path, PATH_MAX, "%.200s/%s-%s", folder, name, sides[side]);
}

/* Write a device's name as in map pins: without `-`, which distinguishes links from maps (drop_folder). */
static void map_device(const char *device, char name[IF_NAMESIZE])
{
    snprintf(name, IF_NAMESIZE, "%s", device);
    for (char *c = name; *c; c++)
        if (*c == '.')
            *c = ':';
        else if (*c == '-')
            *c = '+';
}

static void pin_of_map(const char *folder, const char *device, const char *map, char path[PATH_MAX])
{
    char name[IF_NAMESIZE];
    map_device(device, name);
    snprintf(path, PATH_MAX, "%.200s/%s:%s", folder, map, name);
}

static int make_folders(const char *path)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *c = part + sizeof HOOKS_FILES; *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        if (mkdir(part, 0700) && errno != EEXIST) return -errno;
        *c = '/';
    }
    return mkdir(part, 0700) && errno != EEXIST ? -errno : 0;
}

/* Make the folder; tried repeatedly, because another process may remove it meanwhile when it gets empty */
static int make_folder(const char *path)
{
    int failed = -ENOENT;
    for (unsigned tries = 0; failed == -ENOENT && tries < 8; tries++) failed = make_folders(path);
    return failed;
}

/* Attach at traffic control before others' programs, which see what prey lets pass */
static int tcx_attach(int program, unsigned ifindex, enum side side)
{
    const int at = side == LEAVES ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS;
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = FIRST);
    int link = bpf_link_create(program, (int)ifindex, (enum bpf_attach_type)at, &opts);
    if (link < 0) return -errno;
    return link;
}

/* Return the filter's place. Its handle is the instance's own, so that two instances' filters coexist. */
static struct clsact filter_of(const char *folder, unsigned ifindex, enum side side)
{
    return (struct clsact){
        .ifindex = ifindex, .leaves = side == LEAVES, .priority = CLSACT_FIRST, .handle = fnv_text(folder) | 1};
}

/* Write the record's words about the hooks for filters; "-": a link needs none. Records of interfaces that are gone are
 * removed, so that the record does not grow. */
static void before_of(struct state *s, const struct hooks_where *w, const char *folder, char text[CLSACT_TEXT])
{
    snprintf(text, CLSACT_TEXT, "-");
    if (!clsact_needed()) return;
    state_forget(s, CHANGE_HOOKS, w->device, clsact_is_over);
    clsact_before(w->ifindex, true, text); /* a former start may have made them */
    if (!state_noted(s, CHANGE_HOOKS, w->device, text, folder))
        clsact_before(w->ifindex, !clsact_is_there(w->ifindex), text);
}

unsigned hooks_handle(const char *name)
{
    char folder[PATH_MAX];
    return pins_folder(name, folder) ? 0 : filter_of(folder, 0, LEAVES).handle;
}

int hooks_lack(const struct hooks_where devices[], unsigned count, char *err, size_t err_len)
{
    struct clsact at = {.leaves = true, .priority = CLSACT_FIRST};
    int failed = clsact_try();
    if (failed) clsact_why(&at, failed, "any interface", err, err_len);
    if (failed || !clsact_needed()) return failed;
    for (unsigned i = 0; i < 2 * count && !failed; i++) {
        const struct hooks_where *w = &devices[i / 2];
        at.ifindex = w->ifindex;
        at.leaves = i & 1;
        failed = at.leaves || w->by_tc ? clsact_taken(&at) : 0;
        if (failed) clsact_why(&at, failed, w->device, err, err_len);
    }
    return failed;
}

static int pin(int fd, const char *path) { return bpf_obj_pin(fd, path) ? -errno : 0; }

/* Give each interface with pins its own pin of a map; older versions pinned such a map once for all interfaces */
static void deal_map(const char *folder, const char *map)
{
    char path[PATH_MAX], own[PATH_MAX], device[IF_NAMESIZE];
    snprintf(path, sizeof path, "%.200s/%s", folder, map);
    const int fd = bpf_obj_get(path);
    DIR *dir = fd < 0 ? NULL : opendir(folder);
    bool dealt = dir != NULL;
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        const char *side = strrchr(e->d_name, '-');
        if (!side || side - e->d_name >= IF_NAMESIZE) continue;
        *(char *)mempcpy(device, e->d_name, (size_t)(side - e->d_name)) = '\0';
        pin_of_map(folder, device, map, own);
        unlink(own);
        dealt &= !pin(fd, own);
    }
    if (dealt) unlink(path);
    if (dir) closedir(dir);
    if (fd >= 0) close(fd);
}

/* Pin the maps of an interface's programs, replacing those of a former start, whose programs have been replaced.
 * Without a holder these maps are emptied immediately, so this function waits for packets that are still in the
 * former programs. */
static int pin_maps(const char *folder, const char *device, const struct hooks *h)
{
    char path[PATH_MAX];
    int failed = 0;
    for (unsigned i = 0; i < h->kept_count; i++) deal_map(folder, h->kept[i].name);
    for (unsigned i = 0; i < h->kept_count && !failed; i++) {
        pin_of_map(folder, device, h->kept[i].name, path);
        if (!i && !access(path, F_OK)) syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); /* synchronize_rcu */
        unlink(path);
        failed = pin(h->kept[i].map, path);
    }
    return failed;
}

static int program_of(const struct hooks *h, enum side side) { return side == LEAVES ? h->leaves : h->arrives; }

/* Pin the links that are held */
static int pin_links(const char *folder, const char *device, const struct hooked *on)
{
    char path[PATH_MAX];
    int failed = 0;
    for (enum side side = ARRIVES; side < SIDES && !failed; side++) {
        pin_of(folder, device, side, path);
        if (on->held[side] >= 0) failed = pin(on->held[side], path);
    }
    return failed;
}

/* Pin the programs of filters in place of former ones: a filter persists without a pin, but the maps don't */
static int pin_programs(const char *folder, const char *device, const struct hooks *h, const struct hooked *on)
{
    char path[PATH_MAX];
    int failed = 0;
    for (enum side side = ARRIVES; side < SIDES && !failed; side++) {
        if (on->held[side] >= 0) continue;
        pin_of(folder, device, side, path);
        unlink(path);
        failed = pin(program_of(h, side), path);
    }
    return failed;
}

/* True if traffic control has the program of that side. */
static bool is_of_tc(const struct hooks *h, enum side side) { return side == LEAVES || h->by_tc; }

static void know_filter(const struct clsact *at, enum side side, struct hooked *to)
{
    struct clsact_seen seen;
    to->filter = at->ifindex;
    if (!clsact_look(at, &seen)) to->programs[side] = seen.program;
}

/* Set the filter, replacing the former one if any */
static int set_filter(const struct clsact *at, int program, enum side side, struct hooked *to)
{
    int held = -1;
    const int failed = to->pinned ? clsact_set(at, program) : clsact_set_held(at, program, &held);
    if (failed) return failed;
    if (to->held[side] >= 0) close(to->held[side]);
    to->held[side] = held;
    know_filter(at, side, to);
    return 0;
}

/* Attach at traffic control, by a link or a filter. A link is held by its descriptor or its pin, a filter's program
 * without a pin by to->held. */
static int set_tc(const char *folder, const struct hooks_where *w, const struct hooks *h, enum side side, bool filter,
                  struct hooked *to, char *err, size_t err_len)
{
    const struct clsact at = filter_of(folder, w->ifindex, side);
    const int program = program_of(h, side);
    int failed = filter ? set_filter(&at, program, side, to) : tcx_attach(program, w->ifindex, side);
    if (!filter) to->held[side] = failed;
    if (failed >= 0) return 0;
    char why[300];
    if (filter)
        clsact_why(&at, failed, w->device, why, sizeof why);
    else
        snprintf(why, sizeof why, "%s", strerror(-failed));
    snprintf(err, err_len, "the eBPF program for %s packets can't be attached: %s",
             side == LEAVES ? "leaving" : "arriving", why);
    return failed;
}

static int set_arrives(const char *folder, const struct hooks_where *w, const struct hooks *h, bool replace,
                       bool filter, struct hooked *to, char *err, size_t err_len)
{
    if (h->by_tc) return set_tc(folder, w, h, ARRIVES, filter, to, err, err_len);
    to->held[ARRIVES] = xdp_attach(h->arrives, w->ifindex, replace, &to->generic,
                                   "the eBPF program for arriving packets", err, err_len);
    return to->held[ARRIVES] < 0 ? to->held[ARRIVES] : 0;
}

static int pinned(const char *folder, const char *device, enum side side)
{
    char path[PATH_MAX];
    pin_of(folder, device, side, path);
    return bpf_obj_get(path);
}

/* True for a link on the interface at that hook. A link of traffic control names its interface where XDP's does. */
static bool link_is_on(int link, unsigned ifindex, bool by_tc)
{
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    return !bpf_obj_get_info_by_fd(link, &info, &len) && info.type == (by_tc ? LINK_TCX : BPF_LINK_TYPE_XDP) &&
           info.xdp.ifindex == ifindex;
}

/* Remove what a former start left at one side: detach the link, even if another process holds it. */
static int side_clear(const char *folder, const char *device, enum side side)
{
    char path[PATH_MAX];
    pin_of(folder, device, side, path);
    const int link = bpf_obj_get(path);
    if (link >= 0) bpf_link_detach(link);
    if (link >= 0) close(link);
    return unlink(path) && errno != ENOENT ? -errno : 0;
}

/* Remove the filter of a former start for which traffic control took arriving packets */
static int drop_arrives(const char *folder, unsigned ifindex)
{
    const struct clsact at = filter_of(folder, ifindex, ARRIVES);
    return clsact_is_there(ifindex) ? clsact_drop(&at) : 0;
}

/* True if a former start has left an XDP link; there can be only one. */
static bool is_in_the_way(const char *folder, const struct hooks_where *w, const struct hooks *h)
{
    const int link = h->by_tc ? -1 : pinned(folder, w->device, ARRIVES);
    const bool is = link >= 0 && link_is_on(link, w->ifindex, false);
    if (link >= 0) close(link);
    return is;
}

/* Attach both programs, and only then remove those of a former start, if both can be attached together; no packet
 * then passes unjudged. */
static int set_both(const char *folder, const struct hooks_where *w, const struct hooks *h, bool replace, bool filter,
                    struct hooked *to, char *err, size_t err_len)
{
    if (to->pinned && is_in_the_way(folder, w, h)) side_clear(folder, w->device, ARRIVES);
    int failed = set_arrives(folder, w, h, replace, filter, to, err, err_len);
    if (!failed) failed = set_tc(folder, w, h, LEAVES, filter, to, err, err_len);
    if (failed) return failed;
    for (enum side side = ARRIVES; to->pinned && side < SIDES && !failed; side++)
        failed = side_clear(folder, w->device, side);
    if (!failed && filter && !h->by_tc) failed = drop_arrives(folder, w->ifindex);
    if (failed) snprintf(err, err_len, "%s: %s", folder, strerror(-failed));
    return failed;
}

/* Pin maps and programs */
static int pin_all(const char *folder, const char *device, const struct hooks *h, const struct hooked *on, char *err,
                   size_t err_len)
{
    int failed = make_folder(folder);
    if (!failed) failed = pin_maps(folder, device, h);
    if (!failed) failed = pin_links(folder, device, on);
    if (!failed) failed = pin_programs(folder, device, h, on);
    if (failed) snprintf(err, err_len, "%s: %s", folder, strerror(-failed));
    return failed;
}

static int set_all(const char *folder, const struct hooks_where *w, const struct hooks *h, bool replace, bool filter,
                   struct hooked *to, char *err, size_t err_len)
{
    to->pinned = hooks_last();
    const int failed = set_both(folder, w, h, replace, filter, to, err, err_len);
    return failed || !to->pinned ? failed : pin_all(folder, w->device, h, to, err, err_len);
}

/* Replace the program that a former start left at one side */
static bool take_over_side(const char *folder, const struct hooks_where *w, const struct hooks *h, enum side side,
                           bool filter, struct hooked *to)
{
    const struct clsact at = filter_of(folder, w->ifindex, side);
    const bool by_tc = is_of_tc(h, side);
    struct clsact_seen seen;
    if (by_tc && filter) {
        const bool left = side == LEAVES || (!clsact_look(&at, &seen) && seen.there);
        return left && !clsact_set(&at, program_of(h, side));
    }
    to->held[side] = pinned(folder, w->device, side);
    return to->held[side] >= 0 && link_is_on(to->held[side], w->ifindex, by_tc) &&
           !bpf_link_update(to->held[side], program_of(h, side), NULL);
}

/* Replace the programs that a former start left there, so that each packet is judged */
static bool take_over_both(const char *folder, const struct hooks_where *w, const struct hooks *h, bool filter,
                           struct hooked *to)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, on);
    to->pinned = take_over_side(folder, w, h, ARRIVES, filter, to) &&
                 take_over_side(folder, w, h, LEAVES, filter, to) && !pin_maps(folder, w->device, h) &&
                 !pin_programs(folder, w->device, h, to);
    if (!to->pinned) hooks_leave(to);
    for (enum side side = ARRIVES; to->pinned && filter && side < SIDES; side++) {
        const struct clsact at = filter_of(folder, w->ifindex, side);
        if (is_of_tc(h, side)) know_filter(&at, side, to);
    }
    if (to->pinned && !h->by_tc && !bpf_xdp_query((int)w->ifindex, 0, &on)) to->generic = on.skb_prog_id != 0;
    return to->pinned;
}

int hooks_set(struct state *s, const struct hooks_where *w, const struct hooks *h, bool replace, struct hooked *to,
              char *err, size_t err_len)
{
    char folder[PATH_MAX], before[CLSACT_TEXT];
    *to = (struct hooked){.held = {-1, -1}};
    int failed = pins_folder(w->name, folder);
    if (!failed) before_of(s, w, folder, before);
    const bool filter = !failed && *before != '-';
    if (!failed) failed = state_note(s, CHANGE_HOOKS, w->device, before, folder);
    if (!failed && hooks_last() && take_over_both(folder, w, h, filter, to)) return 0;
    if (failed) snprintf(err, err_len, "%s: %s", folder, strerror(-failed));
    if (failed) return failed;
    failed = set_all(folder, w, h, replace, filter, to, err, err_len);
    if (!failed) return 0;
    hooks_leave(to);
    hooks_undo(w->device, before, folder);
    return failed;
}

static bool filter_stands(const struct clsact *at, uint32_t program)
{
    struct clsact_seen seen;
    /* on failure: true */
    return clsact_look(at, &seen) || (seen.there && !seen.behind && seen.program == program);
}

int hooks_keep(struct state *s, const struct hooks_where *w, const struct hooks *h, struct hooked *on, char *err,
               size_t err_len)
{
    char folder[PATH_MAX], before[CLSACT_TEXT];
    int again = 0;
    if (!on->filter || pins_folder(w->name, folder)) return 0;
    clsact_before(on->filter, true, before);
    if (clsact_is_over(before)) return 0;
    for (enum side side = ARRIVES; side < SIDES; side++) {
        const struct clsact at = filter_of(folder, on->filter, side);
        if (!is_of_tc(h, side) || filter_stands(&at, on->programs[side])) continue;
        clsact_before(on->filter, !clsact_is_there(on->filter), before);
        int failed = state_note(s, CHANGE_HOOKS, w->device, before, folder);
        if (!failed) failed = set_filter(&at, program_of(h, side), side, on);
        if (failed) clsact_why(&at, failed, w->device, err, err_len);
        if (failed) return failed;
        again++;
    }
    return again;
}

void hooks_leave(struct hooked *h)
{
    for (enum side side = ARRIVES; side < SIDES; side++)
        if (h->held[side] >= 0) close(h->held[side]);
    *h = (struct hooked){.held = {-1, -1}};
}

/* Remove an interface's pins of maps */
static void drop_maps(const char *folder, const char *device)
{
    char path[PATH_MAX], name[IF_NAMESIZE];
    DIR *dir = opendir(folder);
    if (!dir) return;
    map_device(device, name);
    for (const struct dirent *e; (e = readdir(dir));) {
        const char *of = strchr(e->d_name, ':');
        snprintf(path, sizeof path, "%.300s/%s", folder, e->d_name);
        if (of && !strcmp(of + 1, name)) unlink(path);
    }
    closedir(dir);
}

/* Remove the remains once no interface has the programs */
static void drop_folder(const char *folder)
{
    char path[PATH_MAX];
    bool used = false;
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (const struct dirent *e; !used && (e = readdir(dir));) used = strchr(e->d_name, '-');
    rewinddir(dir);
    for (const struct dirent *e; !used && (e = readdir(dir));) {
        snprintf(path, sizeof path, "%.300s/%s", folder, e->d_name);
        if (*e->d_name != '.') unlink(path);
    }
    closedir(dir);
    snprintf(path, sizeof path, "%s", folder);
    if (used || rmdir(path)) return;
    for (unsigned above = 0; above < 2; above++) { /* the namespace's folder, then prey's, if empty */
        *strrchr(path, '/') = 0;
        if (rmdir(path)) return;
    }
}

int hooks_undo(const char *what, const char *before, const char *after)
{
    if (strncmp(after, HOOKS_FILES "/prey/", sizeof HOOKS_FILES "/prey/" - 1) != 0) return 0;
    int failed = 0;
    for (enum side side = ARRIVES; side < SIDES; side++) {
        const uint32_t handle = filter_of(after, 0, side).handle;
        const int filter = *before == '-' ? 0 : clsact_undo(before, side == LEAVES, CLSACT_FIRST, handle);
        const int link = side_clear(after, what, side);
        if (filter || link) failed = filter ? filter : link;
    }
    drop_maps(after, what);
    drop_folder(after);
    return failed;
}

/* True if a former start's program is in force at one side of the interface. */
static bool is_standing(const char *folder, const char *device, unsigned ifindex, enum side side)
{
    const struct clsact at = filter_of(folder, ifindex, side);
    struct clsact_seen seen;
    const int left = pinned(folder, device, side);
    if (left < 0) return false;
    const bool on = link_is_on(left, ifindex, true) || link_is_on(left, ifindex, false);
    close(left);
    return on || (clsact_needed() && !clsact_look(&at, &seen) && seen.there && !seen.behind);
}

unsigned hooks_standing(const char *name, const char *device)
{
    char folder[PATH_MAX];
    const unsigned ifindex = if_nametoindex(device);
    if (!ifindex || pins_folder(name, folder)) return 0;
    bool stand = true;
    for (enum side side = ARRIVES; side < SIDES; side++) stand &= is_standing(folder, device, ifindex, side);
    return stand ? ifindex : 0;
}

/* Detach the programs from the device `arg`, or from all devices if arg is NULL. */
static bool undo_of(void *arg, const char *name, const char *what, const char *before, const char *after)
{
    if (!arg || !strcmp(what, arg)) hooks_undo(what, before, after);
    return true;
}

void hooks_drop(struct state *s) { state_own(s, CHANGE_HOOKS, undo_of, NULL); }

void hooks_off(struct state *s, const char *device, struct hooked *on)
{
    hooks_leave(on);
    state_own(s, CHANGE_HOOKS, undo_of, (void *)(uintptr_t)device); /* the record stays, for future programs */
}

bool hooks_left(const char *name, const char *device, unsigned program)
{
    char folder[PATH_MAX];
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    if (pins_folder(name, folder)) return false;
    const int link = pinned(folder, device, ARRIVES);
    const bool left = link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &len) && info.type == BPF_LINK_TYPE_XDP &&
                      info.prog_id == program;
    if (link >= 0) close(link);
    return left;
}
