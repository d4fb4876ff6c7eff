/* Members of live sets outlive the process: they go to the process that takes over, and to a file that the parent keeps
 * beside the history of programs, on disk or, without a folder for it, in memory. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/host/file/past_files.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/tell/log.h"
#include "runtime/parent/ask.h"
#include "vm/keyed/keyed.h"

static const char magic[8] = "preyset";

/* The beginning of the file: the digest of all behind it, and when it was written, by both clocks. */
struct kept_head {
    char magic[8];
    uint8_t digest[PBC_DIGEST_LEN];
    uint64_t wall_ms, mono_ms;
};

static void digest_kept(const uint8_t *bytes, size_t len, uint8_t digest[PBC_DIGEST_LEN])
{
    const size_t from = offsetof(struct kept_head, wall_ms);
    pbc_digest(bytes + from, len - from, digest);
}

static uint64_t wall_ms(void) { return clock_ns(CLOCK_REALTIME) / 1000000; }

void members_archive(struct rules *rules, struct archive *a)
{
    static const struct lives_read all = {0};
    struct ruling *now = &rules->carry->now;
    if (a->reads && !a->left) return; /* from a version without live sets */
    if (now->lives) lives_at(now->lives, clock_ns(CLOCK_MONOTONIC));
    lives_archive(now->lives, now->program, a, &all);
}

/* Return a number that is another once members have changed. */
static uint64_t changes(const struct lives *l)
{
    uint64_t n = 0;
    for (uint32_t i = 0; l && i < l->count; i++) {
        const struct live_counts c = live_counts(lives_set(l, i));
        const struct live_base base = live_base(lives_set(l, i));
        n += c.added + c.renewed + c.removed + c.evicted + (uintptr_t)lives_set(l, i) + (uintptr_t)base.r4;
    }
    return n;
}

/* Tell a failure, once until it is another. */
static void tell_unkept(struct rules *rules, int failed)
{
    struct members *m = rules->members;
    if (failed && failed != m->unkept)
        tell_fault(rules->tell, "sets: members are not kept for the next start: %s",
                   failed == -EFBIG ? "they take more room than the history of programs has" : strerror(-failed));
    m->unkept = failed;
}

void members_keep(struct rules *rules)
{
    struct lives *l = rules->carry->now.lives;
    struct members *m = rules->members;
    const uint64_t now = changes(l);
    if (!l || !m || !change_settled(rules->carry) || now == m->kept) return;
    const uint64_t room = sizeof(struct kept_head) + lives_archive_most(l) + (UINT64_C(1) << 16);
    uint8_t *bytes = room <= HISTORY_FILE_MOST ? malloc(room) : NULL;
    int failed = room <= HISTORY_FILE_MOST ? -ENOMEM : -EFBIG;
    if (bytes) {
        static const struct lives_read all = {0};
        struct kept_head head = {.wall_ms = wall_ms(), .mono_ms = members_now_ms()};
        struct archive a = {.at = bytes, .left = room};
        memcpy(head.magic, magic, sizeof magic);
        ARCHIVE(&a, head);
        failed = lives_archive(l, rules->carry->now.program, &a, &all) ? 0 : -EAGAIN;
        digest_kept(bytes, (size_t)(a.at - bytes), bytes + offsetof(struct kept_head, digest));
        if (!failed)
            failed = ask_HISTORY_KEEP(rules->tell->channel, &(struct request_file){HISTORY_SETS}, bytes,
                                      (size_t)(a.at - bytes), NULL, 0);
    }
    free(bytes);
    if (failed == -EAGAIN) return; /* many came meanwhile: next time */
    m->kept = now;
    tell_unkept(rules, failed);
}

void members_restore(struct rules *rules, bool crashed)
{
    struct lives *l = rules->carry->now.lives;
    int fd;
    size_t len = 0;
    if (!l || ask_HISTORY_OPEN(rules->tell->channel, &(struct request_file){HISTORY_SETS}, &fd, NULL, 0)) return;
    char *bytes = read_whole(fd, HISTORY_FILE_MOST, &len);
    struct kept_head head = {.wall_ms = 0};
    struct archive a = {.at = (uint8_t *)bytes, .left = bytes ? len : 0, .reads = true};
    uint8_t digest[PBC_DIGEST_LEN] = {0};
    close(fd);
    ARCHIVE(&a, head);
    if (!a.bad) digest_kept((uint8_t *)bytes, len, digest);
    archive_sound(&a, !memcmp(head.magic, magic, sizeof magic) && !memcmp(head.digest, digest, sizeof digest));
    if (!a.bad) {
        /* A clock that was set back lets no member stay longer than it was added for. */
        const int64_t passed = (int64_t)(wall_ms() - head.wall_ms);
        const struct lives_read how = {
            .later_ms = (int64_t)(members_now_ms() - head.mono_ms) - (passed > 0 ? passed : 0), .kept = !crashed};
        lives_at(l, clock_ns(CLOCK_MONOTONIC));
        lives_archive(l, rules->carry->now.program, &a, &how);
    }
    if (a.bad) tell_fault(rules->tell, "sets: what was kept of their members is damaged, and is left out");
    free(bytes);
    rules->members->kept = changes(l);
}
