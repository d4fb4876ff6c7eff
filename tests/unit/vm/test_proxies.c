/* Proxy services in a program: faults that the verifier rejects, and the branch that first bytes lead to, by code
 * and list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"
#include "tests/lib/oracle.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/packet/key.h"
#include "vm/program/remap_priv.h"
#include "vm/stream/first.h"
#include "vm/words/words.h"

/* Conditions of img_sample_proxies. */
enum { METHOD, HEADER, BYTES, INSTRUCTION };

/* ---- faults ---- */

#define FAULTS(FAULT)                                                                                                  \
    FAULT(mode, "service 0: proxy 1 doesn't fit its mode, or belongs to another service",                              \
          b->services[0].mode = PBC_MODE_PASSTHROUGH)                                                                  \
    FAULT(none, "no service has proxy 0", b->services[0].mode = PBC_MODE_PASSTHROUGH; b->services[0].proxy = 0)        \
    FAULT(other, "proxy 0: service 1 doesn't have this proxy", b->proxies[0].service = 1)                              \
    FAULT(flags, "proxy 0: unknown flags 0x100ff", b->proxies[0].flags = 0x100ff)                                      \
    FAULT(both, "proxy 0: flags 0x20e contradict each other, or don't fit the file of the access log",                 \
          b->proxies[0].flags = 0x20e)                                                                                 \
    FAULT(log, "proxy 0: flags 0x248 contradict each other, or don't fit the file of the access log",                  \
          b->proxies[0].flags |= PBC_PROXY_LOG_COMMON)                                                                 \
    FAULT(trust, "proxy 0: its 0 sets don't fit `accept proxy`", b->proxies[0].accept_count = 0)                       \
    FAULT(trusted, "proxy 0: its part of section `sets` goes past the section's end", b->proxies[0].accept_from = 1)   \
    FAULT(affinity, "proxy 0: its affinity doesn't fit the affinity's name", b->proxies[0].affinity_name = 0)          \
    FAULT(string, "proxy 0: a string is past the end of `strings`", b->proxies[0].log_file = PBC_NONE)                 \
    FAULT(certs,                                                                                                       \
          "proxy 0: its certificates don't begin where the earlier certificates end, or their number isn't possible",  \
          b->proxies[0].certs = 1)                                                                                     \
    FAULT(cert_none, "no proxy has certificate 0", b->proxies[0].cert_count = 0)                                       \
    FAULT(cert_file, "certificate 0 lacks the file of its chain or key", b->certs[0].key = 0)                          \
    FAULT(reserved, "proxy 0: reserved bytes aren't zero", b->proxies[0].reserved[4] = 1)                              \
    FAULT(forwarded, "proxy 0: its part of section `sets` goes past the section's end", b->proxies[0].trust_count = 2) \
    FAULT(forwarded_here, "proxy 0 trusts fields of requests that it doesn't read", b->proxies[0].trust_count = 1)     \
    FAULT(reads, "proxy 0: unknown kind of first bytes", b->proxies[0].wants |= FIRST_PROXY)                           \
    FAULT(no_http, "branch 0 needs first bytes that its service doesn't read",                                         \
          b->proxies[0].wants &= ~(uint32_t)FIRST_HTTP)                                                                \
    FAULT(no_bytes, "proxy 0 reads 0 bytes, but its branches need 2", b->proxies[0].wants &= 0xffff)                   \
    FAULT(few_bytes, "proxy 0 reads 1 bytes, but its branches need 2", b->proxies[0].wants -= 1u << 16)                \
    FAULT(more_bytes, "proxy 0 reads 3 bytes, but its branches need 2", b->proxies[0].wants += 1u << 16)               \
    FAULT(shared, "branch 69: too many branches share conditions", share_conditions(b))                                \
    FAULT(no_instruction, "branch 3 needs first bytes that its service doesn't read",                                  \
          b->proxies[0].wants &= ~(uint32_t)FIRST_INSTRUCTION)                                                         \
    FAULT(udp, "endpoint 0 isn't for TCP, but belongs to a proxy", b->endpoints[0].proto = PBC_EP_UDP)                 \
    FAULT(ports, "service 0 has more than 1024 ports", b->endpoints[0].port_hi = 1104)                                 \
    FAULT(cookies, "service 0: `syn cookies` isn't possible in mode proxy",                                            \
          b->services[0].flags = PBC_SERVICE_COOKIES)                                                                  \
    FAULT(streams_none, "meta: function 0 for first bytes doesn't fit the program's functions and proxies",            \
          b->meta->streams = 0)                                                                                        \
    FAULT(streams_same, "meta: function 1 for first bytes doesn't fit the program's functions and proxies",            \
          b->meta->streams = 1)                                                                                        \
    FAULT(target, "branch 3 has a target, but no `instruction` condition", b->branches[3].conds = METHOD)              \
    FAULT(shares, "branch 3 has shares and another destination", b->branches[3].share_count = 1)                       \
    FAULT(original, "branch 3: its destination isn't possible in mode proxy", b->branches[3].shares = PBC_ORIGINAL)    \
    FAULT(reject, "branch 3: its destination isn't possible in mode proxy", b->branches[3].shares = PBC_REJECT)        \
    FAULT(no_socket, "branch 3 names no socket", b->branches[3].shares = PBC_PROGRAM)                                  \
    FAULT(socket, "branch 3: a string is past the end of `strings`", in_the_wire(b, PBC_PROGRAM);                      \
          b->branches[3].share_count = 1u << 20)                                                                       \
    FAULT(two, "branch 3 has shares and another destination", in_the_wire(b, PBC_REJECT);                              \
          b->branches[3].share_count = 1)                                                                              \
    FAULT(self, "endpoint 0 is `self`, but its service is in the wire", in_the_wire(b, PBC_ORIGINAL);                  \
          b->endpoints[0].to = PBC_TO_SELF; b->endpoints[0].family = 0)                                                \
    FAULT(transparent, "proxy 0: flags 0x209 aren't possible in mode proxy inline", in_the_wire(b, PBC_ORIGINAL);      \
          b->proxies[0].flags |= PBC_PROXY_TRANSPARENT)                                                                \
    FAULT(server_first, "proxy 0: the server sends first, but the client's first bytes are read",                      \
          in_the_wire(b, PBC_ORIGINAL);                                                                                \
          b->proxies[0].flags |= PBC_PROXY_SERVER_FIRST)                                                               \
    FAULT(overload, "proxy 0: flags 0x2208 aren't possible in mode proxy",                                             \
          b->proxies[0].flags |= PBC_PROXY_OVERLOAD_PASS)                                                              \
    FAULT(pass, "branch 3: its destination isn't possible in mode proxy", b->branches[3].shares = PBC_PASSES)          \
    FAULT(pass_unsaid, "proxy 0: flags 0x208 contradict each other, or don't fit the branches' destinations",          \
          in_the_wire(b, PBC_PASSES))                                                                                  \
    FAULT(leaves_unsaid, "proxy 0: flags 0x8208 contradict each other, or don't fit the branches' destinations",       \
          b->proxies[0].flags |= PBC_PROXY_LEAVES)                                                                     \
    FAULT(splice_unsaid, "proxy 0: flags 0x4208 contradict each other, or don't fit the branches' destinations",       \
          in_the_wire(b, PBC_ORIGINAL);                                                                                \
          b->proxies[0].flags |= PBC_PROXY_SPLICE)                                                                     \
    FAULT(splice_tls, "proxy 0 reads bytes of connections that it passes on as packets", in_packets(b, PBC_ORIGINAL))  \
    FAULT(pass_tls, "proxy 0 reads bytes of connections that it passes on as packets", in_packets(b, PBC_PASSES);      \
          b->proxies[0].flags &= ~(uint32_t)PBC_PROXY_SPLICE)                                                          \
    FAULT(splice_to_tls, "proxy 0 reads bytes of connections that it passes on as packets",                            \
          in_packets(b, PBC_ORIGINAL);                                                                                 \
          b->proxies[0].cert_count = b->certs_count = 0; b->proxies[0].flags |= PBC_PROXY_TLS_TO_SERVER)               \
    FAULT(splice_http, "proxy 0 reads bytes of connections that it passes on as packets", in_packets(b, PBC_ORIGINAL); \
          b->proxies[0].cert_count = b->certs_count = 0; b->services[0].mode = PBC_MODE_PROXY_INLINE_HTTP)             \
    FAULT(splice_here, "proxy 0: flags 0xc208 aren't possible in mode proxy",                                          \
          b->proxies[0].flags |= PBC_PROXY_SPLICE | PBC_PROXY_LEAVES)                                                  \
    FAULT(spliced_unsaid, "proxy 0: flags 0x208 aren't possible in mode proxy splice packets",                         \
          b->services[0].mode = PBC_MODE_PROXY_SPLICED)                                                                \
    FAULT(spliced_wire, "endpoint 0: its interface or tags don't fit the mode of its service",                         \
          b->services[0].mode = PBC_MODE_PROXY_SPLICED;                                                                \
          b->endpoints[0].wire = PBC_WIRE_ALL)                                                                         \
    FAULT(spliced_original, "branch 3: its destination isn't possible in mode proxy splice packets",                   \
          b->services[0].mode = PBC_MODE_PROXY_SPLICED;                                                                \
          b->branches[3].shares = PBC_PASSES)                                                                          \
    FAULT(splice_program, "branch 3 leads to a program, but its service has `splice packets`",                         \
          in_packets(b, PBC_PROGRAM);                                                                                  \
          b->branches[3].share_count = img_string(b, "/run/s"))                                                        \
    FAULT(packet, "branch 2 has a condition that no connection can meet",                                              \
          b->conds[BYTES] = (struct pbc_cond){.kind = COND_FLAGS})                                                     \
    FAULT(layer, "branch 2 has a condition that no connection can meet", b->patterns[0].layer = PBC_L4)                \
    FAULT(any, "condition 0 (method): `any` isn't possible", b->conds[METHOD].flags = PBC_COND_ANY)                    \
    FAULT(list, "condition 0 (method): the number of lists isn't 1", b->conds[METHOD].count = 2)                       \
    FAULT(lists, "condition 0 (method): the operands go past the end of their section", b->conds[METHOD].first = 2)    \
    FAULT(kind, "condition 0 (host): the list is of another kind", b->conds[METHOD].kind = COND_HOST)                  \
    FAULT(field, "condition 1 (header): the field's name is missing", b->conds[HEADER].arg = 0)                        \
    FAULT(ack, "condition 3 (instruction): pattern doesn't exist", b->conds[INSTRUCTION].arg = 2)                      \
    FAULT(names_kind, "names 0: unknown kind 2", b->names[0].kind = 2)                                                 \
    FAULT(names_hosts, "names 0: a host's name isn't in normal form", b->names[0].kind = PBC_NAMES_HOSTS)              \
    FAULT(names_order, "names 0: the entries aren't in order, or an entry covers another entry",                       \
          b->hosts[0] = b->hosts[1])                                                                                   \
    FAULT(rule, "rule 0 has a condition on first bytes, which no packet can meet", rule_of_bytes(b))                   \
    FAULT(operand, "instruction 9 (jnfirst): condition doesn't exist", b->code[9].imm = 4)                             \
    FAULT(asks, "instruction 9 (jnfirst): the condition doesn't look at first bytes",                                  \
          img_add_conds(b, (struct pbc_cond){.kind = COND_DURING});                                                    \
          b->code[9].imm = 4)                                                                                          \
    FAULT(no_packet, "instruction 5 (call): a function for connections looks at a packet", b->code[13].op = OP_JNPAT;  \
          b->code[13].imm = 0)                                                                                         \
    FAULT(no_stream, "instruction 1 (call): a function for packets looks at first bytes", b->code[1].imm = 4;          \
          b->code[5].imm = 4)                                                                                          \
    FAULT(called, "instruction 1 (call): a function of services can't be called", b->code[1].imm = 3)

