/* State as bytes: the same walk over it writes it, and reads it again into what was made alike. What is read is
 * hostile: whoever walks says what must hold of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct archive {
    uint8_t *at; /* the next byte to be written or read */
    size_t left;
    bool reads;
    uint64_t cookies; /* reading: those of packets that wait are below */
    bool bad;         /* there was no room; or what was read is no such state: the rest is not to be relied on */
};

/* Write those bytes, or read them. False: the archive is bad. */
static inline bool archive_part(struct archive *a, void *part, size_t bytes)
{
    if (a->bad || bytes > a->left) {
        a->bad = true;
        return false;
    }
    if (a->reads)
        memcpy(part, a->at, bytes);
    else
        memcpy(a->at, part, bytes);
    a->at += bytes;
    a->left -= bytes;
    return true;
}
#define ARCHIVE(archive, object) archive_part(archive, &(object), sizeof(object))

/* What must hold of state that was read. False: the archive is bad. */
static inline bool archive_sound(struct archive *a, bool holds)
{
    a->bad |= a->reads && !holds;
    return !a->bad;
}

/* The next group of slots (tags.h) of which some are taken, and its tags: *next is 0 at first, then one past the group.
 * Returns which slots are taken; 0: there are no more, or the archive is bad. */
uint32_t archive_group(struct archive *a, uint16_t *tags, uint32_t groups, uint32_t *next);

/* A table of another size than its program asks for, since one before it asked, may have so many bytes. */
#define ARCHIVE_RESIZED (UINT64_C(1) << 30)

/* A table by key with all that is in it; it is made anew where it had another size. What the entries say is the
 * owner's to check. */
struct keyed;
bool keyed_archive(struct keyed *t, struct archive *a);
