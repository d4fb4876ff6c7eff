/* The lower bound of bench-live: a forwarder over AF_PACKET that only carries frames. The kernel fills a ring, from
 * which sendmmsg sends the frames with another MAC.
 *
 *     bare IN [OUT]     without OUT frames are only received */
#include <endian.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { SLOT = 2048, SLOTS = 8192, BLOCK = 1 << 18, BATCH = 64 };

static int port(const char *name, int protocol)
{
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), one = 1, version = TPACKET_V2;
    const struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htobe16((uint16_t)protocol), .sll_ifindex = (int)if_nametoindex(name)};
    const struct tpacket_req req = {BLOCK, SLOTS / (BLOCK / SLOT), SLOT, SLOTS};
    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one)) exit(2);
    if (protocol && (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
                     setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req)))
        exit(2);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at)) exit(2);
    return fd;
}

int main(int argc, char *argv[])
{
    if (argc < 2) return 2;
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    static struct tpacket2_hdr *taken[BATCH];
    const int in = port(argv[1], ETH_P_ALL), out = argc > 2 ? port(argv[2], 0) : -1;
    uint8_t *ring = mmap(NULL, (size_t)SLOT * SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, in, 0);
    if (ring == MAP_FAILED) return 2;
    fprintf(stderr, "ready\n");
    for (unsigned at = 0;;) {
        unsigned n = 0;
        for (; n < BATCH; n++, at = (at + 1) % SLOTS) {
            struct tpacket2_hdr *h = (void *)(ring + (size_t)at * SLOT);
            if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
            uint8_t *frame = (uint8_t *)h + h->tp_mac;
            memcpy(frame, "\2\0\0\0\0\4\2\0\0\0\0\3", 12);
            taken[n] = h;
            parts[n] = (struct iovec){frame, h->tp_snaplen};
            messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
        }
        for (unsigned i = 0; i < n && out >= 0;) {
            const int sent = sendmmsg(out, messages + i, n - i, MSG_DONTWAIT);
            i += sent > 0 ? (unsigned)sent : 1;
        }
        for (unsigned i = 0; i < n; i++) __atomic_store_n(&taken[i]->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        struct pollfd p = {.fd = in, .events = POLLIN};
        if (!n) poll(&p, 1, -1);
    }
}
