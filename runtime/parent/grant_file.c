/* Requests about files, the host's own sockets, and the service manager */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/options.h"
#include "runtime/host/device/echo.h"
#include "runtime/host/file/certificates.h"
#include "runtime/host/file/control.h"
#include "runtime/host/file/keypair.h"
#include "runtime/host/file/login.h"
#include "runtime/host/file/recordings.h"
#include "runtime/host/manager.h"
#include "runtime/host/replace.h"
#include "runtime/host/sinks.h"
#include "runtime/host/socket/listen.h"
#include "runtime/host/socket/transparent.h"
#include "runtime/host/watch.h"
#include "runtime/parent/parent_priv.h"

bool grant_RULES(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!strcmp(p->o->program, "-")) {
        snprintf(a->err, sizeof a->err, "the program came from standard input, which cannot be read again");
        a->failed = -ESPIPE;
        return true;
    }
    /* O_NONBLOCK: a FIFO without a writer must not block the open; its reader refuses the FIFO */
    fds[0] = open(p->o->program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    a->failed = fds[0] < 0 ? -errno : 0;
    a->fd_count = fds[0] >= 0;
    if (a->failed) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-a->failed));
    return true;
}

bool grant_WATCH(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    bool linked = false;
    if (!p->o->watch) return false;
    fds[0] = watch_file(p->o->program, &linked);
    a->value = linked;
    if (fds[0] < 0) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-fds[0]));
    return answer_fd(a, fds[0]);
}

bool grant_SAVE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    a->failed = strcmp(p->o->program, "-") ? replace_file(p->o->program, r->elements, r->count) : -ESPIPE;
    if (a->failed) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-a->failed));
    return true;
}

bool grant_ECHO(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    a->failed = echo_open(fds);
    a->fd_count = a->failed ? 0 : 2;
    return true;
}

/* Granted once: the descriptors stay valid as long as this process */
bool grant_ASIDE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (p->furnished) return false;
    if (!p->aside) {
        snprintf(a->err, sizeof a->err, "%s", p->no_aside);
        a->failed = -EPERM;
        return true;
    }
    fds[1] = aside_ear();
    if (fds[1] < 0) return answer_fd(a, fds[1]);
    fds[0] = aside_device(p->aside);
    answer_fd(a, fds[0]);
    if (a->failed) close(fds[1]);
    p->furnished = !a->failed;
    a->fd_count = p->furnished ? 2 : 0;
    return true;
}

bool grant_ASIDE_SOCKET(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_aside *body = r->body;
    const uint32_t type = body->type;
    if (!p->furnished || !is_address(&body->from)) return false;
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_RAW) return false;
    fds[0] = aside_socket(p->aside, &body->from, (int)type);
    return answer_fd(a, fds[0]);
}

/* Granted once, as ASIDE */
bool grant_INSIDE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct inside_ask *body = r->body;
    if (p->made_inside || !body->workers || body->workers > INLINE_WORKERS) return false;
    if (body->mtu < INSIDE_MTU_LEAST || body->mtu > INSIDE_MTU_MOST || body->whole > 1) return false;
    if (!p->inside) snprintf(a->err, sizeof a->err, "%s", p->no_inside);
    const int made = p->inside ? inside_make(p->inside, body, fds, a->err, sizeof a->err) : -EPERM;
    a->failed = made < 0 ? made : 0;
    a->fd_count = made < 0 ? 0 : (uint32_t)made;
    p->made_inside = made > 0;
    return true;
}

bool grant_INSIDE_SOCKETS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_family *body = r->body;
    if (!p->made_inside || (body->family != 4 && body->family != 6)) return false;
    const int made = inside_batch(p->inside, body->family, fds, TRANSPARENT_BATCH);
    a->failed = made < 0 ? made : 0;
    a->fd_count = made < 0 ? 0 : (uint32_t)made;
    return true;
}

bool grant_CERTIFICATES(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    fds[0] = certificates_open(body->path, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

bool grant_ACCESS_LOG(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    fds[0] = access_logs_open(p->access_logs, body->path, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

bool grant_SESSIONS_TURN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    fds[0] = access_logs_turn(p->access_logs, body->path, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

/* Return the directory of a request, without links, which the caller frees; NULL: refused, or (*fine false) none of
 * the service's requests */
static char *stream_folder(struct parent *p, const struct request_stream *body, struct answer *a, bool *fine)
{
    *fine = memchr(body->dir, 0, sizeof body->dir) && memchr(body->name, 0, sizeof body->name) &&
            body->how < STREAM_HOWS && !body->zero;
    char *dir = *fine ? access_logs_folder(p->access_logs, body->dir, a->err, sizeof a->err) : NULL;
    if (*fine && !dir) a->failed = -EACCES;
    return dir;
}

bool grant_STREAM_LOOK(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    bool fine;
    free(stream_folder(p, r->body, a, &fine));
    return fine;
}

bool grant_STREAM_BEGIN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    bool fine;
    const struct request_stream *body = r->body;
    char *dir = stream_folder(p, body, a, &fine);
    if (!dir) return fine;
    a->failed = stream_dir_begin(p->streams, dir, &a->value);
    if (a->failed == -EPERM)
        snprintf(a->err, sizeof a->err, "%.300s: others may write there; this mends it: chmod go-w %.100s", dir, dir);
    free(dir);
    return true;
}

bool grant_STREAM_FILE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    bool fine;
    const struct request_stream *body = r->body;
    char *dir = stream_folder(p, body, a, &fine);
    if (!dir) return fine;
    fds[0] = stream_dir_file(p->streams, dir, body->name, (enum stream_how)body->how);
    free(dir);
    if (body->how != STREAM_REMOVE || fds[0] < 0) return answer_fd(a, fds[0]);
    return true;
}

bool grant_STREAM_TRIM(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    bool fine;
    const struct request_stream *body = r->body;
    char *dir = stream_folder(p, body, a, &fine);
    if (!dir) return fine;
    a->value = stream_dir_trim(p->streams, dir, body->bytes);
    free(dir);
    return true;
}

bool grant_ACCESS_LOOK(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    a->failed = access_logs_look(p->access_logs, body->path, a->err, sizeof a->err);
    return true;
}

bool grant_MIDDLE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    a->failed = middle_sockets_connect(p->middle_sockets, body->path, fds, a->err, sizeof a->err);
    a->fd_count = a->failed ? 0 : 2;
    return true;
}

bool grant_MIDDLE_LOOK(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_path *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path)) return false;
    a->failed = middle_sockets_look(p->middle_sockets, body->path, a->err, sizeof a->err);
    return true;
}

