/* See let_in.h. The lists are written as the kernel has them in an extended attribute (linux/posix_acl_xattr.h), in the
 * order of their tags. */
#include "runtime/host/file/let_in.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL_NAME "system.posix_acl_access"
enum { ENTRIES_MOST = 128 };

struct list {
    struct posix_acl_xattr_header head;
    struct posix_acl_xattr_entry all[ENTRIES_MOST];
};

static size_t list_bytes(unsigned count)
{
    return sizeof(struct posix_acl_xattr_header) + count * sizeof(struct posix_acl_xattr_entry);
}

static struct posix_acl_xattr_entry entry(unsigned tag, unsigned perm, uint32_t id)
{
    return (struct posix_acl_xattr_entry){htole16((uint16_t)tag), htole16((uint16_t)perm), htole32(id)};
}

/* Make the list that represents a mode. Return the number of its entries. */
static unsigned list_of_mode(struct list *l, mode_t mode)
{
    l->head.a_version = htole32(POSIX_ACL_XATTR_VERSION);
    l->all[0] = entry(ACL_USER_OBJ, mode >> 6 & 7, (uint32_t)ACL_UNDEFINED_ID);
    l->all[1] = entry(ACL_GROUP_OBJ, mode >> 3 & 7, (uint32_t)ACL_UNDEFINED_ID);
    l->all[2] = entry(ACL_OTHER, mode & 7, (uint32_t)ACL_UNDEFINED_ID);
    return 3;
}

static bool has_tag(const struct list *l, unsigned at, unsigned tag) { return le16toh(l->all[at].e_tag) == tag; }

static void put_at(struct list *l, unsigned *count, unsigned at, struct posix_acl_xattr_entry e)
{
    memmove(&l->all[at + 1], &l->all[at], (*count - at) * sizeof e);
    l->all[at] = e;
    ++*count;
}

/* Return the permissions of the file's own group. */
static unsigned group_perm(const struct list *l, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (has_tag(l, i, ACL_GROUP_OBJ)) return le16toh(l->all[i].e_perm);
    return 0;
}

/* Give the groups these permissions, and let the mask pass them. Return 0 or -ENOSPC. */
static int list_add(struct list *l, unsigned *count, const struct sets_group *groups, unsigned groups_count,
                    unsigned perm)
{
    unsigned at = 0;
    while (at < *count && le16toh(l->all[at].e_tag) < ACL_GROUP) at++;
    for (unsigned g = 0; g < groups_count; g++) {
        unsigned i = at;
        while (i < *count && has_tag(l, i, ACL_GROUP) && le32toh(l->all[i].e_id) != groups[g].gid) i++;
        if (i == *count || !has_tag(l, i, ACL_GROUP)) {
            if (*count + 2 > ENTRIES_MOST) return -ENOSPC;
            put_at(l, count, at, entry(ACL_GROUP, perm, groups[g].gid));
        } else {
            l->all[i].e_perm |= htole16((uint16_t)perm);
        }
    }
    while (at < *count && has_tag(l, at, ACL_GROUP)) at++;
    if (at < *count && has_tag(l, at, ACL_MASK))
        l->all[at].e_perm |= htole16((uint16_t)perm);
    else
        put_at(l, count, at, entry(ACL_MASK, perm | group_perm(l, *count), (uint32_t)ACL_UNDEFINED_ID));
    return 0;
}

int socket_let_in(const char *path, const struct sets_group *groups, unsigned count)
{
    struct list l;
    unsigned entries = list_of_mode(&l, 0600);
    if (!count) return 0;
    const int failed = list_add(&l, &entries, groups, count, ACL_WRITE); /* connect(2) needs only this permission */
    if (failed) return failed;
    return lsetxattr(path, ACL_NAME, &l, list_bytes(entries), 0) ? -errno : 0;
}

static int open_folder_let_in(int fd, const struct sets_group *groups, unsigned count)
{
    struct list l;
    struct stat st;
    unsigned entries;
    if (fstat(fd, &st)) return -errno;
    if ((st.st_mode & 5) == 5) return 0; /* everyone may already */
    const ssize_t had = fgetxattr(fd, ACL_NAME, &l, sizeof l);
    if (had < 0 && errno != ENODATA) return errno == ERANGE ? -ENOSPC : -errno;
    if (had < 0)
        entries = list_of_mode(&l, st.st_mode);
    else
        entries = (unsigned)(((size_t)had - sizeof l.head) / sizeof *l.all);
    const int failed = list_add(&l, &entries, groups, count, ACL_READ | ACL_EXECUTE);
    if (failed) return failed;
    return fsetxattr(fd, ACL_NAME, &l, list_bytes(entries), 0) ? -errno : 0;
}

int folder_let_in(const char *path, const struct sets_group *groups, unsigned count)
{
    if (!count) return 0;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return -errno;
    /* Without a lock, instances that start at the same time would lose each other's groups */
    const int failed = flock(fd, LOCK_EX) ? -errno : open_folder_let_in(fd, groups, count);
    close(fd);
    return failed;
}
