/* The listing of the sample program has words for every instruction, every kind of condition and every section. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/tables.h"

static char *listing(struct imgbuild *b)
{
    char err[256] = "", *text = NULL;
    size_t len;
    struct program *p = img_load(b, err, sizeof err);
    assert_string_equal(err, "");
    FILE *f = open_memstream(&text, &len);
    program_disasm(p, f);
    fclose(f);
    program_put(p);
    return text;
}

static const char *const lines[] = {
    "program \"sample.prey\": edition 1, reach 0, rejects 1000/s, longest path 71, needs self, names arp, keeps flows, "
    "counts flows, follows fragments, names fragment\n",
    "  interface 0 (wan) device \"eth0\"\n",
    ("  set 0 (abusers): 2 IPv4, 2 IPv6  (sample.prey:3:5+7)\n    10.0.0.0/8\n    192.0.2.1\n    2001:db8::/32\n    "
     "fe80::1-fe80::9\n"),
    "  MAC set 0 (desks): 2  (sample.prey:3:5+7)\n    02:00:00:00:00:01\n",
    "  map 0: 80 443\n",
    "  pattern 1: l3 at 9 is 10 mask f0\n",
    "  meter 0 (syns): 7/h burst 2 per source/24,/64 entries 4  (sample.prey:3:5+7)\n",
    "  meter 1 (bulk): 10Mbit/s burst 64KiB  (sample.prey:3:5+7)\n",
    "  meter 2: 10/s burst 10  (sample.prey:3:5+7)\n",
    "  meter 3 (fresh): 5/s burst 5  (sample.prey:3:5+7)\n",
    "  schedule 0 (work): mon-fri 08:00-18:00, sat 09:00-12:00 zone Europe/Paris  (sample.prey:3:5+7)\n",
    "  schedule 1 (night): 22:00-06:00 zone UTC  (sample.prey:3:5+7)\n",
    "settings\n  flows 5000\n  udp 1m30s\n",
    ("remembered for flows\n  firewall 0 (edge) rule 2 (edge:3)\n  firewall 0 (edge) default\n"
     "  firewall 1 (up) default\n"),
    "      during work, night  (sample.prey:3:5+7)\n",
    "      over syns  (sample.prey:3:5+7)\n",
    "      within bulk  (sample.prey:3:5+7)\n",
    "    34  jnover  meter 0 (syns) -> 35\n",
    "    35  jnwithin meter 1 (bulk) -> 36\n",
    "  firewall 0 (edge) default drop other frames pass  (sample.prey:3:5+7)\n",
    "  firewall 1 (up) on wan out default accept  (sample.prey:3:5+7)\n",
    "    rule 0 (ABUSE) drop log by meter 2  (sample.prey:3:5+7)\n",
    "    rule 1 (edge:3) do noisy [arp too]  (sample.prey:3:5+7)\n",
    "    rule 2 (edge:3) reject with rst comment \"say so\"  (sample.prey:3:5+7)\n",
    "      from self, abusers, 203.0.113.10 as abusers  (sample.prey:3:5+7)\n",
    "      source port 80, 443-450 of tcp  (sample.prey:3:5+7)\n",
    "      type nd  (sample.prey:3:5+7)\n",
    "      on wan, eth1  (sample.prey:3:5+7)\n",
    "      ether from multicast, desks  (sample.prey:3:5+7)\n",
    "      flags has syn lacks ack  (sample.prey:3:5+7)\n",
    "      ttl not 80, 443-450  (sample.prey:3:5+7)\n",
    "      options any  (sample.prey:3:5+7)\n",
    "      bytes payload at 0 is 16 03  (sample.prey:3:5+7)\n",
    "  chain 0 (noisy)\n    rule 4 (noisy:3) count  (sample.prey:3:5+7)\n",
    "     0  jany    kind arp -> 6\n",
    "     3  decide  r0 firewall 0 (edge)\n",
    "     4  jump    -> 5\n",
    "     6  pass\n",
    "     7  jeq     dst1 0x7 -> 9\n",
    "     8  decidek rule 3 (up:3) firewall 1 (up)\n",
    "    10  jnset   src set 0 (abusers) -> 13\n",
    "    14  call    r7 function 2 (rest)\n",
    "    15  retnz   r7\n",
    "    19  jne     src0 0.0.0.1 -> 20\n",
    "    20  jall    marks syn -> 21\n",
    "    21  jpfx    src0 10.0.0.0/24 -> 22\n",
    "    23  jin     src_port 1-9 -> 24\n",
    "    24  jnin    dscp 5 -> 25\n",
    "    25  jmap    dst_port map 0 -> 26\n",
    "    29  jnmac   src MAC set 0 (desks) -> 30\n",
    ("classifiers\n  classifier 0 (edge): 3 entries, 7 words, 11 lines of blocks; at most 4 words, 3 blocks, 1 forks, "
     "2 in "
     "turn\n    entry 0: rule 0 (ABUSE) code 2\n"),
    "    entry 2: rule 2 (edge:3)\n    format 0: 3 lines, src0.upper src0.lower src_port dst_port kind.lower/mask\n",
    ("    format 1: 5 lines, dst0 iface src1.lower src1.upper dst1.lower dst1.upper marks.lower/mask kind.lower/mask\n"
     "    word 0: cut src0 31, src1 0 -> 1-4\n"),
    "    word 1: none\n    word 2: leaf at line 3 in format 0\n",
    "      entry 2  src_port 1024-65535  dst_port 443  kind ports\n",
    "    word 3: fork -> 5, 6 from entry 2\n    word 4: cut src_port 15 -> 5-6\n",
    ("      entry 0  src0.upper 10.0-10.255  kind tcp\n"
     "      entry 1  src0.lower 0.1  kind tcp not frag_later\n"),
    "      entry 2  dst0 203.0.113.10  iface 1  marks.lower 0x2 of 0x12\n",
    "    50  classify classifier 0 (edge)\n",
    "    55  again\n",
    "    31  jnmack  dst multicast or broadcast -> 32\n",
    "    37  jhdr    flowlabel 80 -> 38\n",
    "    38  jnhdr   flowlabel 443-450 -> 39\n",
    "    33  jnpat   pattern 1 (l3 at 9 is 10 mask f0) -> 34\n",
    "  check 0 (alive) http GET \"/health\" expect 80 header \"Accept\" \"text/plain\" body has \"ok\" every 2s "
    "timeout 1s rise 2 fall 3  "
    "(sample.prey:3:5+7)\n",
    ("  pool 0 (shop) balance round_robin on down reset retries 1 drain 30s source 203.0.113.10 ports 1024-65535 "
     "check "
     "0 (alive)"
     "  (sample.prey:3:5+7)\n"),
    "    server 0 (a) 10.0.0.11 port 8080 weight 5  (sample.prey:3:5+7)\n",
    "    server 1 (b) 2001:db8::1 weight 3 mac 02:00:00:00:00:01 check 0 (alive)  (sample.prey:3:5+7)\n",
    "    server 2 (e) 10.0.0.21 weight 1 backup  (sample.prey:3:5+7)\n",
    "  service 0 (www) mode dsr gue 6080 on no server drop max flows 1000 max flows 10 per source "
    "rate meter 3 (fresh) idle 5s affinity source 10m mss clamp auto  (sample.prey:3:5+7)\n",
    "    on 203.0.113.10 tcp/443  (sample.prey:3:5+7)\n",
    "    on self icmp  (sample.prey:3:5+7)\n",
    "    on any any/1-9  (sample.prey:3:5+7)\n",
    "    branch 0 when -> shop 95%, canary 5%  (sample.prey:3:5+7)\n",
    "    branch 1 else -> canary 100%  (sample.prey:3:5+7)\n",
    " slow start 10s  (sample.prey:3:5+7)\n",
    "  nat 0 (home) masquerade from abusers out on wan ports 61000-65535  (sample.prey:3:5+7)\n",
    "  nat 1 (home) source from any out on eth1 -> 203.0.113.10 ports 1024-65535  (sample.prey:3:5+7)\n",
    "  nat 2 (home) forward 198.18.0.1 tcp/8000-8010 -> 10.0.0.9 port 9000-9010  (sample.prey:3:5+7)\n",
    "  nat 3 (home) forward self (IPv6) icmp6 -> 2001:db8::9  (sample.prey:3:5+7)\n",
    "call    r0 function 4 (services/1)\n",
    "pick    r0\n",
    "host\n",
    "retb    branch 0 (www)\n",
};

static void sample_lines(void **state)
{
    (void)state;
    struct imgbuild b;
    img_sample(&b);
    char *text = listing(&b);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i])) fail_msg("missing: %s", lines[i]);
    free(text);
    img_fini(&b);
}

/* Check every opcode and condition by its name, in the place of a name. */
static void every_name(void **state)
{
    (void)state;
    struct imgbuild b;
    char word[64];
    img_sample(&b);
    char *text = listing(&b);
    for (unsigned i = 0; i < OPCODE_COUNT; i++) {
        snprintf(word, sizeof word, "  %s", op_info[i].name);
        /* Instructions on first bytes are in tests/golden/bytecode/proxies.prey, copies in mirrors.prey, adding to
         * sets in live-sets.prey. */
        if (i != OP_JNFIRST && i != OP_MIRROR && i != OP_ADD && !strstr(text, word))
            fail_msg("no instruction `%s`", op_info[i].name);
    }
    for (unsigned i = 0; i < COND_SNI; i++) {
        snprintf(word, sizeof word, "      %s ", cond_info[i].name);
        if (i != COND_ICMP_ND && !strstr(text, word)) fail_msg("no condition `%s`", cond_info[i].name);
    }
    free(text);
    img_fini(&b);
}

