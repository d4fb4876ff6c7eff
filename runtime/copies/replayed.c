/* A target's file is named after the last part of its path, or after its kind and name; two targets with one file
 * are rejected */
#include "runtime/copies/replayed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/complain.h"
#include "runtime/base/files.h"
#include "runtime/base/grown.h"
#include "runtime/host/file/folder.h"

/* Write the place of a target's file below DIR; false: its name has no room. */
static bool target_place(const struct replayed *k, enum pbc_mirror_to to, const char *target, char at[PATH_MAX])
{
    static const char *const before[] = {[PBC_MIRROR_DEVICE] = "device-", [PBC_MIRROR_SOCKET] = "socket-"};
    const int len = to == PBC_MIRROR_FILE ? snprintf(at, PATH_MAX, "%s/%s", k->dir, folder_name_in(target))
                                          : snprintf(at, PATH_MAX, "%s/%s%s.pcapng", k->dir, before[to], target);
    return len < PATH_MAX;
}

/* Note the name of a target's file. Return 0 or a negative errno; -EEXIST: two targets would share it. */
static int take_name(struct replayed *k, const char *at)
{
    for (unsigned i = 0; i < k->count; i++)
        if (!strcmp(k->names[i], at)) return -EEXIST;
    if (!grow(&k->names, k->count, &k->room, 16, sizeof *k->names)) return -ENOMEM;
    k->names[k->count] = strdup(at);
    return k->names[k->count] ? (k->count++, 0) : -ENOMEM;
}

static int target_keep(void *arg, enum pbc_mirror_to to, const char *target, bool turn, char *err, size_t err_len)
{
    struct replayed *k = arg;
    char at[PATH_MAX];
    if (!k->dir) return -ENOENT;
    if (!target_place(k, to, target, at)) return open_refused(-ENAMETOOLONG, target, err, err_len);
    const int failed = turn ? 0 : take_name(k, at);
    if (failed == -EEXIST) {
        snprintf(err, err_len, "%.200s: copies for `%.200s` and for another target would share this file", at, target);
        return -EINVAL;
    }
    if (failed) return open_refused(failed, at, err, err_len);
    return open_turned(at, O_RDWR | O_APPEND | O_CREAT | O_TRUNC, turn, err, err_len);
}

int replayed_begin(struct replayed *k, const struct copies_cfg *cfg, const char *dir, char *err, size_t err_len)
{
    struct copies_cfg mine = *cfg;
    *k = (struct replayed){.dir = dir};
    mine.ways = (struct copies_ways){.keep = target_keep, .arg = k};
    if (dir && mkdir(dir, 0700) && errno != EEXIST) return open_refused(-errno, dir, err, err_len);
    k->copies = copies_new(&mine);
    return k->copies ? 0 : open_refused(-ENOMEM, "copies", err, err_len);
}

int replayed_flush(struct replayed *k)
{
    const char *target = "";
    char err[600];
    if (!k->copies) return 0;
    copies_turn(k->copies);
    const int failed = copies_failed(k->copies, &target);
    if (!failed) return 0;
    open_refused(-failed, target, err, sizeof err);
    return complain("--copies: %s", err);
}

void replayed_end(struct replayed *k)
{
    copies_free(k->copies);
    for (unsigned i = 0; i < k->count; i++) free(k->names[i]);
    free(k->names);
    *k = (struct replayed){0};
}
