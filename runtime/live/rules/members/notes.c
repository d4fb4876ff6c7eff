/* A hash table with chains and at least as many buckets as members may exist. Only buckets in use take memory */
#include "runtime/live/rules/members/notes.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/live/rules/members/comments.h"
#include "vm/keyed/keyed.h"

enum { NET_BITS = 9, ADDR4_BYTES = 4, ADDR6_BYTES = 16 };
static_assert(LIVE_FOREVER < UINT64_C(1) << (64 - NET_BITS), "an end has room above family and length");

struct notes {
    struct note **buckets;
    uint64_t mask, count, most, at; /* at: bucket of the next sweep */
    uint64_t text;                  /* bytes of all comments, without their NULs */
    uint64_t changes;               /* number of times that a note was set */
    struct hash_key key;
    struct comments *comments;
};

/* A note in an archive, followed by the bytes of its comment, without NUL. */
struct kept_note {
    uint32_t addr[4];
    uint64_t end_ms, wall_ns;
    uint32_t uid;
    uint8_t len, v6, comment, zero; /* comment: length in bytes */
};
static_assert(sizeof(struct kept_note) == 40, "it leaves the process");

bool note_comment_fits(const char *text)
{
    const size_t len = strlen(text);
    const unsigned char *s = (const unsigned char *)text;
    if (len > NOTE_COMMENT_MOST) return false;
    while (*s) {
        const unsigned more = *s < 0x80 ? 0 : *s >= 0xc2 && *s < 0xe0 ? 1 : (*s & 0xf0) == 0xe0 ? 2 : 3;
        if (*s < 0x20 || *s == 0x7f || (more == 3 && (*s < 0xf0 || *s > 0xf4))) return false;
        for (unsigned i = 1; i <= more; i++)
            if ((s[i] & 0xc0) != 0x80) return false;
        /* Overlong forms, surrogates, numbers past U+10FFFF, and C1 control characters */
        if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
            (*s == 0xf4 && s[1] > 0x8f) || (*s == 0xc2 && s[1] < 0xa0))
            return false;
        s += more + 1;
    }
    return true;
}

static uint64_t buckets_for(uint64_t most)
{
    uint64_t buckets = 64;
    while (buckets < most) buckets *= 2;
    return buckets;
}

struct notes *notes_new(uint64_t most, uint64_t seed)
{
    struct notes *n = calloc(1, sizeof *n);
    const uint64_t buckets = buckets_for(most);
    if (n) *n = (struct notes){.buckets = calloc(buckets, sizeof(void *)), .mask = buckets - 1, .most = most};
    if (n) hash_key_init(&n->key, seed);
    if (n) n->comments = comments_new(seed + 1);
    if (n && n->buckets && n->comments) return n;
    if (n) free(n->buckets), comments_free(n->comments);
    free(n);
    return NULL;
}

void notes_free(struct notes *n)
{
    if (!n) return;
    while (n->count) notes_sweep(n, NULL, 0, 1 << 16);
    free(n->buckets);
    comments_free(n->comments);
    free(n);
}

static struct note **note_bucket(const struct notes *n, const struct live_net *net)
{
    const uint64_t words[3] = {(uint64_t)net->addr[0] << 32 | net->addr[1], (uint64_t)net->addr[2] << 32 | net->addr[3],
                               (uint64_t)net->len << 1 | net->v6};
    return &n->buckets[hash_words(&n->key, words, 3) & n->mask];
}

static size_t addr_bytes(bool v6) { return v6 ? ADDR6_BYTES : ADDR4_BYTES; }

static uint64_t end_net_of(uint64_t end_ms, const struct live_net *net)
{
    return end_ms << NET_BITS | (uint64_t)net->v6 << (NET_BITS - 1) | net->len;
}

static bool note_is_of(const struct note *note, const struct live_net *net)
{
    const uint64_t bits = (UINT64_C(1) << NET_BITS) - 1;
    return (note->end_net & bits) == end_net_of(0, net) && !memcmp(note->addr, net->addr, addr_bytes(net->v6));
}

static struct live_net note_net(const struct note *note)
{
    struct live_net net = {.len = (uint8_t)note->end_net, .v6 = note->end_net >> (NET_BITS - 1) & 1};
    memcpy(net.addr, note->addr, addr_bytes(net.v6));
    return net;
}

/* Return the link that leads to the note of a member, or to the end of its chain. */
static struct note **note_link(const struct notes *n, const struct live_net *net)
{
    struct note **at = note_bucket(n, net);
    while (*at && !note_is_of(*at, net)) at = &(*at)->next;
    return at;
}

uint64_t note_end_ms(const struct note *note) { return note->end_net >> NET_BITS; }

static bool has_ended(const struct note *note, uint64_t now_ms) { return note_end_ms(note) <= now_ms; }

static void note_free(struct notes *n, struct note *note)
{
    comment_put(n->comments, note->comment);
    free(note);
}

void notes_set(struct notes *n, const struct live_net *net, const struct note_of *of)
{
    struct note **at = note_link(n, net), *old = *at;
    const bool anew = of->anew || !old || has_ended(old, of->now_ms);
    const char *comment = of->comment ? of->comment : anew ? "" : old->comment;
    if (!old && n->count >= n->most) return;
    struct note *fresh = malloc(offsetof(struct note, addr) + addr_bytes(net->v6));
    const char *const held = fresh ? comment_get(n->comments, comment) : NULL;
    if (!held) {
        free(fresh);
        return;
    }
    fresh->next = old ? old->next : NULL;
    fresh->wall_ns = anew ? of->wall_ns : old->wall_ns;
    fresh->comment = held;
    fresh->end_net = end_net_of(of->end_ms, net);
    fresh->uid = of->uid;
    memcpy(fresh->addr, net->addr, addr_bytes(net->v6));
    n->count += !old;
    n->text += strlen(held);
    n->text -= old ? strlen(old->comment) : 0;
    n->changes++;
    *at = fresh;
    if (old) note_free(n, old);
}