static void rule_of_bytes(struct imgbuild *b)
{
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = 1});
    img_add_rules(b, (struct pbc_rule){.chain = PBC_NONE, .cond_count = 1});
}

/* Turn the service into a wire service whose branch 3 leads there. */
static void in_the_wire(struct imgbuild *b, uint32_t to)
{
    b->services[0].mode = PBC_MODE_PROXY_INLINE;
    b->branches[3].shares = to;
    b->endpoints[0].wire = PBC_WIRE_ALL;
}

/* Do the same, and let its connections leave for the packet path. */
static void in_packets(struct imgbuild *b, uint32_t to)
{
    in_the_wire(b, to);
    b->proxies[0].flags |= PBC_PROXY_SPLICE | PBC_PROXY_LEAVES;
}

/* Make the maximum number of branches whose conditions are still checked. */
static void share_conditions(struct imgbuild *b)
{
    for (unsigned i = 0; i < 400; i++) img_add_conds(b, (struct pbc_cond){.kind = COND_BYTES, .count = 1});
    const struct pbc_branch last = b->branches[4], shared = {.conds = 4, .cond_count = 400, .shares = 3};
    b->branches[4] = shared;
    for (unsigned i = 1; i < 300; i++) img_add_branches(b, shared);
    img_add_branches(b, last);
    b->services[0].branch_count += 300;
}

