/* Output that appears at once and whole, or not at all (rename(2)); a link stays a link and its target is replaced. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/command/command_priv.h"
#include "compiler/resolve/resolve.h"
#include "compiler/say.h"
#include "lang/heap.h"

static int output_refuse(const char *path, const char *why)
{
    say(stderr, "preyc: can't write `%s`: %s", path, why);
    return -EINVAL;
}

static bool same_file(const struct stat *a, const char *path)
{
    struct stat b;
    return stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

static bool was_read(const struct stat *st, const struct compile *c)
{
    for (uint32_t i = 0; i < c->sources.count; i++)
        if (same_file(st, c->sources.files[i].path)) return true;
    for (uint32_t i = 0; c->symbols && i < c->symbols->file_count; i++)
        if (st->st_dev == c->symbols->files[i].dev && st->st_ino == c->symbols->files[i].ino) return true;
    return false;
}

static bool named_before(const struct symbols *s, uint32_t file)
{
    for (uint32_t i = 0; i < file; i++)
        if (strcmp(s->files[i].path, s->files[file].path) == 0) return true;
    return false;
}

void output_files_read(const struct compile *c, FILE *out)
{
    for (uint32_t i = 0; i < c->sources.count; i++)
        if (i || strcmp(c->sources.files[i].path, "<stdin>") != 0) fprintf(out, "%s\n", c->sources.files[i].path);
    for (uint32_t i = 0; i < c->symbols->file_count; i++)
        if (!named_before(c->symbols, i)) fprintf(out, "%s\n", c->symbols->files[i].path);
}

int output_allowed(const char *path, const char *input, const struct compile *c)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        if (lstat(path, &st) == 0) return output_refuse(path, "the path is a link to a missing file");
        return errno == ENOENT ? 0 : output_refuse(path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return output_refuse(path, S_ISDIR(st.st_mode) ? "the path is a folder" : "the path isn't a regular file");
    if (same_file(&st, input) || (c && was_read(&st, c)))
        return output_refuse(path, "preyc reads the rules from this file");
    return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len) {
        const ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR) return -errno;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Sync the folder, whose entry must survive a power cut; not every file system can sync one. */
static void sync_folder(const char *path)
{
    char *folder = heap_strdup(path), *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    const int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

static mode_t mode_of_umask(void)
{
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static int replace(const char *path, mode_t mode, const uint8_t *bytes, size_t len)
{
    const size_t room = strlen(path) + 16;
    char *temporary = heap_resized(NULL, room, 1);
    snprintf(temporary, room, "%s.XXXXXX", path);
    const int fd = mkostemp(temporary, O_CLOEXEC);
    int rc = fd < 0 ? -errno : write_all(fd, bytes, len);
    if (fd >= 0) {
        if (rc == 0 && fchmod(fd, mode) < 0) rc = -errno;
        if (close(fd) < 0 && rc == 0) rc = -errno;
        if (rc == 0 && rename(temporary, path) < 0) rc = -errno;
        if (rc < 0) unlink(temporary);
    }
    if (rc == 0) sync_folder(path);
    free(temporary);
    return rc;
}

int output_write(const char *path, const uint8_t *bytes, size_t len)
{
    /* A file closed to others stays closed. */
    struct stat st;
    const mode_t mode = stat(path, &st) == 0 ? st.st_mode & 07777 : mode_of_umask();
    char *target = realpath(path, NULL); /* NULL: a new file */
    sigset_t stop, before;
    /* Blocked, because a signal between the temporary file and its rename would leave the file behind. */
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, &before);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit becomes an error of write */
    const int rc = replace(target ? target : path, mode, bytes, len);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(target);
    if (rc < 0) say(stderr, "preyc: can't write `%s`: %s", path, strerror(-rc));
    return rc;
}
