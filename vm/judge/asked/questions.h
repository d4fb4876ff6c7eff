/* DNS questions (RFC 1035) that were sent to a resolver over UDP and wait for their answers, as they were on the
 * wire between prey and the resolver: after a translation, with the translated addresses.
 *
 * A table of fixed size, one for all workers and the stages in the kernel, which write to it without a lock. If a
 * group of places is full, its oldest question makes way. A question waits for QUESTION_NS, and for one answer. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/hash.h"
#include "vm/packet/key.h"

#define QUESTION_NS UINT64_C(10000000000)
enum {
    QUESTION_WORDS = 6,
    QUESTION_WAYS = 8,
    QUESTION_SLOTS = 8192, /* number of places, a power of two */
    DNS_PORT = 53,
    DNS_HEADER = 12,
    DNS_NAME_MOST = 255, /* most bytes of a name on the wire */
};

/* Addresses of resolver and asker, two words each; port of the asker, number of the message and family; hash of the
 * question's section: its name, in the case in which it was asked, type and class. */
struct question_id {
    uint64_t word[QUESTION_WORDS];
};
struct dns_question {
    uint64_t until_ns; /* bit 0: the words are being written, or read; 0: the place is free */
    struct question_id id;
    uint64_t zero;
};
static_assert(sizeof(struct dns_question) == 64, "a power of two, as it stands in arrays");

/* The table apart from its places. */
struct question_head {
    struct hash_key hash;
    uint64_t evicted; /* questions that made way before they expired */
};

/* Words shared by several threads. Clang for BPF lacks these builtins. */
#ifdef __bpf__
#define QUESTION_LOAD(at)      (*(const volatile uint64_t *)(at))
#define QUESTION_STORE(at, to) (*(volatile uint64_t *)(at) = (to))
#else
#define QUESTION_LOAD(at)      __atomic_load_n(at, __ATOMIC_RELAXED)
#define QUESTION_STORE(at, to) __atomic_store_n(at, to, __ATOMIC_RELAXED)
#endif

/* True if the place has that question, or a part of it during a write. */
static inline bool question_is(const struct dns_question *at, const struct question_id *id)
{
    uint64_t differ = 0;
    for (unsigned i = 0; i < QUESTION_WORDS; i++) differ |= QUESTION_LOAD(&at->id.word[i]) ^ id->word[i];
    return !differ;
}

/* Make the id of a question from `asker` to `resolver`, both as in struct key. */
static inline void question_id_of(struct question_id *id, const uint32_t asker[4], const uint32_t resolver[4],
                                  uint16_t port, uint16_t number, bool v6, uint64_t section)
{
    id->word[0] = hash_pair(resolver[0], resolver[1]);
    id->word[1] = hash_pair(resolver[2], resolver[3]);
    id->word[2] = hash_pair(asker[0], asker[1]);
    id->word[3] = hash_pair(asker[2], asker[3]);
    id->word[4] = (uint64_t)v6 << 32 | (uint32_t)port << 16 | number;
    id->word[5] = section;
}

/* Note a question, or renew it if it is there. slots: array of QUESTION_SLOTS places. */
void question_put(struct question_head *head, struct dns_question *slots, const struct question_id *id,
                  uint64_t now_ns);

enum { QUESTION_SECTION_MOST = DNS_NAME_MOST + 4, QUESTION_STEPS = (QUESTION_SECTION_MOST + 7) / 8 };

/* Add the next word of a question's section to its hash, which begins as the section's length in bytes. */
static inline uint64_t question_hash_word(const struct hash_key *key, uint64_t hash, uint64_t word)
{
    struct hash_sum sum = {0, 0};
    hash_two(&sum, key, 0, hash, word);
    return hash_close(key, &sum);
}

/* The table of a process. It is counted: its maker holds the first reference. */
struct questions {
    struct question_head *head;
    struct dns_question *slots;
    uint32_t holders; /* atomic: number of references */
    bool own;         /* head and slots are freed with the table */
};
/* Make an empty table; NULL: out of memory. */
struct questions *questions_new(uint64_t seed);
/* The same over another owner's memory, which must outlive the table. slots: array of QUESTION_SLOTS places. */
struct questions *questions_over(struct question_head *head, struct dns_question *slots);
/* Take a reference, or release one; the last release frees it. NULL is allowed. */
struct questions *questions_get(struct questions *q);
void questions_put(struct questions *q);
/* Return the hash of a question's section of that length, at most QUESTION_SECTION_MOST bytes. */
uint64_t question_hash(const struct question_head *head, const uint8_t *section, uint32_t len);
/* True if the question waits. take: it then stops waiting. */
bool question_waits(struct questions *q, const struct question_id *id, uint64_t now_ns, bool take);