#define FAULT(name, line, damage)                                                                                      \
    static void break_##name(struct imgbuild *b) { damage; }
FAULTS(FAULT)
#undef FAULT

static void faults(void **state)
{
    static const struct {
        const char *name, *line;
        void (*damage)(struct imgbuild *b);
    } all[] = {
#define FAULT(ident, text, damage_) {.name = #ident, .line = text, .damage = break_##ident},
        FAULTS(FAULT)
#undef FAULT
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct imgbuild b;
        char err[256] = "";
        img_sample_proxies(&b);
        all[i].damage(&b);
        struct program *p = img_load(&b, err, sizeof err);
        if (p || strcmp(err, all[i].line) != 0)
            fail_msg("%s: expected `%s`, got `%s`", all[i].name, all[i].line, p ? "a program" : err);
        img_fini(&b);
    }
}

/* ---- branches ---- */

static const struct {
    const char *bytes;
    unsigned end;
    uint32_t branch;
} leads[] = {
    {"", FIRST_OPEN, STREAM_MORE},
    {"", FIRST_LATE, 4},
    {"GET / HTTP/1.1\r\nHost: h\r\n", FIRST_OPEN, STREAM_MORE},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", FIRST_OPEN, 0},
    {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", FIRST_OPEN, 0},
    {"PUT / HTTP/1.1\r\nHost: h\r\nX-K: b\r\n\r\n", FIRST_OPEN, 1},
    {"PUT / HTTP/1.1\r\nHost: h\r\nX-K: b\r\nx-k: a\r\n\r\n", FIRST_OPEN, 4},
    {"PUT / HTTP/1.1\r\nHost: h\r\n\r\n", FIRST_OPEN, 4},
    {"SS / HTTP/1.1\r\nHost: h\r\n\r\n", FIRST_OPEN, 2},
    {"17", FIRST_OPEN, STREAM_MORE},
    {"1710.0.0.1:8080xx", FIRST_OPEN, 3},
    {"1711.0.0.1:8080xx", FIRST_OPEN, 4},
};

static uint32_t both(const struct program *p, const struct key *key, const struct first *first)
{
    const uint32_t code = program_stream(p, key, first);
    assert_int_equal(code, oracle_stream(p, key, first));
    return code;
}

static void branches(void **state)
{
    static struct first f;
    struct imgbuild b;
    char err[256] = "";
    const uint32_t client[4] = {0xc6336401}, ours[4] = {0xc0000201}, others[4] = {0xc0000202};
    const struct key key = stream_key(4, client, 50000, ours, 80, false, false, 0),
                     other = stream_key(4, client, 50000, others, 80, false, false, 0);
    (void)state;
    img_sample_proxies(&b);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        struct first_at at = {.hello = {0}};
        const unsigned negated =
            *leads[i].bytes == '1' ? FIRST_HTTP : FIRST_INSTRUCTION; /* the compiler tests one of them */
        const struct first_asked asked = {
            .wants = program_wants(p, 0) & ~negated, .limit = 16384, .end = (uint8_t)leads[i].end};
        first_read(&f, &at, (const uint8_t *)leads[i].bytes, (uint32_t)strlen(leads[i].bytes), &asked);
        const uint32_t got = both(p, &key, &f);
        if (got != leads[i].branch) fail_msg("%s: branch %d, not %d", leads[i].bytes, (int)got, (int)leads[i].branch);
        assert_int_equal(both(p, &other, &f), PBC_NONE);
    }
    assert_ptr_equal(program_ack(p, 3), &p->patterns[0]);
    assert_null(program_ack(p, 0));
    program_put(p);
    img_fini(&b);
}

