/* gaps ADDRESS PORT SECONDS: sends a datagram every 100 us from one socket to an echo server, for that time. Prints
 * how many came back, how many did not, and the longest time between two that came, in microseconds. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EACH_NS = 100000, LAST_NS = 1000000000 /* how long to wait for the last ones */ };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char *argv[])
{
    if (argc != 4) return 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to)) return 1;
    const uint64_t begun = now_ns(), end = begun + (uint64_t)(atof(argv[3]) * 1e9);
    uint64_t next = begun, last = 0, longest = 0, sent = 0, came = 0, now;
    while ((now = now_ns()) < end + LAST_NS && (now < end || came < sent)) {
        char text[64];
        for (; next <= now && next < end; next += EACH_NS) sent += send(fd, "0123456789abcdef", 16, 0) == 16;
        while (recv(fd, text, sizeof text, 0) > 0) {
            const uint64_t at = now_ns();
            if (last && at - last > longest) longest = at - last;
            last = at;
            came++;
        }
        const struct timespec rest = {.tv_nsec = 20000};
        nanosleep(&rest, NULL);
    }
    printf("%llu came, %llu lost, longest gap %llu us\n", (unsigned long long)came, (unsigned long long)(sent - came),
           (unsigned long long)(longest / 1000));
    return 0;
}
