/* Which reply a rejected packet gets: each rule that forbids one, beside a packet that differs in nothing else. */
#include "tests/unit/vm/packet.h"

#include "vm/packet/reply/frame.h"

struct row {
    const char *notation;
    enum answer_form by_default;
};

#define NONE ANSWER_NONE
#define RST  ANSWER_RST
#define PORT ANSWER_PORT_UNREACHABLE
#define FOUR "eth / ip4 1.1.1.1 > 2.2.2.2"
#define SIX  "eth / ip6 2001:db8::1 > 2001:db8::2"

static const struct row rows[] = {
    {FOUR " / tcp 1 > 2 syn", RST},
    {FOUR " / tcp 1 > 2 ack", RST},
    {FOUR " / tcp 1 > 2 rst", NONE},
    {FOUR " / tcp 1 > 2 rst ack", NONE},
    {FOUR " / udp 1 > 2", PORT},
    {FOUR " / sctp 1 > 2", PORT},
    {FOUR " proto 47 / zeros 8", PORT},
    {FOUR " / icmp type 8", PORT},
    {FOUR " / icmp type 0", PORT},
    {FOUR " / icmp type 13", PORT},
    {FOUR " / icmp type 3 code 3", NONE},
    {FOUR " / icmp type 4", NONE},
    {FOUR " / icmp type 5", NONE},
    {FOUR " / icmp type 11", NONE},
    {FOUR " / icmp type 12", NONE},
    {FOUR " / icmp type 18", PORT},
    {FOUR " / icmp type 19", NONE},
    {FOUR " more / tcp 1 > 2 syn / zeros 4", RST},
    {FOUR " more / udp 1 > 2 len 99 / zeros 8", PORT},
    {FOUR " frag 16 proto udp / zeros 8", NONE},
    {FOUR " frag 16 proto tcp / zeros 8", NONE},
    {FOUR " / tcp 1 > 2 off 4", NONE},
    {FOUR " csum 7 / udp 1 > 2", PORT},
    {FOUR " / udp 1 > 2 / taken 5", PORT},
    /* by source */
    {"eth / ip4 0.0.0.0 > 2.2.2.2 / udp 1 > 2", NONE},
    {"eth / ip4 0.1.2.3 > 2.2.2.2 / udp 1 > 2", NONE},
    {"eth / ip4 1.0.0.0 > 2.2.2.2 / udp 1 > 2", PORT},
    {"eth / ip4 127.0.0.1 > 2.2.2.2 / udp 1 > 2", NONE},
    {"eth / ip4 126.255.255.255 > 2.2.2.2 / udp 1 > 2", PORT},
    {"eth / ip4 223.255.255.255 > 2.2.2.2 / udp 1 > 2", PORT},
    {"eth / ip4 224.0.0.1 > 2.2.2.2 / tcp 1 > 2 syn", NONE},
    {"eth / ip4 240.0.0.1 > 2.2.2.2 / udp 1 > 2", NONE},
    {"eth / ip4 255.255.255.255 > 2.2.2.2 / udp 1 > 2", NONE},
    {"eth 01:00:00:00:00:01 > 02:00:00:00:00:02 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", NONE},
    /* by destination */
    {"eth / ip4 1.1.1.1 > 224.0.0.1 / udp 1 > 2", NONE},
    {"eth / ip4 1.1.1.1 > 239.255.255.255 / udp 1 > 2", NONE},
    {"eth / ip4 1.1.1.1 > 255.255.255.255 / udp 1 > 2", NONE},
    {"eth / ip4 1.1.1.1 > 0.0.0.0 / udp 1 > 2", NONE},
    {"eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", NONE},
    {"eth 02:00:00:00:00:01 > 01:00:5e:00:00:01 / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn", NONE},
    {"sll pkttype 0 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", PORT},
    {"sll pkttype 1 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", NONE},
    {"sll2 pkttype 2 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", NONE},
    {"sll2 pkttype 0 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", PORT},
    {"ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn", RST},
    /* v6 */
    {SIX " / tcp 1 > 2 syn", RST},
    {SIX " / tcp 1 > 2 rst", NONE},
    {SIX " / hbh / udp 1 > 2", PORT},
    {SIX " / icmp6 type 128", PORT},
    {SIX " / icmp6 type 127", NONE},
    {SIX " / icmp6 type 1", NONE},
    {SIX " / icmp6 type 137", NONE},
    {SIX " / icmp6 type 136 target ::9", PORT},
    {SIX " / frag6 16 next 17 / zeros 8", NONE},
    {SIX " / frag6 16 next 60 / zeros 8", NONE},
    {"eth / ip6 :: > 2001:db8::2 / udp 1 > 2", NONE},
    {"eth / ip6 ::1 > 2001:db8::2 / udp 1 > 2", NONE},
    {"eth / ip6 ::2 > 2001:db8::2 / udp 1 > 2", PORT},
    {"eth / ip6 ff02::1 > 2001:db8::2 / udp 1 > 2", NONE},
    {"eth / ip6 2001:db8::1 > ff02::1 / udp 1 > 2", NONE},
    {"eth / ip6 2001:db8::1 > :: / udp 1 > 2", NONE},
    {"eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 2001:db8::1 > 2001:db8::2 / udp 1 > 2", NONE},
    /* not IP */
    {"eth / arp who-has 10.0.0.1 tell 10.0.0.2", NONE},
    {"eth type 0x88cc / zeros 20", NONE},
    {"raw x\"00\"", NONE},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct packet *p = packet_of(rows[i].notation);
        enum answer_form want = rows[i].by_default, got = answer_form(&p->pkt, &p->key, PBC_ANSWER_DEFAULT);
        if (got != want) fail_msg("%s: form %d, expected %d", rows[i].notation, got, want);
        assert_int_equal(answer_form(&p->pkt, &p->key, PBC_ANSWER_RST), want == RST ? RST : NONE);
        assert_int_equal(answer_form(&p->pkt, &p->key, PBC_ANSWER_UNREACHABLE), want ? PORT : NONE);
        assert_int_equal(answer_form(&p->pkt, &p->key, PBC_ANSWER_PROHIBITED), want ? ANSWER_ADMIN_PROHIBITED : NONE);
    }
}

