/* --diff shows each bit of a program's checks, pools, servers, services, proxies, nats and observe services. One bit
 * of the file is changed; if the file still loads, the comparison must show a difference. Bits that change nothing
 * for a packet are listed with their reasons.
 *
 * Every bit of every byte is tried, so a new member can't be forgotten. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/diff_text.h"
#include "tests/lib/imgbuild.h"

/* An entry of each form of each record */
static const char rules[] =
    "set lan = 10.0.0.0/8\n"
    "meter slow = 10/s\n"
    "meter fast = 20/s\n"
    "firewall f default drop { accept icmp6 type nd; accept tcp to 203.0.113.10 }\n"
    "check bare = tcp\n"
    "check talk = tcp send x\"01\" expect \"220\" expect has \"ok\" port 81 from 10.0.0.9 every 3s\n"
    "check web = http GET \"/\" expect 200, 204-208 host \"a.example\" header \"A\" \"b\" body has \"up\" passive\n"
    "check safe = https HEAD \"/h\" expect 2xx sni \"b.example\" verify ca \"ca.pem\" via service without proxy\n"
    "check open = https OPTIONS \"*\" expect 200 verify off\n"
    "check ping = icmp rise 4 fall 5 from 2001:db8::9\n"
    "check ask = udp send x\"01\" expect x\"02\" timeout 200ms\n"
    "pool p { server a 10.0.0.1:80; server b 10.0.0.2:80 weight 7 backup mac 02:00:00:00:00:01 }\n"
    "pool q { balance least_conn; check web; drain 1m; retries 2; slow start 2m; on down keep\n"
    "    source 10.9.0.1, 10.9.0.3; server a 10.0.1.1 check bare }\n"
    "pool w { check ping; keep none; send proxy v2; server a [2001:db8::1]:80 max flows 10 check talk }\n"
    "pool i { server a 10.0.3.1:80 }\n"
    "pool k { server a 10.0.4.1:80 mac 02:00:00:00:00:03 vlan 7 inner 9; server b 10.0.4.2:80 mac 02:00:00:00:00:04 "
    "vlan 0 }\n"
    "service a on 203.0.113.10 tcp/80 { mode passthrough; idle 1h; announce; affinity source 5m; syn cookies\n"
    "    mss clamp auto; max flows 10; max flows 5 per source; rate slow; on no server drop\n"
    "    when from 10.0.0.0/9 -> p; else -> p 90%, q 10% }\n"
    "service g on 203.0.113.11 tcp/80 { mode dsr gue 6080 variant 1; mss clamp 1400; on no server pass; -> q }\n"
    "service h on 2001:db8:1::1 tcp/80 { mode proxy http accept proxy from 10.0.0.0/8 first bytes within 1s\n"
    "    tls cert \"c.pem\" key \"k.pem\"\n"
    "    tls to server sni \"a.example\" verify ca \"ca.pem\"; affinity cookie \"srv\" 1h; access log json \"a.log\"\n"
    "    queue 10 within 2s; max age 2h; on reload close; connect within 3s; idle client 4m; idle server 5m\n"
    "    trust forwarded from 10.0.0.0/8\n"
    "    when host \"a.example\" -> w; else -> w }\n"
    "service y on 203.0.113.13 tcp/80 { mode proxy transparent send proxy v1; access log common syslog; -> i }\n"
    "service x on any tcp/90 { mode proxy inline; on overload pass; server first; splice packets; -> k }\n"
    "service v on any tcp/91 { mode proxy inline; when sni \"a.example\" -> original; else -> program \"/run/p\" }\n"
    "service o on any tcp/92 { mode observe overlaps first first bytes within 2s\n"
    "    sessions to \"s.log\" limit 1MiB; stream to \"d\" as pcapng limit 2MiB\n"
    "    when sni \"a.example\" -> stream; when from 10.0.0.0/8 -> pass; when from 11.0.0.0/8 -> reject\n"
    "    when from 12.0.0.0/8 -> proxy inline; else -> ignore }\n"
    "service z on any tcp/93 { mode observe }\n"
    "nat n {\n"
    "    forward 203.0.113.20 tcp/80-90 -> 10.0.0.3:8080\n"
    "    forward self udp/53 -> 10.0.0.4\n"
    "    forward any on \"eth0\" gre -> 10.0.0.5\n"
    "    map 203.0.113.32/28 <-> 10.0.9.16/28 out on \"eth1\"\n"
    "    masquerade from lan to not 10.8.0.0/16 out on \"eth0\" ports 2000-2999, 4000-4999\n"
    "    source from 10.0.0.0/8, fd00::/8 out on \"eth1\" -> 203.0.113.1, 2001:db8::1 ports 5\n"
    "    mss clamp 1400\n"
    "}\n";

