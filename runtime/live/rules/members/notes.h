/* Notes beside the members of one live set: their time, user and comment. The vm does not know them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/judge/lives.h"

enum { NOTE_COMMENT_MOST = 100 /* most bytes of a comment */ };
#define NOTE_ANSWER UINT32_MAX /* in place of a user: a DNS answer; the comment is the host's name */

struct note {
    struct note *next;
    uint64_t wall_ns;    /* time at which the member was added */
    const char *comment; /* comment in UTF-8 without control characters; "": none */
    /* end that the member got by hand, in milliseconds, above its family and length; if past, the note is invalid,
     * because a rule may have added the member */
    uint64_t end_net;
    uint32_t uid;    /* user who changed the member last */
    uint32_t addr[]; /* the member's address; IPv4: one word, IPv6: four */
};

/* True if the text may be a comment. */
bool note_comment_fits(const char *text);

struct notes;
/* Make a table for `most` members; memory grows with the notes. NULL: out of memory. */
struct notes *notes_new(uint64_t most, uint64_t seed);
void notes_free(struct notes *n); /* NULL is allowed */

/* Note a change of a member. anew: it was not a member before, and begins at wall_ns. comment: NULL keeps the
 * present one. If memory or the room for `most` notes is used up, nothing is noted. */
struct note_of {
    uint32_t uid;
    uint64_t wall_ns, now_ms, end_ms;
    const char *comment;
    bool anew;
};
void notes_set(struct notes *n, const struct live_net *net, const struct note_of *of);
/* Return the note of a member, valid until the next change; NULL if there is none. */
const struct note *notes_find(const struct notes *n, uint64_t now_ms, const struct live_net *net);
/* Return the end that the member got by hand, in milliseconds. */
uint64_t note_end_ms(const struct note *note);
void notes_remove(struct notes *n, const struct live_net *net);

/* Drop notes in the next `buckets` buckets, each at most once, that have ended or whose members have left the set; s
 * NULL: drop all notes there. */
void notes_sweep(struct notes *n, const struct live_set *s, uint64_t now_ms, unsigned buckets);
/* Allow another number of notes. If there are fewer buckets than that, all notes move to new buckets; without memory
 * the old ones stay. */
void notes_bound(struct notes *n, uint64_t most);
bool notes_full(const struct notes *n);
bool notes_empty(const struct notes *n);

/* Return a number that changes when a note is set. */
uint64_t notes_changes(const struct notes *n);
/* Write all notes, or read them; the input is hostile. Notes that have ended by now_ms, or whose member the set
 * lacks (s, when reading), are left out. later_ms: added to each end that is read. False: no room, or the bytes are
 * not notes; notes read until then stay. */
struct archive;
bool notes_archive(struct notes *n, struct archive *a, const struct live_set *s, uint64_t now_ms, int64_t later_ms);
/* Return the most bytes that notes_archive writes. */
uint64_t notes_archive_most(const struct notes *n);
