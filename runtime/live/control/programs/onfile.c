/* The file of rules. It is not mapped, because it may be truncated while it is read. */
#include "runtime/live/control/programs/onfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_then(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* True if the file has not changed since it was read. */
static bool onfile_is_known(const struct onfile *f, const struct stat *st)
{
    return f->known && f->dev == st->st_dev && f->ino == st->st_ino && f->size == st->st_size &&
           is_then(&f->written, &st->st_mtim) && is_then(&f->changed, &st->st_ctim);
}

/* Read the file. If it changes meanwhile, it is read again the next time. */
static void read_it(struct onfile *f, int fd, const struct stat *st)
{
    struct stat now;
    *f = (struct onfile){.dev = st->st_dev,
                         .ino = st->st_ino,
                         .size = st->st_size,
                         .written = st->st_mtim,
                         .changed = st->st_ctim,
                         .known = true};
    program_digest_open(fd, f->digest, f->fault, sizeof f->fault);
    f->known = !fstat(fd, &now) && onfile_is_known(f, &now);
}

void onfile_look(struct control *control)
{
    struct onfile *f = &control->onfile;
    const struct program *p = control->carry->now.program;
    const uint8_t *runs = p->past ? p->past->under->digest : p->digest;
    char err[500];
    struct stat st;
    int fd;
    if (!strcmp(control->o->program, "-")) {
        f->differs = memcmp(runs, control->rules->file_digest, sizeof control->rules->file_digest) != 0;
        return;
    }
    const int failed = ask_RULES(control->tell->channel, &fd, err, sizeof err);
    if (failed) {
        *f = (struct onfile){0};
        snprintf(f->fault, sizeof f->fault, "%s", strerror(-failed));
    } else {
        if (!fstat(fd, &st) && !onfile_is_known(f, &st)) read_it(f, fd, &st);
        close(fd);
    }
    f->differs = *f->fault || memcmp(runs, f->digest, sizeof f->digest) != 0;
}

bool onfile_may_save(const struct control *control, char *err, size_t err_len)
{
    if (strcmp(control->o->program, "-") != 0) return true;
    snprintf(err, err_len, "the program came from standard input, so there is no file to replace");
    return false;
}

int onfile_save(struct control *control, char *err, size_t err_len)
{
    size_t len;
    uint8_t *bytes = program_file_compiled(control->carry->now.program, &len);
    snprintf(err, err_len, "out of memory");
    const int failed = bytes ? ask_SAVE(control->tell->channel, bytes, len, err, err_len) : -ENOMEM;
    free(bytes);
    if (failed) return failed;
    memcpy(control->rules->file_digest, control->carry->now.program->digest, sizeof control->rules->file_digest);
    control->tell->changes++;
    return 0;
}