/* Each form writes its packet, and an empty pool is reported. */
static void test_build(void **state)
{
    (void)state;
    static uint8_t memory[8192] __attribute__((aligned(64)));
    assert_true(pool_bytes(2, 2048) <= sizeof(memory));
    struct pool *pool = pool_init(memory, sizeof(memory), 2, 2048);
    static const struct {
        enum answer_form form;
        uint32_t kind;
        uint16_t type4, code4, type6, code6;
    } forms[] = {
        {ANSWER_RST, KIND_TCP, 0, 0, 0, 0},
        {ANSWER_PORT_UNREACHABLE, KIND_ICMP_HEADER, 3, 3, 1, 4},
        {ANSWER_ADMIN_PROHIBITED, KIND_ICMP_HEADER, 3, 13, 1, 1},
    };
    for (unsigned i = 0; i < 3; i++)
        for (unsigned six = 0; six < 2; six++) {
            const struct packet *p = packet_of(six ? SIX " / tcp 1 > 2 syn" : FOUR " / tcp 1 > 2 syn");
            struct pkt *out = answer_build(&p->pkt, &p->key, forms[i].form, pool), *second = pool_get(pool);
            struct key key;
            assert_non_null(out);
            assert_int_equal(pkt_parse(out, &no_facts, &key), REASON_NONE);
            assert_true(key.kind & forms[i].kind);
            assert_int_equal(key.icmp_type, six ? forms[i].type6 : forms[i].type4);
            assert_int_equal(key.icmp_code, six ? forms[i].code6 : forms[i].code4);
            /* Replies never get a reply. */
            assert_int_equal(answer_form(out, &key, PBC_ANSWER_DEFAULT), ANSWER_NONE);
            assert_null(answer_build(&p->pkt, &p->key, forms[i].form, pool));
            pool_put(out);
            pool_put(second);
            assert_null(answer_build(&p->pkt, &p->key, ANSWER_NONE, pool));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_build)};
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