/* Services whose connections leave for the packet path load: by `-> pass`, by `splice packets`, and to a target. */
static void packets(void **state)
{
    struct imgbuild b;
    char err[256] = "", text[DESTINATION_TEXT];
    (void)state;
    img_sample_wire(&b);
    b.branches[3] = (struct pbc_branch){.conds = b.branches[3].conds, .cond_count = 1, .shares = PBC_PASSES};
    b.proxies[0].cert_count = b.certs_count = 0;
    b.proxies[0].flags |= PBC_PROXY_LEAVES;
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    assert_int_equal(branch_goes(&p->branches[3]), PBC_GOES_PASS);
    assert_true(branch_goes_on(&p->branches[3]));
    assert_int_equal(branch_shares(&p->branches[3]), 0);
    assert_string_equal(destination_text(p, &p->branches[3], text), "pass");
    assert_false(remap_same_shares(p, &p->branches[3], p, &p->branches[4]));
    program_put(p);
    b.branches[3].shares = PBC_TARGET;
    b.proxies[0].flags |= PBC_PROXY_SPLICE;
    p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    assert_int_equal(branch_goes(&p->branches[3]), PBC_GOES_TARGET);
    program_put(p);
    b.services[0].mode = PBC_MODE_PROXY_SPLICED;
    b.branches[4] = (struct pbc_branch){.shares = 3, .share_count = 1};
    b.shares_count = 4;
    b.endpoints[0].wire = PBC_WIRE_NOT;
    b.endpoints[0].port_hi = 80 + PBC_PROXY_PORTS_MAX; /* nobody listens there */
    p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    program_put(p);
    img_fini(&b);
}

