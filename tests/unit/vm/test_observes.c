/* Observe services in a program: faults that the verifier rejects, a connection's service, and the branch that key
 * and first bytes lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "vm/judge/decide.h"
#include "vm/observe/choose.h"
#include "vm/packet/key.h"
#include "vm/stream/first.h"

/* Conditions of img_sample_observe. */
enum { METHOD, REPLY_BYTES, FROM };

static uint32_t long_path(struct imgbuild *b)
{
    char path[PBC_WATCH_PATH_MAX + 2];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    return img_string(b, path);
}

/* Let 300 branches of the first service share `count` conditions, each with `operands` operands. */
static void share_conditions(struct imgbuild *b, uint32_t count, uint32_t operands)
{
    const uint32_t conds = b->conds_count, sets = b->sets_count;
    for (uint32_t i = 0; i < operands; i++) img_add_sets(b, b->sets[0]);
    for (uint32_t i = 0; i < count; i++)
        img_add_conds(b, (struct pbc_cond){.kind = COND_FROM, .first = sets, .count = operands});
    b->choices_count = 0;
    for (uint32_t i = 0; i < 300; i++) img_add_choices(b, (struct pbc_choice){.conds = conds, .cond_count = count});
    img_add_choices(b, (struct pbc_choice){.does = PBC_PASS});
    b->observes[0].choice_count = b->observes[1].choices = b->choices_count;
    img_add_choices(b, (struct pbc_choice){.observe = 1, .does = PBC_IGNORE});
}

#define FAULTS(FAULT)                                                                                                  \
    FAULT(overlaps, "observe 0: unknown `overlaps` 3", b->observes[0].overlaps = 3)                                    \
    FAULT(flags, "observe 0: unknown flags 0x2", b->observes[0].flags = 2)                                             \
    FAULT(limit, "observe 1 has a limit or form of a file that it doesn't write", b->observes[1].sessions_limit = 9)   \
    FAULT(form, "observe 1 has a limit or form of a file that it doesn't write", b->observes[1].flags = 1)             \
    FAULT(kind, "observe 0: unknown kind of first bytes", b->observes[0].wants[1] |= FIRST_INSTRUCTION)                \
    FAULT(gap, "observe 1: its branches don't begin where the earlier branches end, or their number isn't possible",   \
          b->observes[1].choices = 3)                                                                                  \
    FAULT(none, "observe 1: its branches don't begin where the earlier branches end, or their number isn't possible",  \
          b->observes[1].choice_count = 0)                                                                             \
    FAULT(left, "choice 5 belongs to no observe service", img_add_choices(b, b->choices[4]))                           \
    FAULT(zero, "observe 0: reserved bytes aren't zero", b->observes[0].reserved[0] = 1)                               \
    FAULT(cut, "observe 0: service 6 doesn't exist, or isn't for `-> proxy inline`", b->observes[0].cut = 7)           \
    FAULT(cuts, "choice 0 is `-> proxy inline`, but no service takes its connections over",                            \
          b->choices[0].does = PBC_CUTS)                                                                               \
    FAULT(string, "observe 0: a string is past the end of `strings`", b->observes[0].stream = PBC_NONE)                \
    FAULT(path, "observe 1 has a path of more than 1024 bytes", b->observes[1].stream = long_path(b))                  \
    FAULT(does, "choice 0: unknown action 5, or its reserved bytes aren't zero", b->choices[0].does = PBC_DOES)        \
    FAULT(no_stream, "choice 4 is `-> stream`, but its service has no `stream to`", b->choices[4].does = PBC_STREAM)   \
    FAULT(conds, "choice 0: its conditions go past the end of `conds`", b->choices[0].conds = 4)                       \
    FAULT(other, "observe 0: branch 1 belongs to another service", b->choices[1].observe = 1)                          \
    FAULT(otherwise, "observe 0: branch 3: the last branch must be the `else`, and no other branch can be",            \
          b->choices[3].cond_count = 1)                                                                                \
    FAULT(early, "observe 0: branch 0: the last branch must be the `else`, and no other branch can be",                \
          b->choices[0].cond_count = 0)                                                                                \
    FAULT(shared, "choice 65: too many branches share conditions", share_conditions(b, 400, 1))                        \
    FAULT(walk, "observe 0 has more than 16777216 conditions and operands to try", share_conditions(b, 1, 300000))     \
    FAULT(packet, "choice 2 has a condition that no connection can meet", b->conds[FROM] = b->conds[3])                \
    FAULT(reply, "choice 2 has a condition that no connection can meet", b->conds[FROM].flags = PBC_COND_REPLY)        \
    FAULT(instruction, "choice 0 has a condition that no connection can meet",                                         \
          b->conds[METHOD].kind = COND_INSTRUCTION;                                                                    \
          b->conds[METHOD].first = 0)                                                                                  \
    FAULT(unread, "choice 0 needs first bytes that its service doesn't read", b->observes[0].wants[0] = 0)             \
    FAULT(short_read, "choice 1 needs first bytes that its service doesn't read",                                      \
          b->observes[0].wants[1] = 1u << FIRST_BYTES_SHIFT)                                                           \
    FAULT(side, "choice 1 needs first bytes that its service doesn't read", b->conds[REPLY_BYTES].flags = 0)           \
    FAULT(udp, "observe endpoint 0 isn't for TCP in the wire", b->observe_endpoints[0].proto = PBC_EP_UDP)             \
    FAULT(wire, "observe endpoint 0 isn't for TCP in the wire", b->observe_endpoints[0].wire = PBC_WIRE_NOT)           \
    FAULT(nobody, "observe endpoint 1 belongs to no observe service", b->observe_endpoints[1].service = 2)             \
    FAULT(blind, "observe 1 has no endpoint", b->observe_endpoints[1].service = 0)                                     \
    FAULT(vlans, "observe endpoint 1: VLANs 7-5000 run backwards or past 4094, or its kind of tags takes none",        \
          b->observe_endpoints[1].vlan_hi = 5000)                                                                      \
    FAULT(ports, "observe endpoint 0: ports run backwards", b->observe_endpoints[0].port_lo = 81)                      \
    FAULT(iface, "observe endpoint 0: interface 0 doesn't exist", b->observe_endpoints[0].iface = 1)

