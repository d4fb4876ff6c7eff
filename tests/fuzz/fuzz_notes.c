/* Fuzzes a live set's notes with any bytes. Accepted notes have a member, an end in the future, and a comment
 * without control characters, and survive writing and reading unchanged. */
#include <stdlib.h>
#include <string.h>

#include "runtime/live/rules/members/notes.h"
#include "vm/keyed/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MEMBERS = 32, NOTES_MOST = 24, NOW_MS = 1000 };

static struct live_net member_at(uint32_t i)
{
    return (struct live_net){.addr = {i < 16 ? i << 24 : i}, .len = i < 16 ? 8 : 128, .v6 = i >= 16};
}

static struct live_set *set_of_members(void)
{
    struct live_set *s = live_new(&(struct live_cfg){.size = MEMBERS, .seed = 1});
    for (uint32_t i = 0; s && i < MEMBERS; i++) {
        const struct live_net net = member_at(i);
        live_add(s, NOW_MS, &net, LIVE_FOREVER, LIVE_SET);
    }
    if (!s) abort();
    return s;
}

/* Return how many members have a note. other: NULL, or notes that must be the same. */
static unsigned check(const struct notes *n, const struct notes *other)
{
    unsigned found = 0;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        const struct live_net net = member_at(i);
        const struct note *note = notes_find(n, NOW_MS, &net), *same = other ? notes_find(other, NOW_MS, &net) : note;
        if (!note != !same) abort();
        if (!note) continue;
        found++;
        if (!note_comment_fits(note->comment) || note_end_ms(note) <= NOW_MS || note_end_ms(note) > LIVE_FOREVER)
            abort();
        if (note->uid != same->uid || note->wall_ns != same->wall_ns || note_end_ms(note) != note_end_ms(same)) abort();
        if (strcmp(note->comment, same->comment) != 0) abort();
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct live_set *members;
    int64_t later_ms;
    if (!members) members = set_of_members();
    if (len < sizeof later_ms) return 0;
    memcpy(&later_ms, bytes, sizeof later_ms);
    uint8_t *copy = malloc(len);
    struct notes *n = notes_new(NOTES_MOST, 1), *again = notes_new(NOTES_MOST, 2);
    if (!copy || !n || !again) abort();
    memcpy(copy, bytes, len);
    struct archive a = {.at = copy + sizeof later_ms, .left = len - sizeof later_ms, .reads = true};
    notes_archive(n, &a, members, NOW_MS, later_ms);
    const unsigned found = check(n, NULL);
    if (found > NOTES_MOST || notes_empty(n) != !found) abort();

    const uint64_t most = notes_archive_most(n);
    uint8_t *written = malloc(most);
    if (!written) abort();
    a = (struct archive){.at = written, .left = most};
    if (!notes_archive(n, &a, NULL, NOW_MS, 0) || a.left) abort();
    a = (struct archive){.at = written, .left = most, .reads = true};
    if (!notes_archive(again, &a, members, NOW_MS, 0) || a.left || check(again, n) != found) abort();
    free(written);
    free(copy);
    notes_free(n);
    notes_free(again);
    return 0;
}
