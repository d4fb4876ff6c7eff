/* A request is sent and its answer awaited under the channel's lock; descriptors come with the answer */
#include "runtime/parent/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/parent/between/channel.h"

struct question {
    enum request_kind kind;
    const void *body, *all;
    size_t count;
};

static int question_send(const struct channel *c, const struct question *q)
{
    const struct request_row *row = &request_rows[q->kind];
    const struct request_head head = {q->kind, (uint32_t)q->count};
    int failed = channel_send(c->fd, &head, sizeof head, NULL, 0, CHANNEL_ANY);
    if (!failed) failed = channel_send(c->fd, q->body, row->body, NULL, 0, CHANNEL_ANY);
    if (!failed && q->count) failed = channel_send(c->fd, q->all, row->each * q->count, NULL, 0, CHANNEL_ANY);
    return failed;
}

static int exchange(struct channel *c, const struct question *q, struct answer *a, int fds[])
{
    unsigned count = 0;
    memset(a, 0, sizeof *a);
    pthread_mutex_lock(&c->lock);
    int failed = question_send(c, q);
    if (!failed)
        failed = channel_receive(c->fd, a, sizeof *a, fds, request_rows[q->kind].fds_most, &count, CHANNEL_ANY);
    pthread_mutex_unlock(&c->lock);
    a->err[sizeof a->err - 1] = 0;
    a->fd_count = count;
    return failed;
}

/* Send a request and wait for the answer. After an error it has no descriptors. */
static int question_ask(struct channel *c, const struct question *q, struct answer *a, int fds[], char *err,
                        size_t err_len)
{
    const struct request_row *row = &request_rows[q->kind];
    *a = (struct answer){.failed = q->count > row->most ? -EFBIG : 0};
    const int lost = a->failed ? 0 : exchange(c, q, a, fds);
    int failed = lost ? lost : a->failed;
    if (lost)
        snprintf(err, err_len, "the parent process doesn't reply: %s",
                 lost == -ENODATA ? "it is gone" : strerror(-lost));
    else if (failed)
        snprintf(err, err_len, "%s", *a->err ? a->err : strerror(-failed));
    if (!failed && a->fd_count < row->fds_least) {
        snprintf(err, err_len, "internal error: the parent process gave %u of %u descriptors", a->fd_count,
                 row->fds_least);
        failed = -EPROTO;
    }
    while (failed && a->fd_count) close(fds[--a->fd_count]);
    return failed;
}

static int ask_done(struct channel *c, const struct question *q, char *err, size_t err_len)
{
    struct answer a;
    return question_ask(c, q, &a, NULL, err, err_len);
}

static int ask_fds(struct channel *c, const struct question *q, int fds[], char *err, size_t err_len)
{
    struct answer a;
    return question_ask(c, q, &a, fds, err, err_len);
}

static int ask_some(struct channel *c, const struct question *q, int fds[], char *err, size_t err_len)
{
    struct answer a;
    const int failed = question_ask(c, q, &a, fds, err, err_len);
    return failed ? failed : (int)a.fd_count;
}

static int ask_value(struct channel *c, const struct question *q, uint64_t *value, char *err, size_t err_len)
{
    struct answer a;
    const int failed = question_ask(c, q, &a, NULL, err, err_len);
    *value = failed ? 0 : a.value;
    return failed;
}

static void ask_nothing(struct channel *c, const struct question *q)
{
    pthread_mutex_lock(&c->lock);
    (void)question_send(c, q);
    pthread_mutex_unlock(&c->lock);
}

bool ask_path_fits(char *to, size_t room, const char *path, const char *of, char *err, size_t err_len)
{
    const bool fits = strlen(path) < room;
    if (fits)
        strcpy(to, path);
    else
        snprintf(err, err_len, "the path of %s is too long", of);
    return fits;
}

/* The functions of the rows */
#define BODY_NO_BODY     (&(const struct request_none){0})
#define BODY_BODY(shape) asked
#define BODY_PATH(of)    (&of_path)
#define FITS_NO_BODY
#define FITS_BODY(shape)
#define FITS_PATH(of)                                                                                                  \
    struct request_path of_path = {0};                                                                                 \
    if (!ask_path_fits(of_path.path, sizeof of_path.path, path, of, err, err_len)) return -ENAMETOOLONG;
