/* Requests about files, the host's own sockets, and the service manager */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/options/run_options.h"
#include "runtime/host/device/echo.h"
#include "runtime/host/file/address_file.h"
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
#include "runtime/io/steer/deal.h"
#include "runtime/parent/between/starter.h"
#include "runtime/parent/parent_priv.h"
#include "vm/flow/flow.h"

int grant_RULES(struct parent *p, struct answer *a, int fds[])
{
    if (!strcmp(p->o->program, "-")) {
        snprintf(a->err, sizeof a->err, "the program came from standard input, which can't be read again");
        return -ESPIPE;
    }
    /* O_NONBLOCK: a FIFO without a writer must not block the open; its reader refuses the FIFO */
    fds[0] = open(p->o->program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const int failed = fds[0] < 0 ? -errno : 0;
    if (failed) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-failed));
    return failed ? failed : 1;
}

int grant_WATCH(struct parent *p, struct answer *a, int fds[])
{
    bool linked = false;
    if (!p->o->watch) return NEVER;
    fds[0] = watch_file(p->o->program, &linked);
    a->value = linked;
    if (fds[0] < 0) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-fds[0]));
    return given(fds[0]);
}

int grant_SAVE(struct parent *p, const uint8_t *bytes, size_t len, struct answer *a, int fds[])
{
    const int failed = strcmp(p->o->program, "-") ? replace_file(p->o->program, bytes, len) : -ESPIPE;
    if (failed) snprintf(a->err, sizeof a->err, "%.300s: %s", p->o->program, strerror(-failed));
    return failed;
}

int grant_ECHO(struct parent *p, struct answer *a, int fds[]) { return pair_given(echo_open(fds)); }

/* Granted once: the descriptors stay valid as long as this process */
int grant_CHECK_STACK(struct parent *p, struct answer *a, int fds[])
{
    if (p->furnished) return NEVER;
    if (!p->check_stack) {
        snprintf(a->err, sizeof a->err, "%s", p->no_check_stack);
        return -EPERM;
    }
    fds[1] = aside_ear();
    if (fds[1] < 0) return fds[1];
    fds[0] = aside_device(p->check_stack);
    if (fds[0] < 0) close(fds[1]);
    p->furnished = fds[0] >= 0;
    return p->furnished ? 2 : fds[0];
}

int grant_CHECK_SOCKET(struct parent *p, const struct request_check_socket *asked, struct answer *a, int fds[])
{
    if (!p->furnished) return NEVER;
    fds[0] = aside_socket(p->check_stack, &asked->from, (int)asked->type);
    return given(fds[0]);
}

/* Granted once, as CHECK_STACK */
int grant_INLINE_STACK(struct parent *p, const struct request_inline_stack *asked, struct answer *a, int fds[])
{
    if (p->made_inline_stack) return NEVER;
    if (!p->inline_stack) snprintf(a->err, sizeof a->err, "%s", p->no_inline_stack);
    const int made =
        p->inline_stack ? inline_stack_make(p->inline_stack, &asked->ask, fds, a->err, sizeof a->err) : -EPERM;
    p->made_inline_stack = made > 0;
    return made;
}

