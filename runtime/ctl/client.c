/* See client_priv.h. Input is untrusted: a client that sends anything but a question within bounds gets an error,
 * and nothing more is read from it. */
#include "runtime/ctl/client_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { READS_MOST = 8 /* most receive calls per client and step */, MORE_MOST = 8, LINE_MOST = 1000 };

struct call *client_new(struct ctl *s, int fd, const struct ucred *who, uint32_t groups)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (struct call){.server = s,
                       .fd = fd,
                       .who = *who,
                       .groups = groups,
                       .passed = -1,
                       .until_ns = s->now_ns + CTL_PATIENCE_NS,
                       .in.most = MESSAGE_QUESTION_MOST};
    return c;
}

static void call_settle(struct call *c)
{
    const struct call_ops *ops = c->follows;
    cJSON_Delete(c->question);
    c->question = NULL;
    if (c->passed >= 0) close(c->passed);
    c->passed = -1;
    c->follows = NULL;
    if (ops && ops->over) ops->over(c->arg);
}

void client_free(struct call *c)
{
    call_settle(c);
    c->server->held -= outbox_waits(&c->out);
    outbox_fini(&c->out);
    inbox_fini(&c->in);
    close(c->fd);
    free(c);
}

/* Queue a message within the bounds of the client and of all clients. An END may exceed both, and always fits. */
static bool call_put(struct call *c, enum message_kind kind, const void *body, size_t len)
{
    struct ctl *s = c->server;
    const size_t before = outbox_waits(&c->out), others = s->held - before;
    size_t most = others < CTL_HELD_MOST ? CTL_HELD_MOST - others : 0;
    const size_t own = call_is_guest(c) ? CTL_GUEST_HELD : MESSAGE_ANSWER_MOST;
    if (most > own) most = own;
    if (kind == MESSAGE_END) most += MESSAGE_HEAD + LINE_MOST;
    if (!outbox_put(&c->out, kind, body, len, most)) return false;
    if (!before) c->until_ns = s->now_ns + CTL_PATIENCE_NS;
    s->held += outbox_waits(&c->out) - before;
    client_watch(c);
    return true;
}

bool call_json(struct call *c, const char *text, size_t len) { return call_put(c, MESSAGE_DOCUMENT, text, len); }

bool call_document(struct call *c, const cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);
    const bool good = text && call_json(c, text, strlen(text));
    free(text);
    return good;
}

bool call_bytes(struct call *c, const void *bytes, size_t len) { return call_put(c, MESSAGE_BYTES, bytes, len); }

size_t call_waits(const struct call *c) { return outbox_waits(&c->out); }

bool call_text(struct call *c, const char *fmt, ...)
{
    char line[LINE_MOST];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return call_put(c, MESSAGE_TEXT, line, strlen(line));
}

static void say_end(struct call *c, int status, const char *words)
{
    char body[LINE_MOST + 1];
    const int len = snprintf(body, sizeof body, "%c%s", (char)('0' + status), words);
    if (!call_put(c, MESSAGE_END, body, (size_t)len < sizeof body ? (size_t)len : sizeof body - 1)) c->leaves = true;
    call_settle(c);
}

void call_end(struct call *c, int status, const char *fmt, ...)
{
    char line[LINE_MOST];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    say_end(c, status, line);
}

/* End with an error; the client is closed once that is sent. */
static void call_refuse(struct call *c, const char *why)
{
    say_end(c, 2, why);
    c->leaves = true;
}

void call_follow(struct call *c, const struct call_ops *ops, void *arg)
{
    c->follows = ops;
    c->arg = arg;
}

uid_t call_uid(const struct call *c) { return c->who.uid; }
pid_t call_pid(const struct call *c) { return c->who.pid; }

const char *call_text_of(const struct call *c, const char *member)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->question, member));
}

bool call_has(const struct call *c, const char *member)
{
    return cJSON_GetObjectItemCaseSensitive(c->question, member);
}

bool call_is_true(const struct call *c, const char *member)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->question, member));
}

bool call_number_of(const struct call *c, const char *member, uint64_t most, uint64_t *n)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(c->question, member);
    const double v = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(v >= 0 && v <= (double)most)) return false;
    *n = (uint64_t)v;
    return (double)*n == v;
}

int call_take_fd(struct call *c)
{
    const int fd = c->passed;
    c->passed = -1;
    return fd;
}

bool call_has_fd(const struct call *c) { return c->passed >= 0; }

static void question_answer(struct call *c)
{
    const char *word = call_text_of(c, "ask");
    const struct ctl_cfg *cfg = &c->server->cfg;
    bool good = !call_is_guest(c);
    for (unsigned q = 0; q < QUESTIONS && word && !good; q++)
        good = cfg->for_guests[q] && !strcmp(word, question_words[q]);
    if (!good) {
        call_refuse_guest(c);
        return;
    }
    for (unsigned q = 0; q < QUESTIONS; q++) {
        if (!word || strcmp(word, question_words[q]) != 0) continue;
        cfg->answers[q](cfg->with, c);
        if (c->question && !c->follows) call_end(c, 2, "no reply to `%s`", word);
        return;
    }
    call_end(c, 2, "this preyrun (%s) doesn't know the question `%.60s`", PREY_VERSION, word ? word : "");
}

