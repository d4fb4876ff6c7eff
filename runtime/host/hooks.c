/* See hooks.h. Pins lie in HOOKS_FILES/prey/NETNS/NAME/: DEVICE.arrives, DEVICE.leaves, and the maps that are kept. */
#include "runtime/host/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/host/change_priv.h"
#include "runtime/host/state.h"
#include "runtime/host/xdp.h"

/* Linux 6.6; headers may be older. */
enum { ATTACH_TCX_EGRESS = 47, FILES_OF_BPF = 0xcafe4a11, FIRST = 1 << 3 /* BPF_F_BEFORE: of all that are there */ };

static const char *const sides[] = {"arrives", "leaves"};

bool hooks_last(void)
{
    struct statfs fs;
    return !statfs(HOOKS_FILES, &fs) && (unsigned long)fs.f_type == FILES_OF_BPF && !access(HOOKS_FILES, W_OK);
}

/* ---- where ---- */

/* Files of BPF's may hold no points. */
static int folder_of(const char *name, char path[PATH_MAX])
{
    struct stat ns;
    if (stat("/proc/self/ns/net", &ns)) return -errno;
    const int len = snprintf(path, PATH_MAX, "%s/prey/%lu/%.64s", HOOKS_FILES, (unsigned long)ns.st_ino, name);
    for (char *c = path + len; *c != '/'; c--)
        if (*c == '.') *c = ':'; /* which no name has */
    return 0;
}

static void pin_of(const char *folder, const char *device, unsigned side, char path[PATH_MAX])
{
    char name[IF_NAMESIZE];
    snprintf(name, sizeof name, "%s", device);
    for (char *c = name; *c; c++)
        if (*c == '.') *c = ':';
    snprintf(path, PATH_MAX, "%.200s/%s-%s", folder, name, sides[side]);
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

/* Another process may take off an empty one meanwhile, with the last that was in it. */
static int make_folder(const char *path)
{
    int failed = -ENOENT;
    for (unsigned tries = 0; failed == -ENOENT && tries < 8; tries++) failed = make_folders(path);
    return failed;
}

/* ---- set ---- */

/* In front of others' programs: what prey lets pass they see. */
static int attach_leaves(int program, unsigned ifindex)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = FIRST);
    int link = bpf_link_create(program, (int)ifindex, (enum bpf_attach_type)ATTACH_TCX_EGRESS, &opts);
    if (link < 0) return -errno;
    return link;
}

static int pin(int fd, const char *path) { return bpf_obj_pin(fd, path) ? -errno : 0; }

/* In place of those of another start. */
static int pin_maps(const char *folder, const struct hooks *h)
{
    char path[PATH_MAX];
    int failed = 0;
    for (unsigned i = 0; i < h->kept_count && !failed; i++) {
        snprintf(path, sizeof path, "%.200s/%s", folder, h->kept[i].name);
        unlink(path);
        failed = pin(h->kept[i].map, path);
    }
    return failed;
}

static int pin_all(const char *folder, const char *device, const struct hooks *h, const struct hooked *on)
{
    char path[PATH_MAX];
    int failed = make_folder(folder);
    if (!failed) failed = pin_maps(folder, h);
    for (unsigned side = 0; side < 2 && !failed; side++) {
        pin_of(folder, device, side, path);
        failed = pin(side ? on->leaves : on->arrives, path);
    }
    return failed;
}