int grant_INLINE_MEMORY(struct parent *p, struct answer *a, int fds[])
{
    if (!p->made_inline_stack) return NEVER;
    fds[0] = memfd_create("prey carried", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fds[0] < 0) return -errno;
    const bool made = !ftruncate(fds[0], (off_t)(INLINE_NUMBERS * sizeof(struct inline_carried))) &&
                      !fcntl(fds[0], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    const int failed = -errno;
    if (made) return 1;
    close(fds[0]);
    return failed;
}

int grant_INLINE_SOCKETS(struct parent *p, const struct request_family *asked, struct answer *a, int fds[])
{
    if (!p->made_inline_stack) return NEVER;
    return p->inline_stack ? inline_stack_batch(p->inline_stack, asked->family, fds, TRANSPARENT_BATCH) : -EPERM;
}

int grant_CERTIFICATES(struct parent *p, const char *path, struct answer *a, int fds[])
{
    fds[0] = certificates_open(path, a->err, sizeof a->err);
    return given(fds[0]);
}

/* A hijacked service learns addresses in files, and of other files the number of the first line without one, with its
 * text if that looks like an address. */
int grant_ADDRESSES(struct parent *p, const struct request_addresses *asked, struct answer *a, int fds[])
{
    fds[0] = address_file_look(asked->path, &asked->was, asked->most, asked->hurry, a->err, sizeof a->err);
    return fds[0] == ADDRESS_FILE_SAME ? 0 : given(fds[0]);
}

/* A hijacked service may ask for invented names, and so send data to name servers. */
int grant_DNS(struct parent *p, const struct dns_name names[], uint32_t count, struct answer *a, int fds[])
{
    fds[0] = count ? dns_start(names, count, &p->dns) : -EINVAL;
    return given(fds[0]);
}

int grant_DNS_FILES(struct parent *p, struct answer *a, int fds[])
{
    a->value = dns_files();
    return 0;
}

int grant_ACCESS_LOG(struct parent *p, const char *path, struct answer *a, int fds[])
{
    fds[0] = access_logs_open(p->access_logs, path, a->err, sizeof a->err);
    return given(fds[0]);
}

int grant_SESSIONS_TURN(struct parent *p, const char *path, struct answer *a, int fds[])
{
    fds[0] = access_logs_turn(p->access_logs, path, a->err, sizeof a->err);
    return given(fds[0]);
}

/* Return the directory of a request, without links, which the caller frees; NULL: refused (-EACCES) */
static char *stream_folder(struct parent *p, const struct request_stream *asked, struct answer *a)
{
    return access_logs_folder(p->access_logs, asked->dir, a->err, sizeof a->err);
}

int grant_STREAM_LOOK(struct parent *p, const struct request_stream *asked, struct answer *a, int fds[])
{
    char *dir = stream_folder(p, asked, a);
    free(dir);
    return dir ? 0 : -EACCES;
}

int grant_STREAM_BEGIN(struct parent *p, const struct request_stream *asked, struct answer *a, int fds[])
{
    char *dir = stream_folder(p, asked, a);
    if (!dir) return -EACCES;
    const int failed = stream_dir_begin(p->streams, dir, asked->again, &a->value);
    if (failed == -EPERM)
        snprintf(a->err, sizeof a->err,
                 "%.300s: other users may write to this directory; to fix it, run: chmod go-w %.100s", dir, dir);
    free(dir);
    return failed;
}

int grant_STREAM_FILE(struct parent *p, const struct request_stream *asked, struct answer *a, int fds[])
{
    char *dir = stream_folder(p, asked, a);
    if (!dir) return -EACCES;
    fds[0] = stream_dir_file(p->streams, dir, asked->name, (enum stream_how)asked->how);
    free(dir);
    return asked->how == STREAM_REMOVE && fds[0] >= 0 ? 0 : given(fds[0]);
}

int grant_STREAM_TRIM(struct parent *p, const struct request_stream *asked, struct answer *a, int fds[])
{
    char *dir = stream_folder(p, asked, a);
    if (!dir) return -EACCES;
    a->value = stream_dir_trim(p->streams, dir, asked->bytes);
    free(dir);
    return 0;
}

int grant_ACCESS_LOOK(struct parent *p, const char *path, struct answer *a, int fds[])
{
    return access_logs_look(p->access_logs, path, a->err, sizeof a->err);
}

int grant_MIDDLE(struct parent *p, const char *path, struct answer *a, int fds[])
{
    return pair_given(middle_sockets_connect(p->middle_sockets, path, fds, a->err, sizeof a->err));
}

int grant_MIDDLE_LOOK(struct parent *p, const char *path, struct answer *a, int fds[])
{
    return middle_sockets_look(p->middle_sockets, path, a->err, sizeof a->err);
}

/* Open a key only with its certificate: a hijacked service gets no other key of the host */
int grant_KEYPAIR(struct parent *p, const struct request_keypair *asked, struct answer *a, int fds[])
{
    keypair_init();
    return pair_given(keypair_open(asked->cert, asked->key, fds, a->err, sizeof a->err));
}

int grant_LOG(struct parent *p, struct answer *a, int fds[])
{
    if (sink_kind(p->o->log_to) == SINK_STDERR) return NEVER;
    fds[0] = sink_descriptor(p->o->log_to);
    if (fds[0] == STDERR_FILENO) fds[0] = -ENOENT;
    return given(fds[0]);
}

/* This gives a hijacked service nothing new, because it has the packet sockets of its ports. The buffer is large,
 * because a burst of copies waits for the devices, as a port's frames do; the kernel's default has room for some
 * sixty. */
int grant_COPY_DEVICE(struct parent *p, struct answer *a, int fds[])
{
    const int waits = 16 << 20;
    fds[0] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int failed = fds[0] < 0 ? -errno : 0;
    if (setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &waits, sizeof waits))
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &waits, sizeof waits);
    return failed ? failed : 1;
}