#define ALL_ALONE              NULL, 0
#define ALL_LIST(thing, most)  all, count
#define ALL_BYTES(most)        bytes, len
#define BY_DONE                return ask_done
#define BY_FDS(n)              return ask_fds
#define BY_SOME(most)          return ask_some
#define BY_VALUE               return ask_value
#define BY_ANSWER(least, most) return question_ask
#define BY_UNANSWERED          ask_nothing
#define TO_DONE                , err, err_len
#define TO_FDS(n)              , fds, err, err_len
#define TO_SOME(most)          , fds, err, err_len
#define TO_VALUE               , value, err, err_len
#define TO_ANSWER(least, most) , a, fds, err, err_len
#define TO_UNANSWERED
#define REQUEST(ident, asks, behind, gives, doc)                                                                       \
    RETURNS_##gives ask_##ident(struct channel *c TAKES_##asks TAKES_##behind GIVES_##gives)                           \
    {                                                                                                                  \
        FITS_##asks;                                                                                                   \
        const struct question q = {REQUEST_##ident, BODY_##asks, ALL_##behind};                                        \
        BY_##gives(c, &q TO_##gives);                                                                                  \
    }
#include "runtime/parent/request.def"

int ask_port(struct channel *c, const struct io_ask *how, struct io_made *made, char *err, size_t err_len)
{
    struct answer a;
    const int failed = ask_PORT(c, &(struct request_port){*how}, &a, made->fds, err, err_len);
    made->handed = (struct io_handed){0};
    made->group = a.group;
    made->slots = a.slots;
    made->ring = a.ring;
    made->fd_count = a.fd_count;
    made->filter = a.filter;
    made->deal = a.deal;
    return failed;
}

int ask_world(struct channel *c, unsigned port, const struct facts *f, uint64_t mac, char *err, size_t err_len)
{
    const struct request_world body = {.mac = mac, .port = port};
    const uint32_t count = f->self4_count + f->self6_count;
    struct own_address *all = calloc(count + 1u, sizeof *all);
    for (uint32_t i = 0; all && i < f->self4_count; i++)
        all[i] = (struct own_address){0, 0xffff00000000u | f->self4[i]};
    for (uint32_t i = 0; all && i < f->self6_count; i++)
        all[f->self4_count + i] = (struct own_address){f->self6[i].lo_hi, f->self6[i].lo_lo};
    const int failed = all ? ask_WORLD(c, &body, all, count, err, err_len) : -ENOMEM;
    if (!all) snprintf(err, err_len, "%s", strerror(ENOMEM));
    free(all);
    return failed;
}

int ask_kernel(struct channel *c, const struct program *p, const struct kernel_sizes *sizes, struct kernel **k,
               char *err, size_t err_len)
{
    struct answer a;
    int fds[IO_FDS_MOST];
    *k = NULL;
    const int failed = ask_KERNEL(c, &a, fds, err, err_len);
    if (failed) return failed;
    *k = kernel_adopt(p, sizes, (unsigned)a.value, fds, a.fd_count);
    if (!*k) snprintf(err, err_len, "the kernel's maps can't be mapped into memory: %s", strerror(errno));
    return *k ? 0 : -EIO;
}

int ask_prepare(struct channel *c, const struct kernel *k, const struct program *p, struct judge **j,
                struct proof *proof, char *err, size_t err_len)
{
    const struct request_program body = {p->flows, p->half_open};
    struct answer a = {0};
    int fds[IO_FDS_MOST];
    size_t len;
    uint8_t *bytes = program_file(p, &len);
    *j = NULL;
    snprintf(err, err_len, "out of memory");
    if (!bytes) return -ENOMEM;
    const int failed = ask_JUDGE(c, &body, bytes, len, &a, fds, err, err_len);
    free(bytes);
    *proof = a.proof;
    if (failed) return failed;
    *j = judge_adopt(k, p, fds, a.fd_count);
    if (!*j) snprintf(err, err_len, "out of memory");
    return *j ? 0 : -ENOMEM;
}
