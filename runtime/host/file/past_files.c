/* A new file is written beside the old one and renamed; without a folder it is a memfd */
#include "runtime/host/file/past_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/files.h"

struct past_files {
    char *folder;              /* NULL: in memory */
    int memory[HISTORY_FILES]; /* sealed files in memory; -1: none */
    uint64_t bytes[HISTORY_FILES];
};

typedef char file_name[16];

static const char *past_file_name(unsigned file, file_name name)
{
    if (file == HISTORY_LIST)
        strcpy(name, "list");
    else if (file == HISTORY_SETS)
        strcpy(name, "sets");
    else
        snprintf(name, sizeof(file_name), "%u.%s", file % HISTORY_PLACES, file < HISTORY_TEXT ? "pbc" : "prey");
    return name;
}

static int folder_open_at(const char *folder) { return open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

/* Count what an earlier process has left in the folder. */
static void count_folder(struct past_files *h)
{
    file_name name;
    struct stat st;
    const int dir = folder_open_at(h->folder);
    for (unsigned i = 0; dir >= 0 && i < HISTORY_FILES; i++)
        if (!fstatat(dir, past_file_name(i, name), &st, AT_SYMLINK_NOFOLLOW)) h->bytes[i] = (uint64_t)st.st_size;
    if (dir >= 0) close(dir);
}

struct past_files *past_files_new(const char *folder)
{
    struct past_files *h = calloc(1, sizeof *h);
    if (!h || (folder && !(h->folder = strdup(folder)))) {
        free(h);
        return NULL;
    }
    for (unsigned i = 0; i < HISTORY_FILES; i++) h->memory[i] = -1;
    if (folder) count_folder(h);
    return h;
}

void past_files_free(struct past_files *h)
{
    for (unsigned i = 0; h && i < HISTORY_FILES; i++)
        if (h->memory[i] >= 0) close(h->memory[i]);
    if (h) free(h->folder);
    free(h);
}

static bool files_fit(const struct past_files *h, unsigned file, size_t len)
{
    uint64_t all = len;
    for (unsigned i = 0; i < HISTORY_FILES; i++) all += i == file ? 0 : h->bytes[i];
    return !len ||
           (len <= HISTORY_FILE_MOST && all <= (uint64_t)(h->folder ? HISTORY_FOLDER_MOST : HISTORY_MEMORY_MOST));
}

static int keep_in_memory(struct past_files *h, unsigned file, const void *bytes, size_t len)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    const int fd = len ? memfd_create("prey history", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    if (len && fd < 0) return -errno;
    int failed = len ? write_whole(fd, bytes, len) : 0;
    if (len && !failed && fcntl(fd, F_ADD_SEALS, seals)) failed = -errno;
    if (failed) {
        close(fd);
        return failed;
    }
    if (h->memory[file] >= 0) close(h->memory[file]);
    h->memory[file] = fd;
    return 0;
}

/* Write the file beside the old one, then rename it: a reader finds either file complete. */
static int write_beside(int dir, const char *name, const void *bytes, size_t len)
{
    const int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return -errno;
    int failed = write_whole(fd, bytes, len);
    if (!failed && fsync(fd)) failed = -errno;
    if (close(fd) && !failed) failed = -errno;
    if (!failed && renameat(dir, "new", dir, name)) failed = -errno;
    if (failed) unlinkat(dir, "new", 0);
    return failed;
}

/* True if the folder has the file. Checked before a removal, because a read-only file system refuses to remove even
 * a missing file. */
static bool folder_has(int dir, const char *name)
{
    struct stat st;
    return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || errno != ENOENT;
}

static int keep_in_folder(const char *folder, const char *name, const void *bytes, size_t len)
{
    if (len && mkdir(folder, 0700) && errno != EEXIST) return -errno;
    const int dir = folder_open_at(folder);
    if (dir < 0) return !len && errno == ENOENT ? 0 : -errno;
    int failed = 0;
    if (len)
        failed = write_beside(dir, name, bytes, len);
    else if (folder_has(dir, name) && unlinkat(dir, name, 0))
        failed = -errno;
    if (!failed) (void)fsync(dir); /* not every file system can sync a folder */
    close(dir);
    return failed;
}

int past_files_keep(struct past_files *h, unsigned file, const void *bytes, size_t len)
{
    file_name name;
    if (!files_fit(h, file, len)) return -EFBIG;
    const int failed = h->folder ? keep_in_folder(h->folder, past_file_name(file, name), bytes, len)
                                 : keep_in_memory(h, file, bytes, len);
    if (!failed) h->bytes[file] = len;
    return failed;
}

/* Return a copy of the descriptor. It shares the file's offset, so that is reset. */
static int open_in_memory(int memory)
{
    if (memory < 0) return -ENOENT;
    const int fd = lseek(memory, 0, SEEK_SET) ? -1 : fcntl(memory, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int open_in_folder(const char *folder, const char *name)
{
    const int dir = folder_open_at(folder);
    if (dir < 0) return -errno;
    const int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const int failed = errno;
    close(dir);
    return fd < 0 ? -failed : fd;
}

int past_files_open(const struct past_files *h, unsigned file)
{
    file_name name;
    return h->folder ? open_in_folder(h->folder, past_file_name(file, name)) : open_in_memory(h->memory[file]);
}