int grant_COPY_FILE(struct parent *p, const struct request_turn *asked, struct answer *a, int fds[])
{
    fds[0] = asked->turn ? access_logs_turn(p->access_logs, asked->path, a->err, sizeof a->err)
                         : access_logs_open(p->access_logs, asked->path, a->err, sizeof a->err);
    return given(fds[0]);
}

/* Listen as on the command line, by a name from there */
int grant_COPY_SOCKET(struct parent *p, const struct request_name *asked, struct answer *a, int fds[])
{
    const char *path = options_tap(p->o, asked->name);
    fds[0] = path ? tap_listen(p->state, path, a->err, sizeof a->err) : -ENOENT;
    return given(fds[0]);
}

int grant_CONTROL(struct parent *p, struct answer *a, int fds[])
{
    const struct control_at at = {p->o->control, p->o->sets_groups, p->o->sets_group_count};
    fds[0] = p->borrows ? control_listen_next(p->state, &at, a->err, sizeof a->err)
                        : control_listen(p->state, &at, a->err, sizeof a->err);
    return given(fds[0]);
}

/* Listen at any address and port. To allow only the program's endpoints, the parent would have to read programs; the
 * same goes for announcements. */
int grant_LISTEN(struct parent *p, const struct request_listen *asked, struct answer *a, int fds[])
{
    fds[0] = listen_proxy(&asked->addr, (uint16_t)asked->port, a->err, sizeof a->err);
    return given(fds[0]);
}

int grant_TRANSPARENT(struct parent *p, const struct request_family *asked, struct answer *a, int fds[])
{
    return transparent_sockets(asked->family, fds, TRANSPARENT_BATCH);
}

int grant_STATS(struct parent *p, struct answer *a, int fds[])
{
    if (!p->o->stats) return NEVER;
    fds[0] = listen_tcp(&p->o->stats_at.any, p->o->stats, a->err, sizeof a->err);
    return given(fds[0]);
}

int grant_HISTORY_KEEP(struct parent *p, const struct request_file *asked, const uint8_t *bytes, size_t len,
                       struct answer *a, int fds[])
{
    if (asked->file == HISTORY_LIST && len > HISTORY_LIST_MOST) return NEVER;
    return past_files_keep(p->past_files, asked->file, bytes, len);
}

int grant_HISTORY_OPEN(struct parent *p, const struct request_file *asked, struct answer *a, int fds[])
{
    fds[0] = past_files_open(p->past_files, asked->file);
    return given(fds[0]);
}

/* Report the login user of any process: a hijacked service learns that and nothing else */
int grant_LOGIN(struct parent *p, const struct request_process *asked, struct answer *a, int fds[])
{
    a->value = login_of(asked->pid);
    return 0;
}

/* Lend descriptors of this process's own objects only. Nothing changes until YIELDED. */
int grant_YIELD(struct parent *p, struct answer *a, int fds[])
{
    const struct deal *deal = p->maker.deal;
    unsigned count = 0;
    for (unsigned i = 0; i < p->o->iface_count; i++) {
        if (!p->kernel || p->hooked[i].pinned || p->hooked[i].held[0] <= 0) continue;
        snprintf(a->err, sizeof a->err,
                 "preyrun's eBPF programs end with preyrun, because there is no writable BPF file system to pin the "
                 "programs in");
        return -ENOTSUP;
    }
    fds[count++] = state_lend(p->state);
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) fds[count++] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (deal) fds[count++] = deal_program(deal);
    if (deal) fds[count++] = deal_memory(deal);
    int failed = 0;
    for (unsigned i = 0; i < count; i++)
        if (fds[i] < 0) failed = fds[i] < -1 ? fds[i] : -EMFILE;
    for (unsigned i = 0; failed && i < count; i++)
        if (fds[i] >= 0) close(fds[i]);
    return failed ? failed : (int)count;
}