#define BREAK(name, text, change)                                                                                      \
    static void break_##name(struct imgbuild *b) { change; }
FAULTS(BREAK)
#undef BREAK

static const struct {
    const char *name, *text;
    void (*change)(struct imgbuild *b);
} faults[] = {
#define ROW(name, text, change) {#name, text, break_##name},
    FAULTS(ROW)
#undef ROW
};

static struct program *sample(void (*change)(struct imgbuild *b), char *err, size_t err_len)
{
    struct imgbuild b;
    img_sample_observe(&b);
    if (change) change(&b);
    struct program *p = img_load(&b, err, err_len);
    img_fini(&b);
    return p;
}

static void a_fault_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char err[256] = "";
        assert_null(sample(faults[i].change, err, sizeof err));
        if (strcmp(err, faults[i].text) != 0) fail_msg("%s: %s", faults[i].name, err);
    }
    (void)state;
}

static void rule_asks_reply(struct imgbuild *b)
{
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = 1});
    img_add_rules(b, (struct pbc_rule){.conds = REPLY_BYTES, .cond_count = 1, .chain = PBC_NONE});
}

/* Make a branch of a service that takes packets test the server's bytes. */
static void branch_asks_reply(struct imgbuild *b)
{
    img_add_services(b,
                     (struct pbc_service){.mode = PBC_MODE_PROXY, .endpoint_count = 1, .branch_count = 2, .proxy = 1});
    img_add_proxies(b, (struct pbc_proxy){.wants = 2u << FIRST_BYTES_SHIFT});
    img_add_settings(b, (struct pbc_settings){.flows = 1, .half_open = 1, .fragments = 1});
    img_add_endpoints(b, (struct pbc_endpoint){.to = PBC_TO_ANY, .port_lo = 80, .port_hi = 80});
    img_add_branches(b, (struct pbc_branch){.conds = REPLY_BYTES, .cond_count = 1});
    img_add_branches(b, (struct pbc_branch){.shares = 0});
    b->meta->services = b->funcs_count;
    img_function(b, "services", (const struct insn[]){{.op = OP_HOST}}, 1);
    b->meta->streams = b->funcs_count;
    img_function(b, "streams", (const struct insn[]){{.op = OP_HOST}}, 1);
}

