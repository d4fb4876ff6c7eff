/* Packets in one line, and the names in the tables. */
#include "tests/unit/vm/packet.h"

#include "vm/words/words.h"

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *notation, *line;
    } rows[] = {
        {"eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 50000 > 443 syn", "tcp 198.18.0.1:50000 > 203.0.113.10:443 SYN"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 fin syn rst psh ack urg ece cwr",
         "tcp 1.1.1.1:1 > 2.2.2.2:2 FIN SYN RST PSH ACK URG ECE CWR"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2", "tcp 1.1.1.1:1 > 2.2.2.2:2 no flags"},
        {"eth / ip6 2001:db8::1 > 2001:db8::2 / udp 53 > 1000", "udp [2001:db8::1]:53 > [2001:db8::2]:1000"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 1 > 2", "sctp 1.1.1.1:1 > 2.2.2.2:2"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8", "icmp 1.1.1.1 > 2.2.2.2 echo-request"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 3 code 13", "icmp 1.1.1.1 > 2.2.2.2 destination-unreachable code 13"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 99", "icmp 1.1.1.1 > 2.2.2.2 type 99"},
        {"eth / ip6 fe80::1 > ff02::1:ff00:2 hop 255 / icmp6 type 135 target 2001:db8::2",
         "icmp6 fe80::1 > ff02::1:ff00:2 nd-neighbor-solicit 2001:db8::2"},
        {"eth / ip6 fe80::1 > ff02::1:ff00:2 hop 255 next icmp6 / raw x\"8700000000000000\"",
         "icmp6 fe80::1 > ff02::1:ff00:2 nd-neighbor-solicit"},
        {"eth / ip6 fe80::1 > ff02::2 hop 255 / icmp6 type 133", "icmp6 fe80::1 > ff02::2 nd-router-solicit"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto 47", "gre 1.1.1.1 > 2.2.2.2"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto 200", "proto 200 1.1.1.1 > 2.2.2.2"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 2 len 99 / zeros 8", "udp 1.1.1.1:1 > 2.2.2.2:2 fragment first"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 frag 16 proto udp / zeros 8", "udp 1.1.1.1 > 2.2.2.2 fragment later"},
        {"eth / ip6 ::1 > ::2 / frag6 16 next 60 / zeros 8", "ip6 ::1 > ::2 fragment later"},
        {"eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", "udp 1.1.1.1:1 > 2.2.2.2:2 vlan 5"},
        {"eth / vlan 5 / vlan 0 / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2", "udp 1.1.1.1:1 > 2.2.2.2:2 vlan 5 inner 0"},
        {"eth / arp who-has 10.0.0.1 tell 10.0.0.2", "arp who-has 10.0.0.1 tell 10.0.0.2"},
        {"eth / arp reply 10.0.0.1 is-at 02:00:00:00:00:01", "arp 10.0.0.1 is-at 02:00:00:00:00:01"},
        {"eth / arp who-has 10.0.0.1 tell 10.0.0.2 op 3", "arp operation 3"},
        {"eth type 0x0806 / raw x\"0001\"", "arp (short-arp)"},
        {"eth 02:00:00:00:00:01 > 01:80:c2:00:00:0e type 0x88cc / zeros 5",
         "ether 0x88cc 02:00:00:00:00:01 > 01:80:c2:00:00:0e"},
        {"eth 02:00:00:00:00:01 > 01:80:c2:00:00:00 type 38 / zeros 38", "llc 02:00:00:00:00:01 > 01:80:c2:00:00:00"},
        {"sll type 0x88cc / zeros 5", "ether 0x88cc"},
        {"sll type 4 / zeros 5", "frame"},
        {"raw x\"0011\"", "frame (short-ethernet)"},
        {"eth 02:00:00:00:00:01 > 02:00:00:00:00:02 type 0x8100 / raw x\"00\"",
         "frame 02:00:00:00:00:01 > 02:00:00:00:00:02 (short-vlan)"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 proto tcp / zeros 3", "tcp 1.1.1.1 > 2.2.2.2 (short-tcp)"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 syn off 4", "tcp 1.1.1.1:1 > 2.2.2.2:2 SYN (bad-tcp-offset)"},
        {"eth / ip6 ::1 > ::2 / dst / hbh / udp 1 > 2", "ip6 ::1 > ::2 (ip6-extension-chain)"},
        {"eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / cut 20",
         "ether 0x0800 02:00:00:00:00:01 > 02:00:00:00:00:02 (snapped)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[200];
        const struct packet *p = packet_of(rows[i].notation);
        pkt_describe(&p->pkt, &p->key, line, sizeof(line));
        assert_string_equal(line, rows[i].line);
        for (size_t room = 0; room <= strlen(rows[i].line); room++) { /* cut, never written past its room */
            char *exact = malloc(room + 1);
            exact[0] = '?';
            pkt_describe(&p->pkt, &p->key, exact, room);
            if (room == 0)
                assert_int_equal(exact[0], '?');
            else
                assert_true(strlen(exact) == room - 1 && strncmp(exact, rows[i].line, room - 1) == 0);
            free(exact);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
#define PROTO(ident, number, name, ...) assert_string_equal(proto_name(number), name);
#include "vm/proto.def"
#undef PROTO
#define ICMP_TYPE(family, type, name) assert_string_equal(icmp_type_name(family, type), name);
#include "vm/icmp.def"
    assert_null(proto_name(200));
    assert_null(icmp_type_name(4, 255));
    assert_null(icmp_type_name(5, 8));
    assert_string_equal(reason_name(REASON_NONE), "-");
    assert_string_equal(reason_name(REASON_SHORT_ICMP), "short-icmp");
    assert_string_equal(reason_name(REASON_COUNT), "?");
    assert_string_equal(action_name(ACTION_HELD), "held");
    assert_string_equal(action_name(ACTION_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, packet_free);
}
