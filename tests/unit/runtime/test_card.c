/* A card's reported properties, and which cards `xdp` suits. */
#include "runtime/host/device/offload.h"
#include "runtime/io/card.h"
#include "tests/unit/runtime/netns.h"

static void asked(void **state)
{
    (void)state;
    struct card c;
    sh("ip link add here numrxqueues 3 numtxqueues 2 type veth peer name there numrxqueues 2 numtxqueues 3");
    assert_true(card_of(if_nametoindex("here"), &c));
    assert_string_equal(c.name, "here");
    assert_string_equal(c.driver, "veth");
    assert_int_equal(c.receive, 3);
    assert_int_equal(c.send, 2);
    assert_int_equal(card_queues(&c), 2);
    assert_int_equal(c.stuck, 0);
    assert_false(card_of(9999, &c));
}

/* A device that doesn't report its queues has one. */
static void asked_of_software(void **state)
{
    (void)state;
    struct card c;
    sh("ip link add here type bridge");
    assert_true(card_of(if_nametoindex("here"), &c));
    assert_string_equal(c.driver, "bridge");
    assert_int_equal(card_queues(&c), 1);
}

static void suited(void **state)
{
    (void)state;
    static const struct {
        struct card card;
        unsigned workers;
        const char *why; /* NULL: xdp suits it */
    } cases[] = {
        {{.name = "eth0", .driver = "ice", .receive = 4, .send = 4}, 0, NULL},
        {{.name = "eth0", .driver = "ixgbe", .receive = 4, .send = 4}, 4, NULL},
        {{.name = "eth0", .driver = "igc", .receive = 4, .send = 2},
         3,
         "eth0 has 2 queues for 3 workers, and XDP needs one queue per worker"},
        {{.name = "eth0", .driver = "virtio_net", .receive = 4, .send = 4},
         0,
         "eth0 (virtio_net) has a driver without known zero-copy support for XDP"},
        {{.name = "eth0", .receive = 4, .send = 4},
         0,
         "eth0 (no driver) has a driver without known zero-copy support for XDP"},
        {{.name = "v0", .kind = "veth", .driver = "veth", .receive = 4, .send = 4},
         0,
         "v0 (veth) has partial checksums, super-packets and VLAN tags outside its frames, which XDP can't see"},
        {{.name = "eth0", .driver = "ice", .receive = 4, .send = 4, .stuck = OFFLOAD_RXVLAN},
         0,
         "eth0 takes VLAN tags off before XDP gets the frames, and this can't be turned off (rxvlan)"},
        {{.name = "eth0", .driver = "ice", .receive = 4, .send = 4, .stuck = OFFLOAD_GROHW},
         0,
         "eth0 joins segments before XDP gets the frames, and this can't be turned off (rx-gro-hw)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[300] = "";
        assert_int_equal(card_suits(&cases[i].card, cases[i].workers, why, sizeof why), cases[i].why == NULL);
        assert_string_equal(why, cases[i].why ? cases[i].why : "");
        assert_int_equal(card_is_plain(&cases[i].card, why, sizeof why), cases[i].card.stuck == 0);
    }
}

/* virtio_net by its driver's arithmetic. If it has enough queue pairs, an attached program takes one more per CPU,
 * and all receive; else programs send by the pair of their CPU's number, or by one that all share. */
static void virtio(void **state)
{
    (void)state;
    unsigned mended = 0;
    for (unsigned most = 1; most <= 20; most++)
        for (unsigned pairs = 1; pairs <= most; pairs++)
            for (unsigned cpus = 1; cpus <= 20; cpus++) {
                struct card c = {.name = "eth0",
                                 .driver = "virtio_net",
                                 .receive = pairs,
                                 .send = pairs,
                                 .most = most,
                                 .cpus = cpus};
                char why[300] = "";
                const unsigned more = pairs + cpus <= most ? cpus : 0;
                const bool sends = pairs + more <= cpus || more; /* shared, or one per CPU behind the others */
                assert_int_equal(card_runs_programs(&c, why, sizeof why), !more && sends);
                const char *fit = strstr(why, "combined ");
                if (!fit) continue;
                c.receive = (unsigned)atoi(fit + 9);
                assert_true(card_runs_programs(&c, why, sizeof why));
                mended++;
            }
    assert_true(mended > 100);
    const struct card other = {.name = "eth0", .driver = "ice", .receive = 4, .send = 4, .cpus = 2};
    char why[300] = "";
    assert_true(card_runs_programs(&other, why, sizeof why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {netns_test(asked), netns_test(asked_of_software), netns_test(suited),
                                       cmocka_unit_test(virtio)};
    return netns_run(tests, sizeof tests / sizeof tests[0]);
}