static void a_rule_or_branch_that_asks_a_reply_is_refused(void **state)
{
    char err[256] = "";
    assert_null(sample(rule_asks_reply, err, sizeof err));
    assert_string_equal(err, "rule 0 has a condition on `reply`");
    assert_null(sample(branch_asks_reply, err, sizeof err));
    assert_string_equal(err, "branch 0 has a condition on `reply`");
    (void)state;
}

static struct key key_to(uint32_t server, uint16_t port, uint32_t client)
{
    const uint32_t src[4] = {client}, dst[4] = {server};
    return stream_key(4, src, 50000, dst, port, false, false, 0);
}

static void the_first_endpoint_takes_a_connection(void **state)
{
    char err[256] = "";
    struct program *p = sample(NULL, err, sizeof err);
    if (!p) fail_msg("%s", err);
    struct key key = key_to(0xc0000201, 80, 1);
    assert_int_equal(observe_of(p, &key), 0);
    key.dst_port = 81;
    assert_int_equal(observe_of(p, &key), PBC_NONE);
    key.kind |= KIND_VLAN;
    key.vlan_outer = 8;
    assert_int_equal(observe_of(p, &key), 1);
    key.vlan_outer = 10;
    assert_int_equal(observe_of(p, &key), PBC_NONE);
    key = key_to(0xc0000201, 80, 1);
    key.kind = (key.kind & ~(uint32_t)KIND_TCP) | KIND_UDP;
    assert_int_equal(observe_of(p, &key), PBC_NONE);
    program_put(p);
    (void)state;
}

static void first_bytes_of_both_halves_lead_to_a_branch(void **state)
{
    static const struct {
        const char *client, *server;
        uint8_t end;
        uint32_t from, branch;
    } leads[] = {
        {"", "", FIRST_OPEN, 1, OBSERVE_MORE},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", FIRST_OPEN, 1, 0},
        {"PUT / HTTP/1.1\r\nHost: h\r\n\r\n", "", FIRST_OPEN, 1, OBSERVE_MORE},
        {"PUT / HTTP/1.1\r\nHost: h\r\n\r\n", "SS", FIRST_OPEN, 1, 1},
        {"PUT / HTTP/1.1\r\nHost: h\r\n\r\n", "HT", FIRST_OPEN, 1, 3},
        {"PUT / HTTP/1.1\r\nHost: h\r\n\r\n", "HT", FIRST_OPEN, 0x0a000001, 2},
        {"", "", FIRST_LATE, 0x0a000001, 2},
        {"", "", FIRST_LATE, 1, 3},
    };
    static struct first f[2];
    char err[256] = "";
    struct program *p = sample(NULL, err, sizeof err);
    if (!p) fail_msg("%s", err);
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        const char *said[] = {leads[i].client, leads[i].server};
        for (unsigned h = 0; h < 2; h++) {
            struct first_at at = {.hello = {0}};
            const struct first_asked asked = {.wants = p->observes[0].wants[h], .end = leads[i].end};
            first_read(&f[h], &at, (const uint8_t *)said[h], (uint32_t)strlen(said[h]), &asked);
        }
        const struct key key = key_to(0xc0000201, 80, leads[i].from);
        const struct first *const half[] = {&f[0], &f[1]};
        if (observe_choose(p, 0, &key, half) != leads[i].branch) fail_msg("row %zu", i);
    }
    program_put(p);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_fault_is_refused),
                                       cmocka_unit_test(a_rule_or_branch_that_asks_a_reply_is_refused),
                                       cmocka_unit_test(the_first_endpoint_takes_a_connection),
                                       cmocka_unit_test(first_bytes_of_both_halves_lead_to_a_branch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