/* Open a key only with its certificate: a hijacked service gets no other key of the host */
bool grant_KEYPAIR(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_keypair *body = r->body;
    if (!memchr(body->cert, 0, sizeof body->cert) || !memchr(body->key, 0, sizeof body->key)) return false;
    keypair_init();
    a->failed = keypair_open(body->cert, body->key, fds, a->err, sizeof a->err);
    a->fd_count = a->failed ? 0 : 2;
    return true;
}

bool grant_LOG(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (sink_kind(p->o->log_to) == SINK_STDERR) return false;
    fds[0] = sink_descriptor(p->o->log_to);
    if (fds[0] == STDERR_FILENO) fds[0] = -ENOENT;
    return answer_fd(a, fds[0]);
}

/* A hijacked service has packet sockets in any case: those of its ports. A burst of copies waits for the devices, as
 * frames do that a port sends: by the kernel's default some sixty would find no room. */
bool grant_COPY_DEVICE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const int waits = 16 << 20;
    fds[0] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int failed = fds[0] < 0 ? -errno : 0;
    if (setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &waits, sizeof waits))
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &waits, sizeof waits);
    return answer_fd(a, fds[0] < 0 ? failed : fds[0]);
}

bool grant_COPY_FILE(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_turn *body = r->body;
    if (!memchr(body->path, 0, sizeof body->path) || body->turn > 1 || body->zero) return false;
    fds[0] = body->turn ? access_logs_turn(p->access_logs, body->path, a->err, sizeof a->err)
                        : access_logs_open(p->access_logs, body->path, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

/* Listen where the command line says, by a name that it says */
bool grant_COPY_SOCKET(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_name *body = r->body;
    if (!memchr(body->name, 0, sizeof body->name)) return false;
    const char *path = options_tap(p->o, body->name);
    fds[0] = path ? tap_listen(p->state, path, a->err, sizeof a->err) : -ENOENT;
    return answer_fd(a, fds[0]);
}

bool grant_CONTROL(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    fds[0] = control_listen(p->state, p->o->control, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

/* Listen at any address and port. To allow only the program's endpoints, the parent would have to read programs; the
 * same goes for announcements. */
bool grant_LISTEN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_address *body = r->body;
    if (!body->port || body->port > UINT16_MAX || (body->addr.family != 4 && body->addr.family != 6)) return false;
    fds[0] = listen_proxy(&body->addr, (uint16_t)body->port, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

bool grant_TRANSPARENT(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_family *body = r->body;
    if (body->family != 4 && body->family != 6) return false;
    const int made = transparent_sockets(body->family, fds, TRANSPARENT_BATCH);
    a->failed = made < 0 ? made : 0;
    a->fd_count = made < 0 ? 0 : (uint32_t)made;
    return true;
}

bool grant_STATS(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    if (!p->o->stats) return false;
    fds[0] = listen_tcp(&p->o->stats_at.any, p->o->stats, a->err, sizeof a->err);
    return answer_fd(a, fds[0]);
}

bool grant_HISTORY_KEEP(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_file *body = r->body;
    if (body->file >= HISTORY_FILES || (body->file == HISTORY_LIST && r->count > HISTORY_LIST_MOST)) return false;
    a->failed = past_files_keep(p->past_files, body->file, r->elements, r->count);
    return true;
}

bool grant_HISTORY_OPEN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_file *body = r->body;
    if (body->file >= HISTORY_FILES) return false;
    fds[0] = past_files_open(p->past_files, body->file);
    return answer_fd(a, fds[0]);
}

/* Tell a user's number, and whose process it is, of any process: a hijacked service learns that and nothing else */
bool grant_LOGIN(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_process *body = r->body;
    a->value = login_of(body->pid);
    return true;
}

/* Tell the service manager a word from a short list; the manager expects it from this process */
bool grant_NOTIFY(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_notify *body = r->body;
    if (body->word >= MANAGER_WORDS) return false;
    manager_tell(body->word);
    return true;
}

/* Handle a file of the recording by number, in the command line's directory alone */
bool grant_RECORDING(struct parent *p, const struct request *r, struct answer *a, int fds[])
{
    const struct request_recording *ask = r->body;
    if (!p->o->record || !ask->number || ask->what > RECORDING_SHORTEN || ask->zero) return false;
    if (p->recordings < 0) p->recordings = recordings_open(p->o->record, true, a->err, sizeof a->err);
    a->failed = p->recordings < 0 ? p->recordings : 0;
    if (!a->failed && ask->what == RECORDING_REMOVE) a->failed = record_remove_spare(p->recordings, ask->number);
    if (!a->failed && ask->what == RECORDING_SHORTEN)
        a->failed = record_shorten_file(p->recordings, ask->number, ask->bytes);
    if (a->failed || ask->what != RECORDING_MAKE) return true;
    fds[0] = record_open_file(p->recordings, ask->number, true);
    return answer_fd(a, fds[0]);
}