/* Bytes of a record that --diff doesn't show, with the reason: [at, at + len) */
static const struct untold {
    enum pbc_kind kind;
    size_t at, len;
    const char *why;
} untold[] = {
#define UNTOLD(ident, type, member, why)                                                                               \
    {                                                                                                                  \
        PBC_##ident, offsetof(type, member), sizeof(((type *)0)->member), why                                          \
    }
    UNTOLD(CHECKS, struct pbc_check, place, "a place"),
    UNTOLD(POOLS, struct pbc_pool, place, "a place"),
    UNTOLD(SERVERS, struct pbc_server, place, "a place"),
    UNTOLD(SERVICES, struct pbc_service, place, "a place"),
    UNTOLD(CERTS, struct pbc_cert, place, "a place"),
    UNTOLD(NATS, struct pbc_nat, place, "a place"),
    UNTOLD(OBSERVES, struct pbc_observe, place, "a place"),
    UNTOLD(CHOICES, struct pbc_choice, place, "a place"),
    UNTOLD(PROXIES, struct pbc_proxy, wants, "it follows from the branches"),
    UNTOLD(OBSERVES, struct pbc_observe, wants, "it follows from the branches"),
    {PBC_SERVERS, offsetof(struct pbc_server, mac) + 6, 2, "no MAC has these bits"},
};

/* Members where a run begins, with its count: an empty run may begin anywhere */
static const struct {
    enum pbc_kind kind;
    size_t at;
} runs[] = {
    {PBC_CHECKS, offsetof(struct pbc_check, status)},       {PBC_POOLS, offsetof(struct pbc_pool, sources)},
    {PBC_PROXIES, offsetof(struct pbc_proxy, accept_from)}, {PBC_PROXIES, offsetof(struct pbc_proxy, trust_from)},
    {PBC_NATS, offsetof(struct pbc_nat, outside)},          {PBC_NATS, offsetof(struct pbc_nat, conds)},
};

static const struct record {
    enum pbc_kind kind;
    const char *name;
    size_t size;
} records[] = {
    {PBC_CHECKS, "check", sizeof(struct pbc_check)},       {PBC_STEPS, "step", sizeof(struct pbc_step)},
    {PBC_POOLS, "pool", sizeof(struct pbc_pool)},          {PBC_SERVERS, "server", sizeof(struct pbc_server)},
    {PBC_SERVICES, "service", sizeof(struct pbc_service)}, {PBC_PROXIES, "proxy", sizeof(struct pbc_proxy)},
    {PBC_CERTS, "cert", sizeof(struct pbc_cert)},          {PBC_NATS, "nat", sizeof(struct pbc_nat)},
    {PBC_OBSERVES, "observe", sizeof(struct pbc_observe)}, {PBC_CHOICES, "choice", sizeof(struct pbc_choice)},
};

static unsigned faults, told;