/* A wire service loads, and its destinations are read back and compared. */
static void wire(void **state)
{
    struct imgbuild b;
    char err[256] = "", text[DESTINATION_TEXT], path[PBC_SOCKET_MAX + 2];
    (void)state;
    img_sample_wire(&b);
    struct program *p = img_load(&b, err, sizeof err);
    assert_string_equal(err, "");
    assert_int_equal(branch_goes(&p->branches[2]), PBC_GOES_POOLS);
    assert_null(destination_text(p, &p->branches[2], text));
    assert_int_equal(branch_goes(&p->branches[3]), PBC_GOES_PROGRAM);
    assert_int_equal(branch_shares(&p->branches[3]), 0);
    assert_string_equal(destination_text(p, &p->branches[3], text), "program \"/run/s\"");
    assert_string_equal(destination_text(p, &p->branches[4], text), "original");
    assert_true(branch_goes_on(&p->branches[3]) && branch_goes_on(&p->branches[4]));
    assert_false(branch_goes_on(&p->branches[2]));
    assert_true(remap_same_shares(p, &p->branches[3], p, &p->branches[3]));
    assert_false(remap_same_shares(p, &p->branches[3], p, &p->branches[4]));
    program_put(p);
    memset(path, '/', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    b.branches[3].share_count = img_string(&b, path);
    assert_null(img_load(&b, err, sizeof err));
    assert_string_equal(err, "branch 3: the path of a socket can't have 108 bytes");
    img_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults), cmocka_unit_test(branches), cmocka_unit_test(wire),
                                       cmocka_unit_test(packets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