/* Answer a request. False if the message is not a JSON object. */
static bool question_ask(struct call *c, const struct message *m)
{
    c->question = cJSON_ParseWithLength(m->body, m->len);
    if (!cJSON_IsObject(c->question)) return false;
    question_answer(c);
    c->until_ns = c->server->now_ns + CTL_PATIENCE_NS;
    return true;
}

/* Answer the next complete question: at most one in a step, and only after the client has read the previous answer. */
static void ask_next(struct call *c)
{
    const char kinds[] = {MESSAGE_QUESTION, 0};
    struct message m;
    if (c->asked || c->question || c->leaves || outbox_waits(&c->out) || guest_waits(c)) return;
    int next = inbox_next(&c->in, kinds, &m);
    c->asked = next > 0;
    if (next > 0 && !question_ask(c, &m)) next = -EBADMSG;
    c->unread = next > 0 && inbox_begun(&c->in);
    if (next == -EMSGSIZE)
        call_refuse(c, "the question is longer than 65,536 bytes: use a shorter filter");
    else if (next < 0)
        call_refuse(c, "not a valid question: use preyctl");
}

/* Return the number of bytes received; 0: the client sends no more; negative: nothing now (-EAGAIN), or an error. */
static ssize_t receive(struct call *c)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec where;
    where.iov_base = inbox_room(&c->in, &where.iov_len);
    if (!where.iov_base) return -ENOMEM;
    struct msghdr m = {
        .msg_iov = &where, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    const ssize_t got = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) return errno == EINTR ? -EAGAIN : -errno;
    /* The control buffer has room for one descriptor only: the kernel closes any others. */
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(sizeof(int))) continue;
        if (c->passed >= 0) close(c->passed);
        memcpy(&c->passed, CMSG_DATA(h), sizeof c->passed);
    }
    inbox_filled(&c->in, (size_t)got);
    return got;
}

static bool receives(const struct call *c)
{
    return !c->question && !c->leaves && !c->unread && !outbox_waits(&c->out) && !guest_waits(c);
}

/* Receive and answer. False: the client is gone, or sends no more while no answer is pending. */
static bool read_some(struct call *c)
{
    for (unsigned i = 0; i < READS_MOST && receives(c); i++) {
        const ssize_t got = receive(c);
        if (got == -EAGAIN) return true;
        if (got <= 0) return false;
        ask_next(c);
    }
    return true;
}

static bool send_some(struct call *c)
{
    const size_t before = outbox_waits(&c->out);
    const int failed = outbox_send(&c->out, c->fd); /* on failure a part may still be sent */
    const size_t after = outbox_waits(&c->out);
    c->server->held -= before - after;
    if (after < before) c->until_ns = c->server->now_ns + CTL_PATIENCE_NS;
    return !failed;
}

/* Produce more of a call's answer, as long as the client reads it at once. */
static bool say_more(struct call *c)
{
    for (unsigned i = 0; i < MORE_MOST && c->follows && c->follows->more && !outbox_waits(&c->out) && !guest_waits(c);
         i++) {
        c->follows->more(c->arg, c);
        if (!send_some(c)) return false;
    }
    return true;
}

/* Read, answer and send. False if the client must be closed. */
static bool client_go_on(struct call *c, bool readable)
{
    c->asked = false;
    if (readable && !read_some(c)) return false;
    if (!send_some(c) || !say_more(c)) return false;
    ask_next(c);
    return true;
}

bool client_step(struct call *c, bool readable)
{
    const uint64_t began_ns = call_is_guest(c) ? clock_ns(CLOCK_MONOTONIC) : 0;
    const bool good = client_go_on(c, readable);
    if (call_is_guest(c)) guests_pay(c->server, clock_ns(CLOCK_MONOTONIC) - began_ns);
    if (!good) return false;
    client_watch(c);
    return outbox_waits(&c->out) || c->question || !c->leaves;
}

void client_flush(struct call *c) { (void)send_some(c); }

void client_closes(struct call *c)
{
    if (c->follows && c->follows->closes) c->follows->closes(c->arg);
}

bool client_is_late(struct call *c)
{
    const bool waited_for = outbox_waits(&c->out) || (!c->question && !guest_waits(c));
    if (!waited_for || c->server->now_ns < c->until_ns) return false;
    if (!outbox_waits(&c->out) && inbox_begun(&c->in)) call_refuse(c, "the question was still incomplete after 5 s");
    send_some(c);
    return true;
}

void client_watch(struct call *c)
{
    const bool more = c->unread || (c->follows && c->follows->more);
    const bool goes_on = outbox_waits(&c->out) || (more && !guest_waits(c));
    struct epoll_event e = {.data.ptr = c};
    if (receives(c)) e.events |= EPOLLIN;
    if (goes_on) e.events |= EPOLLOUT;
    if (c->follows && c->follows->closes) e.events |= EPOLLRDHUP;
    if (c->polled == (e.events | EPOLLHUP)) return;
    if (!epoll_ctl(c->server->epoll, c->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e))
        c->polled = e.events | EPOLLHUP;
    else
        c->leaves = true;
}