/* Return the section's place in the file. */
static const struct pbc_section *section_of(const uint8_t *bytes, enum pbc_kind kind)
{
    const struct pbc_header *h = (const struct pbc_header *)bytes;
    const struct pbc_section *s = (const struct pbc_section *)(bytes + sizeof(*h));
    for (uint32_t i = 0; i < h->sections; i++)
        if (s[i].kind == kind) return &s[i];
    return NULL;
}

static bool is_untold(enum pbc_kind kind, size_t at)
{
    for (size_t i = 0; i < sizeof(untold) / sizeof(*untold); i++)
        if (untold[i].kind == kind && at >= untold[i].at && at < untold[i].at + untold[i].len) return true;
    return false;
}

/* True for a byte of an empty run's beginning */
static bool is_of_none(enum pbc_kind kind, const uint8_t *entry, size_t byte)
{
    uint32_t count;
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        if (runs[i].kind != kind || byte < runs[i].at || byte >= runs[i].at + sizeof(count)) continue;
        memcpy(&count, entry + runs[i].at + sizeof(count), sizeof(count));
        return !count;
    }
    return false;
}

/* Outcome of a change of one bit in a program's `len` bytes at `at`. */
enum outcome { REFUSED, SILENT, TOLD };
static enum outcome changed(struct program *old, uint8_t *bytes, size_t len, size_t at, unsigned bit)
{
    enum outcome outcome = REFUSED;
    char err[256];
    bytes[at] ^= (uint8_t)(1u << bit);
    img_seal(bytes, len);
    struct program *new = program_load(bytes, len, err, sizeof(err));
    if (new) {
        char *text = diff_text(old, new, false);
        outcome = strstr(text, "no difference for any packet") ? SILENT : TOLD;
        free(text);
        program_put(new);
    }
    bytes[at] ^= (uint8_t)(1u << bit);
    return outcome;
}

/* Check a bit of a record: --diff shows it in one of the program's entries, or no entry loads with the change. */
static void check_bit(struct program *old, uint8_t *bytes, size_t len, const struct pbc_section *s,
                      const struct record *r, size_t byte, unsigned bit)
{
    enum outcome best = REFUSED;
    for (uint64_t entry = 0; entry < s->count && best != TOLD; entry++) {
        const size_t at = s->offset + entry * r->size;
        if (is_of_none(r->kind, bytes + at, byte)) continue;
        const enum outcome this = changed(old, bytes, len, at + byte, bit);
        if (this > best) best = this;
    }
    told += best == TOLD;
    if (best != SILENT) return;
    printf("not ok - --diff tells bit %u of byte %zu of a %s\n", bit, byte, r->name);
    faults++;
}

static void check_record(struct program *old, uint8_t *bytes, size_t len, const struct record *r)
{
    const struct pbc_section *s = section_of(bytes, r->kind);
    if (!s || s->entry_size != r->size) {
        printf("not ok - the program has a %s\n", r->name);
        faults++;
        return;
    }
    for (size_t byte = 0; byte < r->size; byte++)
        for (unsigned bit = 0; bit < 8 && !is_untold(r->kind, byte); bit++) check_bit(old, bytes, len, s, r, byte, bit);
}

int main(void)
{
    struct compile c;
    char err[256] = "";
    compile_init(&c);
    const bool good = compile_text(&c, "bits.prey", rules, strlen(rules)) == 0;
    if (!good) diags_print_text(c.diags, stdout, false);
    struct program *old = good ? program_load(c.pbc, c.pbc_len, err, sizeof(err)) : NULL;
    uint8_t *bytes = old ? malloc(c.pbc_len) : NULL;
    if (!bytes) {
        printf("not ok - the rules compile and load\n# %s\n", err);
        return 1;
    }
    memcpy(bytes, c.pbc, c.pbc_len);
    for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) check_record(old, bytes, c.pbc_len, &records[i]);
    printf("%s - --diff tells each of %u bits that the verifier takes\n", faults ? "not ok" : "ok", told);
    free(bytes);
    program_put(old);
    compile_fini(&c);
    return faults != 0;
}
