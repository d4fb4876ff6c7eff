/* Places of questions: finding and writing them (questions.h). The kernel's stages include this file, too. */
#include "vm/judge/asked/questions.h"

#include "vm/packet/facts.h"
#include "vm/packet/loop.h"

enum { WRITTEN = 1 }; /* bit of until_ns that is set during a write */

static inline uint32_t group_of(const struct question_head *head, const struct question_id *id)
{
    struct hash_sum sum = {0, 0};
    for (unsigned i = 0; i < QUESTION_WORDS; i += 2) hash_two(&sum, &head->hash, i, id->word[i], id->word[i + 1]);
    return (uint32_t)hash_close(&head->hash, &sum) & (QUESTION_SLOTS - QUESTION_WAYS);
}

/* Take the place whose end was `was`, write the question, and set its end. False: another thread was first. */
static inline bool place_write(struct dns_question *at, uint64_t was, const struct question_id *id, uint64_t now_ns)
{
    const uint64_t until_ns = (now_ns + QUESTION_NS) & ~(uint64_t)WRITTEN;
    if (__sync_val_compare_and_swap(&at->until_ns, was, until_ns | WRITTEN) != was) return false;
    for (unsigned i = 0; i < QUESTION_WORDS; i++) QUESTION_STORE(&at->id.word[i], id->word[i]);
    __sync_val_compare_and_swap(&at->until_ns, until_ns | WRITTEN, until_ns);
    return true;
}

void question_put(struct question_head *head, struct dns_question *slots, const struct question_id *id, uint64_t now_ns)
{
    const uint32_t group = group_of(head, id);
    uint64_t oldest_ns = UINT64_MAX, was = 0;
    uint32_t to = 0;
    for (uint32_t i = 0; i < QUESTION_WAYS; i++) {
        const struct dns_question *at = &slots[(group + i) & (QUESTION_SLOTS - 1)];
        const uint64_t until_ns = QUESTION_LOAD(&at->until_ns);
        const uint64_t age = question_is(at, id) ? 0 : until_ns + 1; /* this question's place comes before a free one */
        if (age >= oldest_ns) continue;
        oldest_ns = age;
        was = until_ns;
        to = i;
    }
    if (place_write(&slots[(group + LOOSE(to)) & (QUESTION_SLOTS - 1)], was, id, now_ns) && oldest_ns > now_ns + 1)
        __sync_fetch_and_add(&head->evicted, 1);
}
