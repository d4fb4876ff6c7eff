/* Requests of the service to its parent, a function for each row of request.def, which describes each: ask_PORT for
 * the row PORT, which grant_PORT does. Any thread may call; requests are served in turn.
 *
 * `asked` is declared in request.h. Each returns 0, or a negative errno with one line in err, which may be NULL with
 * err_len 0; -EFBIG: more elements than the row allows. The caller closes descriptors. By what the row gives:
 *
 * DONE       nothing else
 * FDS(n)     fds: n descriptors
 * SOME(most) fds: up to `most` descriptors; returns their number
 * VALUE      *value: 0 after an error
 * ANSWER     *a, with descriptors in fds; after an error without any
 * UNANSWERED returns nothing: a lost parent is noticed by the next request that waits for an answer */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "runtime/host/file/login.h"
#include "runtime/host/guard/program/guarded.h"
#include "runtime/host/socket/transparent.h"
#include "runtime/io/io.h"
#include "runtime/io/steer/steer.h"
#include "runtime/kernel/adopt.h"
#include "runtime/kernel/prove.h"
#include "runtime/parent/request.h"
#include "vm/kernel/gate.h"
#include "vm/packet/facts.h"

/* The service's end of the socket pair */
struct channel {
    int fd;
    pid_t parent;
    uid_t user; /* id of the user that started preyrun */
    pthread_mutex_t lock;
};

#define RETURNS_DONE                int
#define RETURNS_FDS(n)              int
#define RETURNS_SOME(most)          int
#define RETURNS_VALUE               int
#define RETURNS_ANSWER(least, most) int
#define RETURNS_UNANSWERED          void
#define GIVES_DONE                  , char *err, size_t err_len
#define GIVES_FDS(n)                , int fds[], char *err, size_t err_len
#define GIVES_SOME(most)            , int fds[], char *err, size_t err_len
#define GIVES_VALUE                 , uint64_t *value, char *err, size_t err_len
#define GIVES_ANSWER(least, most)   , struct answer *a, int fds[], char *err, size_t err_len
#define GIVES_UNANSWERED
#define REQUEST(ident, asks, behind, gives, doc)                                                                       \
    RETURNS_##gives ask_##ident(struct channel *c TAKES_##asks TAKES_##behind GIVES_##gives);
#include "runtime/parent/request.def"

/* Request PORT, for sockets that io_ops can open. *made is set, whose descriptors the caller closes; there are none
 * after an error */
int ask_port(struct channel *c, const struct io_ask *ask, struct io_made *made, char *err, size_t err_len);
/* Request WORLD, from facts */
int ask_world(struct channel *c, unsigned port, const struct facts *f, uint64_t mac, char *err, size_t err_len);
/* Request KERNEL, once. *k becomes a kernel executor of the program's file only (runtime/kernel/adopt.h), which the
 * caller frees. */
int ask_kernel(struct channel *c, const struct program *p, const struct kernel_sizes *sizes, struct kernel **k,
               char *err, size_t err_len);
/* Request JUDGE. *j becomes a judge of that kernel executor, which the caller owns. SWAP puts the judge in force;
 * call kernel_took then. */
int ask_prepare(struct channel *c, const struct kernel *k, const struct program *p, struct judge **j,
                struct proof *proof, char *err, size_t err_len);

/* Copy the path of a request, or another text. False: no room, and err names its subject: "an access log". */
bool ask_path_fits(char *to, size_t room, const char *path, const char *of, char *err, size_t err_len);
