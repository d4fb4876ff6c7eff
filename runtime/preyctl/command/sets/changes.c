/* Changes of members go to the service many at once, as records in a file in memory */

#include "runtime/preyctl/command/sets/changes.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/stop.h"
#include "runtime/preyctl/hand.h"
#include "runtime/preyctl/print_json.h"
#include "runtime/report/document/item.h"
#include "runtime/report/json.h"
#include "runtime/report/text.h"

bool changes_init(struct changes *c, struct talk *t, const char *set)
{
    *c = (struct changes){.t = t,
                          .set = set,
                          .records = calloc(MEMBER_RECORDS_MOST, sizeof *c->records),
                          .told = calloc(MEMBER_RECORDS_MOST, sizeof *c->told)};
    return (c->records && c->told) || !talk_complain("out of memory");
}

void changes_fini(struct changes *c)
{
    free(c->records);
    free(c->told);
}

cJSON *sets_question(const char *op, const char *set)
{
    cJSON *question = talk_question(QUESTION_SETS);
    cJSON_AddStringToObject(question, "op", op);
    cJSON_AddStringToObject(question, "set", set);
    return question;
}

/* Write a range as a prefix if it has 2^n addresses and begins where such a prefix may begin. False if it isn't such
 * a range. */
static bool prefix_of(const uint32_t lo[4], const uint32_t hi[4], unsigned words, struct member_record *r)
{
    unsigned len = 0;
    while (len < 32 * words && !((lo[len / 32] ^ hi[len / 32]) >> (31 - len % 32) & 1)) len++;
    for (unsigned i = len; i < 32 * words; i++)
        if (lo[i / 32] >> (31 - i % 32) & 1 || !(hi[i / 32] >> (31 - i % 32) & 1)) return false;
    *r = (struct member_record){.len = (uint8_t)len, .v6 = words == 4};
    memcpy(r->addr, lo, words * sizeof *lo);
    return true;
}

/* Write an IPv4 address or prefix that is mapped into IPv6 (RFC 4291, 2.5.5.2) as IPv4, because dual-stack programs
 * log clients in this form. */
static void member_unmap(struct member_record *r)
{
    enum { MAPPED = 96 };
    if (!r->v6 || r->len < MAPPED || r->addr[0] || r->addr[1] || r->addr[2] != 0xffff) return;
    *r = (struct member_record){.addr = {r->addr[3]}, .len = (uint8_t)(r->len - MAPPED)};
}

bool member_read(const char *text, size_t len, struct member_record *r, char *why, size_t why_len)
{
    struct addr_member m;
    const enum addr_fault fault = addr_text_member(text, len, &m);
    if (fault != ADDR_GOOD) {
        addr_fault_describe(text, len, fault, why, why_len);
        return false;
    }
    uint32_t lo[4] = {m.v4.lo}, hi[4] = {m.v4.hi};
    if (m.family == 6) range6_words(&m.v6, lo, hi);
    if (prefix_of(lo, hi, m.family == 4 ? 1 : 4, r)) {
        member_unmap(r);
        return true;
    }
    snprintf(why, why_len, "a member is an address or a prefix, not a range: write the range as prefixes");
    return false;
}