/* Off the interface, whoever else holds it. */
static int unhook(const char *path)
{
    const int link = bpf_obj_get(path);
    if (link >= 0) bpf_link_detach(link);
    if (link >= 0) close(link);
    return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int set_all(const char *folder, const struct hooks_where *w, const struct hooks *h, bool replace,
                   struct hooked *to, char *err, size_t err_len)
{
    to->arrives =
        xdp_attach(h->arrives, w->ifindex, replace, &to->generic, "the program for what arrives", err, err_len);
    if (to->arrives < 0) return to->arrives;
    to->leaves = attach_leaves(h->leaves, w->ifindex);
    if (to->leaves < 0) {
        snprintf(err, err_len, "the program for what leaves can't be attached: %s", strerror(-to->leaves));
        return to->leaves;
    }
    to->pinned = hooks_last();
    const int failed = to->pinned ? pin_all(folder, w->device, h, to) : 0;
    if (failed) snprintf(err, err_len, "%s: %s", folder, strerror(-failed));
    return failed;
}

static int pinned(const char *folder, const char *device, unsigned side)
{
    char path[PATH_MAX];
    pin_of(folder, device, side, path);
    return bpf_obj_get(path);
}

static bool is_on(int link, unsigned ifindex)
{
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    return !bpf_obj_get_info_by_fd(link, &info, &len) && info.type == BPF_LINK_TYPE_XDP && info.xdp.ifindex == ifindex;
}

/* The links that a start before has left there get other programs, so not one packet goes by unjudged. */
static bool take_over(const char *folder, const struct hooks_where *w, const struct hooks *h, struct hooked *to)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, on);
    to->arrives = pinned(folder, w->device, 0);
    to->leaves = pinned(folder, w->device, 1);
    to->pinned = to->arrives >= 0 && to->leaves >= 0 && is_on(to->arrives, w->ifindex) &&
                 !bpf_link_update(to->arrives, h->arrives, NULL) && !bpf_link_update(to->leaves, h->leaves, NULL) &&
                 !pin_maps(folder, h);
    if (!to->pinned) hooks_leave(to);
    if (to->pinned && !bpf_xdp_query((int)w->ifindex, 0, &on)) to->generic = on.skb_prog_id != 0;
    return to->pinned;
}

static void unhook_both(const char *folder, const char *device, int *failed)
{
    char path[PATH_MAX];
    for (unsigned side = 0; side < 2; side++) {
        pin_of(folder, device, side, path);
        const int left = unhook(path);
        if (left) *failed = left;
    }
}

int hooks_set(struct state *s, const struct hooks_where *w, const struct hooks *h, bool replace, struct hooked *to,
              char *err, size_t err_len)
{
    char folder[PATH_MAX];
    *to = (struct hooked){.arrives = -1, .leaves = -1};
    int failed = folder_of(w->name, folder);
    if (!failed) failed = state_note(s, CHANGE_HOOKS, w->device, "-", folder);
    if (!failed && hooks_last() && take_over(folder, w, h, to)) return 0;
    if (!failed && hooks_last()) unhook_both(folder, w->device, &failed);
    if (failed) snprintf(err, err_len, "%s: %s", folder, strerror(-failed));
    if (failed) return failed;
    failed = set_all(folder, w, h, replace, to, err, err_len);
    if (!failed) return 0;
    hooks_leave(to);
    hooks_undo(w->device, "-", folder);
    return failed;
}

void hooks_leave(struct hooked *h)
{
    if (h->arrives >= 0) close(h->arrives);
    if (h->leaves >= 0) close(h->leaves);
    *h = (struct hooked){.arrives = -1, .leaves = -1};
}

/* ---- undone ---- */

/* The maps, once no interface has the programs any more. */
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
    for (unsigned above = 0; above < 2; above++) { /* the namespace's, and all of prey's, if it was the last */
        *strrchr(path, '/') = 0;
        if (rmdir(path)) return;
    }
}

int hooks_undo(const char *what, const char *before, const char *after)
{
    int failed = 0;
    (void)before;
    if (strncmp(after, HOOKS_FILES "/prey/", sizeof HOOKS_FILES "/prey/" - 1) != 0) return 0;
    unhook_both(after, what, &failed);
    drop_folder(after);
    return failed;
}

bool hooks_left(const char *name, const char *device, unsigned program)
{
    char folder[PATH_MAX];
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    if (folder_of(name, folder)) return false;
    const int link = pinned(folder, device, 0);
    const bool left = link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &len) && info.prog_id == program;
    if (link >= 0) close(link);
    return left;
}
