/* AF_XDP on a pair of links: a frame that has left, and whose slot the kernel gave back before the frame was released,
 * frees that slot once. */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "runtime/io/io.h"
#include "runtime/io/steer.h"
#include "tests/unit/runtime/netns.h"

enum { LEN = 64, ROUNDS = 40, TYPE = 0x88b5 /* for experiments (IEEE 802) */ };

static int peer_open(void)
{
    const struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htobe16(TYPE), .sll_ifindex = (int)if_nametoindex("there")};
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void peer_send(int peer, uint8_t number)
{
    uint8_t frame[LEN] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, TYPE >> 8, TYPE & 255};
    memset(frame + ETH_HLEN, number, LEN - ETH_HLEN);
    assert_int_equal(send(peer, frame, LEN, 0), LEN);
}

/* The next frame that arrives there. */
static uint8_t peer_receive(int peer)
{
    uint8_t frame[LEN];
    struct pollfd p = {.fd = peer, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(recv(peer, frame, LEN, 0), LEN);
    return frame[LEN - 1];
}

/* Ours alone, not what the kernel itself says. */
static struct pkt *receive(struct io_port *io, uint8_t *number)
{
    for (int i = 0; i < 100; i++) {
        struct pkt *pkt;
        struct pollfd p = {.fd = io_XDP.fd(io), .events = POLLIN};
        if (!io_XDP.receive(io, &pkt, 1))
            poll(&p, 1, 100);
        else if (pkt->data[12] == TYPE >> 8 && pkt->data[13] == (TYPE & 255)) {
            *number = pkt->data[LEN - 1];
            return pkt;
        }
    }
    fail_msg("no frame within ten seconds");
    return NULL;
}

/* Two frames are held; the first has left, and arrived, before the second leaves. */
static void rounds(struct io_port *io, int peer)
{
    for (uint8_t i = 1; i < ROUNDS; i++) {
        uint8_t a, b;
        peer_send(peer, i);
        peer_send(peer, (uint8_t)(100 + i));
        struct pkt *first = receive(io, &a), *second = receive(io, &b);
        assert_int_equal(a, i);
        assert_int_equal(b, 100 + i);
        assert_ptr_not_equal(first->data, second->data);
        io_XDP.send(io, first);
        io_XDP.flush(io);
        assert_int_equal(peer_receive(peer), i);
        io_XDP.send(io, second);
        io_XDP.flush(io);
        assert_int_equal(peer_receive(peer), 100 + i);
        io_XDP.release(io);
    }
}

static void left_before_release(void **state)
{
    (void)state;
    char err[300];
    bool generic;
    struct guarded none = {0};
    const struct facts facts = {0};
    const struct steer_rules all = {.guarded = &none, .all = true};
    const unsigned most = xdp_frame_most(1500);
    struct io_maker maker = {0};
    struct io_made made;
    struct umem *umem = NULL;
    sh(NETNS_PAIR);
    const unsigned here = if_nametoindex("here");
    struct steer *s = maker.steers[0] = steer_open(most, err, sizeof err);
    if (!s) {
        print_message("%s\n", err);
        skip();
    }
    const struct io_ask ask = {
        .ring_bytes = 1 << 20, .ifindex = here, .mtu = 1500, .group = -1, .ports = 1, .workers = 1, .frame_most = most};
    assert_int_equal(steer_rules(s, &all) | steer_world(s, &facts, 0x020000000001), 0);
    assert_int_equal(io_XDP.make(&maker, &ask, &made, err, sizeof err), 0);
    struct io_port *io = io_XDP.open(&ask, &made, &umem, err, sizeof err);
    assert_non_null(io);
    assert_int_equal(steer_begin(s, here, false, &generic, err, sizeof err), 0);
    const int peer = peer_open();
    rounds(io, peer);
    close(peer);
    io_XDP.close(io);
    steer_close(s);
    io_maker_fini(&maker);
}

int main(void)
{
    const struct CMUnitTest test = netns_test(left_before_release);
    return netns_alone(&test);
}
