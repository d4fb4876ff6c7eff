/* Rows in keyed tables, whose words are the counts of Space-Saving */
#include "runtime/live/control/trace/talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "runtime/live/control/end_text.h"
#include "runtime/report/text.h"
#include "vm/keyed/keyed.h"

struct talk_key {
    uint32_t addr[4];
    uint64_t name; /* hash of a rule's name; 0: the key is an address */
    uint64_t kind; /* kind of the address (enum end_kind) */
};
struct talk_row {
    struct talk_key key;
    uint64_t packets, bytes, seen; /* counts since it has the row; number of packets looked at */
    char name[TALK_NAME];
};
static_assert(sizeof(struct talk_row) % 8 == 0 && sizeof(struct talk_key) == 32, "whole words");

struct talk {
    struct keyed of[TALKS];
    uint64_t packets, bytes, seen;
};

struct talk *talk_new(uint64_t seed)
{
    struct talk *t = calloc(1, sizeof *t);
    const struct keyed_cfg cfg = {.most = TALK_ROWS,
                                  .key_words = sizeof(struct talk_key) / 8,
                                  .entry_bytes = sizeof(struct talk_row),
                                  .seed = seed};
    bool fine = t;
    for (unsigned i = 0; fine && i < TALKS; i++) fine = keyed_init(&t->of[i], &cfg);
    if (fine) return t;
    talk_free(t);
    return NULL;
}

void talk_free(struct talk *t)
{
    for (unsigned i = 0; t && i < TALKS; i++) keyed_fini(&t->of[i]);
    free(t);
}

/* Free the slot with the least count. Return that count. */
static uint64_t least_leave(struct keyed *k)
{
    uint32_t least = KEYED_NONE;
    for (uint32_t i = 0; i < k->groups * GROUP; i++)
        if (k->tags[i] && (least == KEYED_NONE || k->words[i] < k->words[least])) least = i;
    const uint64_t count = k->words[least];
    keyed_drop(k, least);
    return count;
}

static void talk_count(struct keyed *k, const struct talk_key *key, const char *name, uint32_t bytes, uint32_t stands)
{
    struct place at;
    uint64_t before = 0;
    keyed_place(k, key, k->key_words, &at);
    uint32_t slot = keyed_find(k, &at, key);
    if (slot == KEYED_NONE) {
        if (k->used >= TALK_ROWS) before = least_leave(k);
        slot = keyed_add(k, &at, key);
        if (slot == KEYED_NONE) return; /* the key's two groups are full, though the table is not; this is rare */
        struct talk_row *r = keyed_at(k, slot);
        memcpy(r->name, name, strnlen(name, sizeof r->name - 1));
    }
    struct talk_row *r = keyed_at(k, slot);
    r->packets += stands;
    r->bytes += (uint64_t)bytes * stands;
    r->seen++;
    *KEYED_WORD(k, slot) += before + stands;
}

static void talk_count_end(struct keyed *k, const struct packet_end *end, uint32_t bytes, uint32_t stands)
{
    struct talk_key key = {.kind = end->kind};
    memcpy(key.addr, end->addr, sizeof key.addr);
    talk_count(k, &key, "", bytes, stands);
}

void talk_add(struct talk *t, const struct packet_ends *ends, const char *rule, uint32_t bytes, uint32_t stands)
{
    const struct talk_key by = {.name = (uint64_t)fnv_text(rule) << 32 | fnv(rule, strlen(rule) / 2) | 1};
    t->packets += stands;
    t->bytes += (uint64_t)bytes * stands;
    t->seen++;
    talk_count_end(&t->of[TALK_SOURCES], &ends->src, bytes, stands);
    talk_count_end(&t->of[TALK_DESTINATIONS], &ends->dst, bytes, stands);
    talk_count(&t->of[TALK_RULES], &by, rule, bytes, stands);
}

static int most_packets(const void *a, const void *b)
{
    const struct talk_row *const *x = a, *const *y = b;
    return (*x)->packets < (*y)->packets ? 1 : (*x)->packets > (*y)->packets ? -1 : 0;
}

static int most_bytes(const void *a, const void *b)
{
    const struct talk_row *const *x = a, *const *y = b;
    return (*x)->bytes < (*y)->bytes ? 1 : (*x)->bytes > (*y)->bytes ? -1 : 0;
}

/* True for a row whose only packet represents others, of uncertain origin. */
static bool row_is_one_of_many(const struct talk_row *r) { return r->seen == 1 && r->packets > 1; }

static void row_write(FILE *out, const struct talk *t, const struct talk_row *r, enum talk_of of, bool by_bytes)
{
    static const char *const kinds[TALKS] = {"source", "destination", "rule"};
    char text[END_TEXT];
    struct packet_end end = {.kind = (uint8_t)r->key.kind};
    memcpy(end.addr, r->key.addr, sizeof end.addr);
    const uint64_t all = by_bytes ? t->bytes : t->packets, part = by_bytes ? r->bytes : r->packets;
    json_print(out, "{'of':%s,'name':%s,'packets':%llu,'bytes':%llu,'share':%.3f,'estimated':%i}", kinds[of],
               of == TALK_RULES ? label_or_null(r->name) : end_text(&end, text), (unsigned long long)r->packets,
               (unsigned long long)r->bytes, all ? (double)part / (double)all : 0, r->packets != r->seen);
}

static bool document_answer(struct call *c, FILE *out, char **text, const size_t *len)
{
    const bool fits = out && !fclose(out) && call_json(c, *text, *len);
    free(*text);
    *text = NULL;
    return fits;
}

static bool rows_answer(const struct talk *t, enum talk_of of, const struct talk_asked *asked, struct call *c)
{
    const struct keyed *k = &t->of[of];
    const struct talk_row *rows[TALK_ROWS];
    unsigned count = 0;
    char *text = NULL;
    size_t len = 0;
    for (uint32_t i = 0; i < k->groups * GROUP && count < TALK_ROWS; i++)
        if (k->tags[i] && !row_is_one_of_many(keyed_at(k, i))) rows[count++] = keyed_at(k, i);
    qsort(rows, count, sizeof *rows, asked->by_bytes ? most_bytes : most_packets);
    for (unsigned i = 0; i < count && i < asked->limit; i++) {
        FILE *out = open_memstream(&text, &len);
        if (out) row_write(out, t, rows[i], of, asked->by_bytes);
        if (!document_answer(c, out, &text, &len)) return false;
    }
    return true;
}

bool talk_answer(const struct talk *t, const struct talk_asked *asked, struct call *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out)
        json_print(out, "{'of':'all','packets':%llu,'bytes':%llu,'seen':%llu,'ns':%llu,'estimated':%i}",
                   (unsigned long long)t->packets, (unsigned long long)t->bytes, (unsigned long long)t->seen,
                   (unsigned long long)asked->ns, t->seen != t->packets);
    bool fits = document_answer(c, out, &text, &len);
    for (unsigned of = 0; fits && of < TALKS; of++) fits = rows_answer(t, of, asked, c);
    return fits;
}
