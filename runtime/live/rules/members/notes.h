/* Notes beside the members of one live set: since when, by which user, with which comment. The vm knows none of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/judge/lives.h"

enum { NOTE_COMMENT_MOST = 100 /* bytes of a comment */ };
#define NOTE_ANSWER UINT32_MAX /* in the place of a user: an answer of DNS, and the comment is the name of the host */

struct note {
    struct note *next;
    uint64_t wall_ns;    /* time at which the member was added */
    const char *comment; /* UTF-8 without control characters; "": none */
    /* End that the member got by hand, in milliseconds, above its family and length. Past: the note is none, for a rule
     * may have added the member. */
    uint64_t end_net;
    uint32_t uid;    /* user who changed the member last */
    uint32_t addr[]; /* the member's; IPv4: one word, IPv6: four */
};

/* True if the text may be a comment. */
bool note_comment_fits(const char *text);

struct notes;
/* Make a table for `most` members; memory comes as notes come. NULL: out of memory. */
struct notes *notes_new(uint64_t most, uint64_t seed);
void notes_free(struct notes *n); /* NULL is allowed */

/* Note a change of a member. anew: it was none before, and begins at wall_ns. comment: NULL keeps the one that is
 * there. Without memory, or beyond `most` notes, nothing is noted. */
struct note_of {
    uint32_t uid;
    uint64_t wall_ns, now_ms, end_ms;
    const char *comment;
    bool anew;
};
void notes_set(struct notes *n, const struct live_net *net, const struct note_of *of);
/* Return the note of a member, valid until the next change; NULL: there is none. */
const struct note *notes_find(const struct notes *n, uint64_t now_ms, const struct live_net *net);
/* Return the end that the member got by hand, in milliseconds. */
uint64_t note_end_ms(const struct note *note);
void notes_remove(struct notes *n, const struct live_net *net);

/* Drop notes in the next `buckets` buckets, each once at most, whose end has passed or whose members are gone from the
 * set; s: NULL: all notes there. */
void notes_sweep(struct notes *n, const struct live_set *s, uint64_t now_ms, unsigned buckets);
/* Allow another number of notes. If there are fewer buckets than that, all notes move to new ones; without memory
 * the old buckets stay. */
void notes_bound(struct notes *n, uint64_t most);
bool notes_full(const struct notes *n);
bool notes_empty(const struct notes *n);

/* Return a number that is another once a note was set. */
uint64_t notes_changes(const struct notes *n);
/* Write all notes that have not ended, or read them; the input is hostile. What has ended by now_ms, or whose member
 * the set lacks (s, when reading), is left out. later_ms: added to each end that is read. False: no room, or the
 * bytes are no notes; those that were read until then stay. */
struct archive;
bool notes_archive(struct notes *n, struct archive *a, const struct live_set *s, uint64_t now_ms, int64_t later_ms);
/* Return the most bytes that notes_archive writes. */
uint64_t notes_archive_most(const struct notes *n);
