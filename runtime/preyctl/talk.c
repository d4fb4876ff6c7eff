/* The control socket from the client's side: one question, the parts of its answer, and timeouts (talk.h) */
#include "runtime/preyctl/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lang/utf8.h"
#include "runtime/base/stop.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/preyctl/reach.h"

/* Print a text with `?` for characters that a terminal would obey or not show: words of the command line may be
 * copied from a log, with strangers' text. */
static void put_visible(const char *text, FILE *out)
{
    while (*text) {
        const size_t n = utf8_next(text, strnlen(text, 4));
        const bool control = (unsigned char)*text < 0x20 ? *text != '\n' : *text == 0x7f;
        if (!n || control || utf8_invisible(text, n))
            fputc('?', out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
}

int talk_complain(const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    fputs("preyctl: ", stderr);
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) text = NULL;
    va_end(ap);
    put_visible(text ? text : "out of memory", stderr);
    free(text);
    fputc('\n', stderr);
    return 2;
}

int talk_begin(struct talk *t)
{
    char err[500];
    if (t->fd >= 0) return 0;
    t->in.most = MESSAGE_ANSWER_MOST;
    t->fd = reach(t->line, err, sizeof err);
    t->lost = t->fd < 0;
    if (t->lost && t->again) return 2;
    return t->lost ? talk_complain("%s", err) : 0;
}

void talk_end(struct talk *t)
{
    if (t->fd >= 0) close(t->fd);
    t->fd = -1;
    inbox_fini(&t->in);
}

cJSON *talk_question(enum question q)
{
    cJSON *question = cJSON_CreateObject();
    cJSON_AddStringToObject(question, "ask", question_words[q]);
    return question;
}

/* Send all bytes, and the descriptor with the first. A preyrun that refuses may have closed: its answer is still
 * read. */
static int send_all(int socket, const char *bytes, size_t len, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    if (fd >= 0) memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    while (len) {
        struct iovec what = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
        struct msghdr m = {.msg_iov = &what, .msg_iovlen = 1};
        if (fd >= 0) m.msg_control = &control, m.msg_controllen = sizeof control;
        const ssize_t sent = sendmsg(socket, &m, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
        bytes += sent;
        len -= (size_t)sent;
        fd = -1;
    }
    return 0;
}

int talk_ask(struct talk *t, cJSON *question, int fd)
{
    char *text = cJSON_PrintUnformatted(question);
    cJSON_Delete(question);
    const size_t len = text ? strlen(text) : 0;
    char *whole = text ? malloc(MESSAGE_HEAD + len) : NULL;
    int failed = whole ? talk_begin(t) : talk_complain("out of memory");
    if (!failed) {
        message_head(whole, MESSAGE_QUESTION, len);
        memcpy(whole + MESSAGE_HEAD, text, len);
        const int sent = send_all(t->fd, whole, MESSAGE_HEAD + len, fd);
        if (sent) failed = talk_complain("preyrun rejects the request: %s", strerror(-sent));
    }
    free(whole);
    free(text);
    return failed;
}

/* Wait for bytes; on a signal shut this side down, which asks the service to end the answer. Return a positive number
 * when there are some, 0 after `patience_ms`, or -1 with errno, EINTR after a signal. */
static int bytes_await(struct talk *t, int patience_ms)
{
    struct pollfd p[] = {{.fd = t->fd, .events = POLLIN}, {.fd = t->stops ? -1 : stop_fd(), .events = POLLIN}};
    const int ready = poll(p, 2, t->stops ? PATIENCE_MS : patience_ms);
    if (ready <= 0 || !p[1].revents) return ready;
    t->stops = true;
    shutdown(t->fd, SHUT_WR);
    errno = EINTR;
    return -1;
}

/* Receive some more bytes. False after a line with the reason. */
static bool receive(struct talk *t, int patience_ms)
{
    size_t room;
    char *where = inbox_room(&t->in, &room);
    if (!where) return !talk_complain("out of memory");
    const int ready = bytes_await(t, patience_ms);
    if (ready < 0 && errno == EINTR) return true;
    if (!ready) return !talk_complain("preyrun doesn't reply");
    const ssize_t got = recv(t->fd, where, room, 0);
    if (got < 0 && errno == EINTR) return true;
    t->lost = got <= 0;
    if (t->lost && t->again) return false;
    if (got < 0)
        return !talk_complain(
            "preyrun hung up: %s; another process may have taken over (see preyctl status): run the command again",
            strerror(errno));
    if (!got)
        return !talk_complain(
            "preyrun ended, or hung up, before it replied; if another process has taken over, run the command again");
    inbox_filled(&t->in, (size_t)got);
    return true;
}

int talk_next(struct talk *t, struct message *m, int patience_ms)
{
    const char kinds[] = {MESSAGE_DOCUMENT, MESSAGE_TEXT, MESSAGE_BYTES, MESSAGE_END, 0};
    int next;
    while (!(next = inbox_next(&t->in, kinds, m)))
        if (!receive(t, patience_ms)) return -1;
    if (next < 0) {
        talk_complain("the process that replied isn't a preyrun of this version");
        return -1;
    }
    if (m->kind != MESSAGE_END) return 1;
    t->status = m->len ? m->body[0] - '0' : 2;
    snprintf(t->words, sizeof t->words, "%s", m->len ? m->body + 1 : "");
    return 0;
}

int talk_over(const struct talk *t, int next)
{
    if (next) return next < 0 ? 2 : 0;
    return t->status && talk_complain("%s", t->words) ? t->status : 0;
}

/* Read the whole answer. Its last document goes to *document, freed by the caller. Return a status. */
static int answer_hear(struct talk *t, cJSON *question, int fd, cJSON **document)
{
    struct message m;
    int next = talk_ask(t, question, fd) ? -1 : 1;
    while (next > 0 && (next = talk_next(t, &m, t->waits ? -1 : PATIENCE_MS)) > 0) {
        if (m.kind != MESSAGE_DOCUMENT) continue;
        cJSON_Delete(*document);
        *document = document_parse(m.body, m.len);
    }
    return talk_over(t, next);
}

int talk_done(struct talk *t, cJSON *question)
{
    cJSON *none = NULL;
    const int status = answer_hear(t, question, -1, &none);
    cJSON_Delete(none);
    return status;
}

static int one_document(struct talk *t, cJSON *question, int fd, cJSON **document)
{
    *document = NULL;
    const int status = answer_hear(t, question, fd, document);
    if (!status && *document) return 0;
    cJSON_Delete(*document);
    *document = NULL;
    return status ? status : talk_complain("preyrun's reply is empty");
}

int talk_document(struct talk *t, cJSON *question, cJSON **document) { return one_document(t, question, -1, document); }

void talk_tell(const struct talk *t, const cJSON *document)
{
    if (t->line->json)
        print_json(document);
    else
        puts(t->words);
}

int talk_hand(struct talk *t, cJSON *question, int fd, cJSON **document)
{
    *document = NULL;
    if (fd < 0) {
        cJSON_Delete(question);
        return 2;
    }
    const int status = one_document(t, question, fd, document);
    close(fd);
    return status;
}