static void hostile_text(void **state)
{
    (void)state;
    struct imgbuild b;
    img_sample(&b);
    b.names_count = b.hosts_count = 0; /* names of hosts are verified */
    for (uint32_t i = 1; i < b.strings_count; i++)
        if (b.strings[i]) b.strings[i] = i % 2 ? '\033' : '\n';
    char *text = listing(&b);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "rule 0 ("
                                 "?????"
                                 ") drop log"));
    free(text);
    img_fini(&b);
}

static void ranges_of_every_shape(void **state)
{
    (void)state;
    static const struct {
        struct pbc_range r;
        const char *line;
    } v4[] = {
        {{0, UINT32_MAX}, "    0.0.0.0/0\n"}, {{0, 0}, "    0.0.0.0\n"},
        {{1, 2}, "    0.0.0.1-0.0.0.2\n"},    {{0x7f000000, 0x7f0000ff}, "    127.0.0.0/24\n"},
        {{2, 3}, "    0.0.0.2/31\n"},         {{1, 4}, "    0.0.0.1-0.0.0.4\n"},
    };
    static const struct {
        struct pbc_range6 r;
        const char *line;
    } v6[] = {
        {{0, 0, UINT64_MAX, UINT64_MAX}, "    ::/0\n"},
        {{0, 0, 0, UINT64_MAX}, "    ::/64\n"},
        {{0, 6, 0, 7}, "    ::6/127\n"},
        {{0, 6, 0, 8}, "    ::6-::8\n"},
        {{1, 0, 1, 0}, "    0:0:0:1::\n"},
        {{0, 1, 1, 0}, "    ::1-0:0:0:1::\n"},
    };
    for (unsigned i = 0; i < sizeof v4 / sizeof *v4; i++) {
        struct imgbuild b;
        img_init(&b);
        img_add_set4(&b, v4[i].r);
        img_add_set6(&b, v6[i].r);
        img_add_sets(&b, (struct pbc_set){.count4 = 1, .count6 = 1});
        img_function(&b, "", &(const struct insn){.op = OP_ACCEPT}, 1);
        char *text = listing(&b);
        if (!strstr(text, v4[i].line) || !strstr(text, v6[i].line))
            fail_msg("%s%s in %s", v4[i].line, v6[i].line, text);
        free(text);
        img_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_lines),
        cmocka_unit_test(every_name),
        cmocka_unit_test(hostile_text),
        cmocka_unit_test(ranges_of_every_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
