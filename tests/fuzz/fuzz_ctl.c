/* Fuzzes the control socket with any bytes from a client, in pieces that the first bytes choose. Each request in
 * them gets one reply, the client gets an error or is disconnected, and another client still gets its replies. With
 * the same bytes as a reply, preyctl's reader takes messages within bounds, or none. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/ctl/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct ctl *server;
static struct sockaddr_un at = {.sun_family = AF_UNIX};
static uint64_t now_ns;
static unsigned asked;

static void answer(void *with, struct call *c)
{
    uint64_t n;
    (void)with;
    asked++;
    if (!call_text_of(c, "ask")) abort();
    if (call_number_of(c, "n", 1000, &n) && n > 1000) abort();
    call_text(c, "%.100s", call_text_of(c, "how") ? call_text_of(c, "how") : "");
    call_end(c, 0, "done");
}

static void begin(void)
{
    struct ctl_cfg cfg = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), .owner = getuid()};
    snprintf(at.sun_path + 1, 40, "prey-fuzz-%d", (int)getpid());
    for (unsigned i = 0; i < QUESTIONS; i++) cfg.answers[i] = answer;
    if (bind(cfg.fd, (struct sockaddr *)&at, sizeof at) || listen(cfg.fd, 8)) abort();
    server = ctl_new(&cfg);
    if (!server) abort();
    signal(SIGPIPE, SIG_IGN);
}

static int client(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at)) abort();
    return fd;
}

static void step(void)
{
    for (unsigned i = 0; i < 3; i++) ctl_step(server, now_ns);
}

/* Act as a correct client. */
static void well_behaved(void)
{
    static const char question[] = "{\"ask\":\"seen\"}";
    char bytes[100];
    const int fd = client();
    const unsigned before = asked;
    message_head(bytes, MESSAGE_QUESTION, strlen(question));
    memcpy(bytes + MESSAGE_HEAD, question, strlen(question));
    if (send(fd, bytes, MESSAGE_HEAD + strlen(question), 0) < 0) abort();
    step();
    if (asked != before + 1 || recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) != 2 * MESSAGE_HEAD + 5) abort();
    close(fd);
    step();
}

static void read_answer(const uint8_t *bytes, size_t len, size_t piece)
{
    struct inbox in = {.most = 1 << 12};
    struct message m;
    int next = 0;
    for (size_t at_byte = 0; at_byte < len && next >= 0; at_byte += piece) {
        size_t room, n = len - at_byte < piece ? len - at_byte : piece;
        char *where = inbox_room(&in, &room);
        if (!where || !room) abort();
        if (n > room) n = piece = room;
        memcpy(where, bytes + at_byte, n);
        inbox_filled(&in, n);
        while ((next = inbox_next(&in, "jtbe", &m)) > 0)
            if (m.len > in.most || m.body[m.len] || !strchr("jtbe", m.kind)) abort();
        if (in.room > 4 * (in.most + MESSAGE_HEAD) + (1 << 13)) abort();
    }
    inbox_fini(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!server) begin();
    if (len < 2) return 0;
    const size_t piece = bytes[0] + 1u;
    const bool leaves = bytes[1] & 1;
    bytes += 2, len -= 2;
    read_answer(bytes, len, piece);
    const int fd = client();
    for (size_t done = 0; done < len && done < 1 << 14; done += piece) {
        const size_t n = len - done < piece ? len - done : piece;
        if (send(fd, bytes + done, n, MSG_DONTWAIT) < 0) break;
        step();
    }
    well_behaved();
    if (leaves) close(fd);
    now_ns += 2 * CTL_PATIENCE_NS;
    step();
    if (!leaves) close(fd);
    step();
    return 0;
}