static void refusal_print(uint64_t line, const char *text, size_t len, const char *why)
{
    char clean[CHANGE_TEXT];
    size_t n = 0;
    for (; n < len && n + 1 < sizeof clean; n++)
        clean[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    clean[n] = 0;
    if (line)
        talk_complain("line %llu: `%s`: %s", (unsigned long long)line, clean, why);
    else
        talk_complain("%s: %s", clean, why);
}

void changes_refuse(struct changes *c, uint64_t line, const char *text, size_t len, const char *why)
{
    c->sums.refused++;
    refusal_print(line, text, len, why);
}

/* Take a document of the answer: a refused change, or all numbers. */
static void document_take(struct changes *c, const cJSON *o)
{
    const uint64_t at = item_number(o, "at");
    if (item(o, "at") && at < c->count) {
        if (c->told[at].told) return;
        c->told[at].told = true;
        refusal_print(c->told[at].line, c->told[at].text, strlen(c->told[at].text), item_text(o, "why"));
        return;
    }
#define X(field, word) c->sums.field += item_number(o, #field);
    CHANGE_SUMS(X)
#undef X
    c->sums.cut += item_number(o, "cut");
    c->uncut |= o && !item(o, "cut");
}

/* Ask, and read the complete answer. Return 0, even if some changes were refused, or 2. */
static int changes_ask(struct changes *c, int fd)
{
    struct message m;
    cJSON *question = sets_question("change", c->set);
    if (c->comment) cJSON_AddStringToObject(question, "comment", c->comment);
    if (c->once) cJSON_AddTrueToObject(question, "once");
    if (c->wide) cJSON_AddTrueToObject(question, "wide");
    int next = talk_ask(c->t, question, fd) ? -1 : 1;
    while (next > 0 && (next = talk_next(c->t, &m, PATIENCE_MS)) > 0) {
        cJSON *o = m.kind == MESSAGE_DOCUMENT ? document_parse(m.body, m.len) : NULL;
        document_take(c, o);
        cJSON_Delete(o);
    }
    return !next && c->t->status == 1 ? 0 : talk_over(c->t, next);
}

enum { AGAIN_MS = 100, AGAIN_TIMES = 100 };

/* Wait a moment before the service is asked again. False: a signal came. */
static bool pause_again(void) { return poll(&(struct pollfd){.fd = stop_fd(), .events = POLLIN}, 1, AGAIN_MS) <= 0; }

/* Ask; if the service hangs up, ask again until a process answers. Return 0 or 2. */
static int changes_ask_on(struct changes *c, int fd)
{
    const struct change_sums before = c->sums;
    struct talk *t = c->t;
    t->again = c->lasts;
    int failed = changes_ask(c, fd);
    bool lost = false;
    for (unsigned i = 1; failed && t->lost && t->again; i++) {
        const bool first = !lost && !c->asked && t->fd < 0; /* no service was ever there */
        lost = true;
        c->sums = before;
        talk_end(t);
        t->again = !first && i < AGAIN_TIMES && pause_again(); /* the last try reports why it failed */
        failed = changes_ask(c, fd);
    }
    t->again = false;
    c->asked |= !failed;
    if (lost && !failed)
        talk_complain("preyrun hung up: another process answers, and the feed continues with that process");
    return failed;
}

int changes_send(struct changes *c)
{
    if (!c->count) return 0;
    const int fd = hand_bytes(c->records, c->count * sizeof *c->records);
    if (fd < 0) return 2;
    const int failed = changes_ask_on(c, fd);
    close(fd);
    talk_end(c->t); /* the service closes silent connections, and a feed may be silent */
    c->count = 0;
    return failed;
}

int changes_put(struct changes *c, const struct member_record *r, uint64_t line, const char *text, size_t len)
{
    const unsigned at = c->count++;
    c->records[at] = *r;
    c->records[at].at = at;
    c->cuts |= (r->flags & MEMBER_CUT) != 0;
    c->told[at].line = line;
    c->told[at].told = false;
    snprintf(c->told[at].text, sizeof c->told[at].text, "%.*s", (int)(len < CHANGE_TEXT ? len : CHANGE_TEXT), text);
    return c->count == MEMBER_RECORDS_MOST ? changes_send(c) : 0;
}

int changes_tell(const struct changes *c)
{
    const bool uncut = c->cuts && c->uncut;
    const bool failed = uncut || c->sums.held + c->sums.refused + c->sums.full + c->sums.lengths != 0;
    if (uncut) talk_complain("the running preyrun doesn't support `cut`, so the members' flows stay open");
    if (c->t->line->json) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "set", c->set);
#define X(field, word) json_number(o, #field, c->sums.field);
        CHANGE_SUMS(X)
#undef X
        json_number(o, "cut", c->sums.cut);
        print_json(o);
        cJSON_Delete(o);
        return failed;
    }
    char n[TEXT_NUMBER];
    const char *between = ":";
    printf("%s", c->set);
#define X(field, word)                                                                                                 \
    if (c->sums.field) printf("%s %s " word, between, text_number(c->sums.field, n)), between = ",";
    CHANGE_SUMS(X)
#undef X
    if (c->cuts && !uncut) printf(", %s flow%s ended", text_number(c->sums.cut, n), text_plural(c->sums.cut));
    puts(*between == ':' ? ": nothing has changed" : "");
    return failed;
}
