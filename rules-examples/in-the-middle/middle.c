/* A program in the middle of connections (`-> program "/run/prey/middle.sock"`): it prints the side that sends, and
 * turns the client's lower-case letters into upper case. Each direction of a connection is a stream of its own, with
 * one process.
 *
 *     cc -O2 -o middle middle.c && ./middle /run/prey/middle.sock */
#include <ctype.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FROM_CLIENT = 1, TLV_WAY = 0xe0, TLV_VLANS = 0xe4, HEAD = 16, IP4 = 12, IP6 = 36 };

static int all(int fd, uint8_t *to, size_t n)
{
    for (ssize_t got; n; n -= (size_t)got, to += got)
        if ((got = read(fd, to, n)) <= 0) return 0;
    return 1;
}

/* Read the PROXY header. Return the direction; 0: there is none. */
static int begin(int fd)
{
    uint8_t head[HEAD], rest[65536];
    if (!all(fd, head, HEAD)) return 0;
    const unsigned len = (unsigned)head[14] << 8 | head[15];
    int way = 0;
    if (!all(fd, rest, len)) return 0;
    for (unsigned at = head[13] >> 4 == 1 ? IP4 : IP6; at + 3 <= len;) {
        const unsigned size = (unsigned)rest[at + 1] << 8 | rest[at + 2];
        if (rest[at] == TLV_WAY) way = rest[at + 3];
        if (rest[at] == TLV_VLANS) printf("VLAN %u ", (unsigned)rest[at + 3] << 8 | rest[at + 4]);
        at += 3 + size;
    }
    printf("%s\n", way == FROM_CLIENT ? "from a client" : "from a server");
    fflush(stdout);
    return way;
}

static void filter(int fd)
{
    char bytes[65536];
    const int way = begin(fd);
    for (ssize_t n; way && (n = read(fd, bytes, sizeof bytes)) > 0;) {
        for (ssize_t i = 0; way == FROM_CLIENT && i < n; i++) bytes[i] = (char)toupper((unsigned char)bytes[i]);
        for (ssize_t put, at = 0; at < n; at += put)
            if ((put = write(fd, bytes + at, (size_t)(n - at))) < 0) return;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    signal(SIGCHLD, SIG_IGN);
    if (argc != 2 || strlen(argv[1]) >= sizeof at.sun_path) return fputs("usage: middle SOCKET\n", stderr), 2;
    strcpy(at.sun_path, argv[1]);
    unlink(argv[1]);
    umask(0117);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) return perror(argv[1]), 1;
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        if (fork() == 0) return filter(fd), 0;
        close(fd);
    }
}