/* Read a process's control groups. False if the process does not exist, or the text is too long. */
static bool groups_of(long pid, char text[PATH_MAX])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/cgroup", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t len = fd < 0 ? -1 : read(fd, text, PATH_MAX - 1);
    if (fd >= 0) close(fd);
    if (len < 0) return false;
    text[len] = 0;
    return len < PATH_MAX - 1;
}

/* True if a process is a preyrun with this one's user and control groups, and so of its unit. This is checked
 * because the service, which reads strangers' packets, names the process, and the manager would accept any as the
 * unit's main one. */
static bool is_of_unit(long pid)
{
    char path[64], own[PATH_MAX], its[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%ld", pid);
    const bool ours = !stat(path, &st) && st.st_uid == geteuid();
    strcat(path, "/comm");
    FILE *f = ours ? fopen(path, "re") : NULL;
    const bool named = f && fgets(its, sizeof its, f) && !strcmp(its, "preyrun\n");
    if (f) fclose(f);
    return named && groups_of(getpid(), own) && groups_of(pid, its) && !strcmp(own, its);
}

int grant_YIELDED(struct parent *p, const struct request_process *asked, struct answer *a, int fds[])
{
    p->yielded = asked->pid > 0;
    if (!p->yielded || is_of_unit(asked->pid)) manager_main(p->yielded ? asked->pid : getpid());
    return 0;
}

/* The other instance has released its output: this one's output goes there now. */
int grant_TAKEN(struct parent *p, struct answer *a, int fds[])
{
    if (!p->borrows) return NEVER;
    p->borrows = false;
    int failed = state_own_up(p->state, p->child);
    for (int i = 0; i < 2; i++)
        if (dup3(p->streams_taken[i], STDOUT_FILENO + i, 0) < 0 && !failed) failed = -errno;
    const int kept = starter_streams(&p->starter);
    if (!failed) failed = kept;
    const int unnamed = control_replace(p->state, p->o->control);
    return failed ? failed : unnamed;
}

/* Report to the service manager a word from a short list; the manager expects it from this process */
int grant_NOTIFY(struct parent *p, const struct request_notify *asked, struct answer *a, int fds[])
{
    if (asked->word == MANAGER_READY) parent_named(p);
    manager_tell(asked->word);
    return 0;
}

/* Open the command line's directory of recordings, if it isn't open yet. Return 0 or a negative errno. */
static int recordings_ours(struct parent *p, struct answer *a)
{
    if (!p->o->record) return NEVER;
    if (p->recordings < 0) p->recordings = recordings_open(p->o->record, true, a->err, sizeof a->err);
    return p->recordings < 0 ? p->recordings : 0;
}

int grant_RECORDING_THERE(struct parent *p, const struct request_recording *asked, struct answer *a, int fds[])
{
    char name[RECORDING_NAME];
    const int failed = recordings_ours(p, a);
    if (failed) return failed;
    recording_name(asked->number, name);
    return recording_there(p->recordings, name, &a->value) ? 0 : -ENOENT;
}

/* Handle a file of the recording by number, in the command line's directory only */
int grant_RECORDING(struct parent *p, const struct request_recording *asked, struct answer *a, int fds[])
{
    const int failed = recordings_ours(p, a);
    if (failed) return failed;
    if (asked->what == RECORDING_REMOVE) return record_remove_spare(p->recordings, asked->number);
    if (asked->what == RECORDING_SHORTEN) return record_shorten_file(p->recordings, asked->number, asked->bytes);
    fds[0] = record_open_file(p->recordings, asked->number, true);
    return given(fds[0]);
}
