/* A hash table with chains and at least as many buckets as comments. Its key is secret, because users of
 * --sets-group choose texts. */
#include "runtime/live/rules/members/comments.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/live/rules/members/notes.h"
#include "vm/keyed/keyed.h"

enum { BUCKETS_FIRST = 16, TEXT_WORDS = NOTE_COMMENT_MOST / sizeof(uint64_t) + 1 };

struct comment {
    struct comment *next;
    uint32_t holders;
    char text[];
};

struct comments {
    struct comment **buckets;
    uint64_t mask, count;
    struct hash_key key;
};

struct comments *comments_new(uint64_t seed)
{
    struct comments *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->buckets = calloc(BUCKETS_FIRST, sizeof *c->buckets);
    c->mask = BUCKETS_FIRST - 1;
    hash_key_init(&c->key, seed);
    if (c->buckets) return c;
    free(c);
    return NULL;
}

void comments_free(struct comments *c)
{
    if (!c) return;
    free(c->buckets);
    free(c);
}

static struct comment **comment_bucket(const struct comments *c, const char *text)
{
    uint64_t words[TEXT_WORDS] = {0};
    const size_t len = strlen(text);
    memcpy(words, text, len);
    return &c->buckets[hash_words(&c->key, words, (unsigned)(len / sizeof *words + 1)) & c->mask];
}

/* Double the buckets; without memory, chains get longer. */
static void comments_grow(struct comments *c)
{
    struct comment **const old = c->buckets, **const fresh = calloc(2 * (c->mask + 1), sizeof *fresh);
    const uint64_t count = c->mask + 1;
    if (!fresh) return;
    c->buckets = fresh;
    c->mask = 2 * count - 1;
    for (uint64_t i = 0; i < count; i++)
        for (struct comment *of = old[i], *next; of; of = next) {
            struct comment **const to = comment_bucket(c, of->text);
            next = of->next;
            of->next = *to;
            *to = of;
        }
    free(old);
}

const char *comment_get(struct comments *c, const char *text)
{
    struct comment **at = comment_bucket(c, text);
    const size_t len = strlen(text) + 1;
    while (*at && strcmp((*at)->text, text) != 0) at = &(*at)->next;
    if (*at) {
        (*at)->holders++;
        return (*at)->text;
    }
    struct comment *fresh = malloc(sizeof *fresh + len);
    if (!fresh) return NULL;
    fresh->next = NULL;
    fresh->holders = 1;
    memcpy(fresh->text, text, len);
    *at = fresh;
    if (++c->count > c->mask) comments_grow(c);
    return fresh->text;
}

void comment_put(struct comments *c, const char *comment)
{
    struct comment **at = comment_bucket(c, comment);
    while ((*at)->text != comment) at = &(*at)->next;
    struct comment *const of = *at;
    if (--of->holders) return;
    *at = of->next;
    c->count--;
    free(of);
}
