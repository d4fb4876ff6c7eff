/* The table of a process: made, shared, searched (questions.h). */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/asked/questions.h"
#include "vm/packet/wire.h"

struct questions *questions_over(struct question_head *head, struct dns_question *slots)
{
    struct questions *q = calloc(1, sizeof *q);
    if (q) *q = (struct questions){.head = head, .slots = slots, .holders = 1};
    return q;
}

struct questions *questions_new(uint64_t seed)
{
    struct question_head *head = calloc(1, sizeof *head);
    struct dns_question *slots = calloc(QUESTION_SLOTS, sizeof *slots);
    struct questions *q = head && slots ? questions_over(head, slots) : NULL;
    if (q) {
        q->own = true;
        hash_key_init(&head->hash, seed);
        return q;
    }
    free(head);
    free(slots);
    return NULL;
}

struct questions *questions_get(struct questions *q)
{
    if (q) __atomic_fetch_add(&q->holders, 1, __ATOMIC_RELAXED);
    return q;
}

void questions_put(struct questions *q)
{
    if (!q || __atomic_sub_fetch(&q->holders, 1, __ATOMIC_ACQ_REL)) return;
    if (q->own) {
        free(q->head);
        free(q->slots);
    }
    free(q);
}

uint64_t question_hash(const struct question_head *head, const uint8_t *section, uint32_t len)
{
    uint8_t words[QUESTION_STEPS * 8] = {0};
    uint64_t hash = len;
    memcpy(words, section, len);
    for (uint32_t i = 0; i < len; i += 8) hash = question_hash_word(&head->hash, hash, wire_get64(words + i));
    return hash;
}

bool question_waits(struct questions *q, const struct question_id *id, uint64_t now_ns, bool take)
{
    const uint32_t group =
        (uint32_t)hash_words(&q->head->hash, id->word, QUESTION_WORDS) & (QUESTION_SLOTS - QUESTION_WAYS);
    for (uint32_t i = 0; i < QUESTION_WAYS; i++) {
        struct dns_question *at = &q->slots[group + i];
        uint64_t until_ns = __atomic_load_n(&at->until_ns, __ATOMIC_ACQUIRE);
        if (until_ns <= now_ns || until_ns & 1 || !question_is(at, id)) continue;
        if (!take) return true;
        /* If the place has another content by now, another thread has taken the question or written one. */
        if (__atomic_compare_exchange_n(&at->until_ns, &until_ns, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}
