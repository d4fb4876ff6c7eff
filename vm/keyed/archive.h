/* State as bytes: one walk over the state writes it, or reads it into an object that was made in the same way. The
 * input is hostile: each walk checks the conditions that it must fulfil. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct archive {
    uint8_t *at; /* the next byte to be written or read */
    size_t left;
    bool reads;
    uint64_t cookies; /* reading: cookies of waiting packets must be below this */
    bool unordered;   /* reading: observed bytes lack the order of their segments, in recordings before version 13 */
    bool rest;        /* flows sent in advance are left out (vm.h, vm_advance_write) */
    bool beside;      /* the reader gets the shared flow table itself: everything else is archived */
    bool moves;       /* flows and meters in the kernel's maps are archived, too, though stages change them meanwhile */
    bool late;        /* reading, with `beside`: the table has changed since this was written (a crash) */
    bool bad;         /* no room, or the bytes read are not a valid state: the rest is unreliable */
};

/* Write or read those bytes. False: the archive is bad. */
static inline bool archive_part(struct archive *a, void *part, size_t bytes)
{
    if (a->bad || bytes > a->left) {
        a->bad = true;
        return false;
    }
    if (!bytes) return true; /* without bytes, part may be NULL */
    if (a->reads)
        memcpy(part, a->at, bytes);
    else
        memcpy(a->at, part, bytes);
    a->at += bytes;
    a->left -= bytes;
    return true;
}
#define ARCHIVE(archive, object) archive_part(archive, &(object), sizeof(object))

/* Mark the archive bad if a condition on state that was read does not hold. False: the archive is bad. */
static inline bool archive_sound(struct archive *a, bool holds)
{
    a->bad |= a->reads && !holds;
    return !a->bad;
}

/* Write or read the tags of the next group (tags.h) with a taken slot. *next is 0 at first, then the index behind
 * that group. Return the mask of taken slots; 0: no more groups, or the archive is bad. */
uint32_t archive_group(struct archive *a, uint16_t *tags, uint32_t groups, uint32_t *next);

/* Greatest size in bytes of a table that is read with the size that an earlier program asked for */
#define ARCHIVE_RESIZED (UINT64_C(1) << 30)