const struct note *notes_find(const struct notes *n, uint64_t now_ms, const struct live_net *net)
{
    const struct note *note = *note_link(n, net);
    return note && !has_ended(note, now_ms) ? note : NULL;
}

static void note_drop(struct notes *n, struct note **at)
{
    struct note *old = *at;
    *at = old->next;
    n->count--;
    n->text -= strlen(old->comment);
    note_free(n, old);
}

void notes_remove(struct notes *n, const struct live_net *net)
{
    struct note **at = note_link(n, net);
    if (*at) note_drop(n, at);
}

void notes_sweep(struct notes *n, const struct live_set *s, uint64_t now_ms, unsigned buckets)
{
    uint64_t end_ms;
    if (buckets > n->mask + 1) buckets = (unsigned)(n->mask + 1);
    for (; buckets && n->count; buckets--, n->at = (n->at + 1) & n->mask)
        for (struct note **at = &n->buckets[n->at]; *at;) {
            const struct live_net net = note_net(*at);
            if (s && !has_ended(*at, now_ms) && live_find(s, now_ms, &net, &end_ms))
                at = &(*at)->next;
            else
                note_drop(n, at);
        }
}

void notes_bound(struct notes *n, uint64_t most)
{
    const uint64_t count = n->mask + 1, more = buckets_for(most);
    struct note **const old = n->buckets, **const fresh = more > count ? calloc(more, sizeof *fresh) : NULL;
    n->most = most;
    if (!fresh) return;
    n->buckets = fresh;
    n->mask = more - 1;
    n->at = 0;
    for (uint64_t i = 0; i < count; i++)
        for (struct note *note = old[i], *next; note; note = next) {
            const struct live_net net = note_net(note);
            struct note **const to = note_bucket(n, &net);
            next = note->next;
            note->next = *to;
            *to = note;
        }
    free(old);
}
bool notes_full(const struct notes *n) { return n->count >= n->most; }
bool notes_empty(const struct notes *n) { return !n->count; }

uint64_t notes_changes(const struct notes *n) { return n->changes; }

uint64_t notes_archive_most(const struct notes *n)
{
    return sizeof(uint64_t) + n->count * sizeof(struct kept_note) + n->text;
}

static void note_write(struct archive *a, const struct note *note)
{
    const struct live_net net = note_net(note);
    struct kept_note k = {.end_ms = note_end_ms(note),
                          .wall_ns = note->wall_ns,
                          .uid = note->uid,
                          .len = net.len,
                          .v6 = net.v6,
                          .comment = (uint8_t)strlen(note->comment)};
    memcpy(k.addr, net.addr, sizeof k.addr);
    ARCHIVE(a, k);
    archive_part(a, (void *)(uintptr_t)note->comment, k.comment);
}

static void notes_write(const struct notes *n, struct archive *a, uint64_t now_ms)
{
    uint8_t *const head = a->at;
    uint64_t count = 0;
    ARCHIVE(a, count);
    for (uint64_t i = 0; i <= n->mask && !a->bad; i++)
        for (const struct note *note = n->buckets[i]; note && !a->bad; note = note->next) {
            if (has_ended(note, now_ms)) continue;
            note_write(a, note);
            count++;
        }
    if (!a->bad) memcpy(head, &count, sizeof count);
}

/* Read a note into *k, its member and its comment. False if the bytes are not a valid note. */
static bool note_read(struct archive *a, struct kept_note *k, struct live_net *net, char comment[NOTE_COMMENT_MOST + 1])
{
    uint32_t unused[4];
    if (!ARCHIVE(a, *k)) return false;
    const bool sound = k->v6 <= 1 && k->len <= (k->v6 ? 128 : 32) && k->comment <= NOTE_COMMENT_MOST;
    if (!archive_sound(a, sound && k->end_ms <= LIVE_FOREVER) || !archive_part(a, comment, k->comment)) return false;
    comment[k->comment] = 0;
    *net = (struct live_net){.len = k->len, .v6 = k->v6};
    memcpy(net->addr, k->addr, sizeof net->addr);
    live_net_ends(net, net->addr, unused);
    return archive_sound(a, strlen(comment) == k->comment && note_comment_fits(comment));
}

static void notes_read(struct notes *n, struct archive *a, const struct live_set *s, uint64_t now_ms, int64_t later_ms)
{
    uint64_t count = 0, member_end_ms;
    ARCHIVE(a, count);
    for (; count && !a->bad; count--) {
        struct kept_note k = {.len = 0};
        struct live_net net;
        char comment[NOTE_COMMENT_MOST + 1];
        if (!note_read(a, &k, &net, comment)) return;
        const uint64_t end_ms = k.end_ms == LIVE_FOREVER ? LIVE_FOREVER : k.end_ms + (uint64_t)later_ms;
        if (end_ms <= now_ms || end_ms > LIVE_FOREVER || !live_find(s, now_ms, &net, &member_end_ms)) continue;
        notes_set(n, &net,
                  &(struct note_of){.uid = k.uid,
                                    .wall_ns = k.wall_ns,
                                    .now_ms = now_ms,
                                    .end_ms = end_ms,
                                    .comment = comment,
                                    .anew = true});
    }
}

bool notes_archive(struct notes *n, struct archive *a, const struct live_set *s, uint64_t now_ms, int64_t later_ms)
{
    if (a->reads)
        notes_read(n, a, s, now_ms, later_ms);
    else
        notes_write(n, a, now_ms);
    return !a->bad;
}
