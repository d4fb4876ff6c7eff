/* Fuzzes the control socket with any bytes from a guest, a user whose group may change some live sets, in pieces
 * that the first byte chooses. Only guests' requests reach their handler, each call is marked as a guest's with the
 * sets that it may change, and the owner still gets replies, even with the maximum number of guests. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/ctl/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { NOBODY = 65534, GUESTS_AT_MOST = CTL_GUESTS_OF_USER + 1 };

static struct ctl *server;
static struct sockaddr_un at = {.sun_family = AF_UNIX};
static struct sets_group group = {.sets = "caught,more"};
static uint64_t now_ns;
static unsigned asked_by_owner;

static void answer_all(void *with, struct call *c)
{
    (void)with;
    if (call_is_guest(c)) abort();
    asked_by_owner++;
    call_end(c, 0, "done");
}

static void answer_guest(void *with, struct call *c)
{
    const char *set = call_text_of(c, "set");
    (void)with;
    if (!call_is_guest(c) || !call_may_set(c, "caught") || !call_may_set(c, "more")) abort();
    if (call_may_set(c, "") || call_may_set(c, "caugh") || call_may_set(c, "caught,more") || call_may_set(c, "mor"))
        abort();
    if (!set || !call_may_set(c, set)) {
        call_refuse_guest(c);
        return;
    }
    if (strcmp(set, "caught") != 0 && strcmp(set, "more") != 0) abort();
    const int fd = call_take_fd(c);
    if (fd >= 0) abort(); /* none was sent */
    call_text(c, "%.100s", set);
    call_end(c, 0, "done");
}

/* Run as a user who is neither root nor the owner; if the tests' user isn't root, as that user, who is then no
 * owner. */
static void be(uid_t uid, gid_t gid)
{
    if (getuid()) return;
    if (uid ? setegid(gid) || seteuid(uid) : seteuid(uid) || setegid(gid)) abort();
}

static void begin(void)
{
    struct ctl_cfg cfg = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
                          .owner = getuid() ? getuid() + 1 : 0,
                          .groups = &group,
                          .group_count = 1};
    group.gid = getuid() ? getegid() : NOBODY;
    snprintf(at.sun_path + 1, 40, "prey-fuzz-guest-%d", (int)getpid());
    for (unsigned i = 0; i < QUESTIONS; i++) cfg.answers[i] = answer_all;
    cfg.answers[QUESTION_SETS] = answer_guest;
    cfg.for_guests[QUESTION_SETS] = true;
    if (bind(cfg.fd, (struct sockaddr *)&at, sizeof at) || listen(cfg.fd, 8)) abort();
    server = ctl_new(&cfg);
    if (!server) abort();
    signal(SIGPIPE, SIG_IGN);
}

static int client(bool guest)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (guest) be(NOBODY, NOBODY);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at)) abort();
    if (guest) be(0, 0);
    return fd;
}

static void step(void)
{
    for (unsigned i = 0; i < 3; i++) ctl_step(server, now_ns);
}

/* Send the owner's request, which guests may not send. If the tests' user isn't root, nobody is the owner. */
static void owner_asks(void)
{
    static const char question[] = "{\"ask\":\"seen\"}";
    char bytes[100];
    if (getuid()) return;
    const int fd = client(false);
    const unsigned before = asked_by_owner;
    message_head(bytes, MESSAGE_QUESTION, strlen(question));
    memcpy(bytes + MESSAGE_HEAD, question, strlen(question));
    if (send(fd, bytes, MESSAGE_HEAD + strlen(question), 0) < 0) abort();
    step();
    if (asked_by_owner != before + 1) abort();
    close(fd);
    step();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    int fds[GUESTS_AT_MOST];
    if (!server) begin();
    if (len < 2) return 0;
    const size_t piece = bytes[0] + 1u;
    const unsigned count = 1 + bytes[1] % GUESTS_AT_MOST;
    bytes += 2, len -= 2;
    for (unsigned i = 0; i < count; i++) fds[i] = client(true);
    for (size_t done = 0; done < len && done < 1 << 14; done += piece) {
        const size_t n = len - done < piece ? len - done : piece;
        for (unsigned i = 0; i < count; i++) (void)!send(fds[i], bytes + done, n, MSG_DONTWAIT);
        step();
    }
    owner_asks();
    now_ns += 2 * CTL_PATIENCE_NS;
    step();
    for (unsigned i = 0; i < count; i++) close(fds[i]);
    step();
    return 0;
}
