/* Members of live sets outlive the process. They go to the process that takes over, and to a file. The parent keeps
 * that file beside the history of programs, on disk or, without a folder for it, in memory. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/host/file/past_files.h"
#include "runtime/host/manager.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/tell/log.h"
#include "runtime/parent/ask.h"
#include "vm/keyed/keyed.h"

static const char magic[8] = "preyset";

enum {
    PAUSE_TIMES = 20,    /* the next file waits this many times as long as the last one took */
    CLOCK_SET_MS = 1000, /* change of the clock for which another file is written */
};
#define RETRY_NS UINT64_C(5000000000)

/* The beginning of the file: the digest of everything that follows it, and the time of writing by both clocks. Ends
 * of members are times of the monotonic clock, which continues until the next boot. */
struct kept_head {
    char magic[8];
    uint8_t digest[PBC_DIGEST_LEN];
    uint64_t wall_ms, mono_ms;
    char boot[BOOT_ID];
    uint32_t version; /* FILE_VERSION; older versions lack the last fields */
};
/* 0: members only; 1: with their notes (members_notes_archive) */
enum { FILE_VERSION = 1 };

static void digest_kept(const uint8_t *bytes, size_t len, uint8_t digest[PBC_DIGEST_LEN])
{
    const size_t from = offsetof(struct kept_head, wall_ms);
    pbc_digest(bytes + from, len - from, digest);
}

static uint64_t wall_ms(void) { return clock_ns(CLOCK_REALTIME) / 1000000; }

/* Take members that were read out of the counts, so that all counts of a set are 0. */
static void uncount(struct rules *rules)
{
    const struct ruling *now = &rules->carry->now;
    for (uint32_t i = 0; now->lives && i < now->lives->count; i++) {
        struct member_set *s = members_named(rules, program_str(now->program, now->program->lives[i].name));
        const struct live_counts own = live_counts(lives_set(now->lives, i));
#define X(field, doc) s->past.field = -own.field;
        LIVE_COUNTS(X)
#undef X
    }
}

/* The part of a set that is handed over beside its members; it follows the length of the set's name, and the name. */
struct kept_counts {
    struct live_counts all;
    uint64_t refused, cut, replaced_ns;
    uint32_t replaced_by, reserved;
};

static void counts_write(const struct rules *rules, uint32_t live, struct archive *a)
{
    const struct ruling *now = &rules->carry->now;
    const char *name = program_str(now->program, now->program->lives[live].name);
    const struct member_set *s = members_named(rules, name);
    uint32_t len = (uint32_t)strlen(name);
    struct kept_counts k = {.all = member_counts(s, lives_set(now->lives, live)),
                            .refused = member_refused(s, now->lives, live),
                            .cut = s->cut,
                            .replaced_ns = s->replaced_ns,
                            .replaced_by = s->replaced_by};
    ARCHIVE(a, len);
    archive_part(a, (void *)(uintptr_t)name, len);
    ARCHIVE(a, k);
}

static void counts_read(const struct rules *rules, struct archive *a)
{
    char name[256] = "";
    struct kept_counts k;
    uint32_t len = 0;
    if (!ARCHIVE(a, len) || !archive_sound(a, len < sizeof name)) return;
    archive_part(a, name, len);
    if (!ARCHIVE(a, k)) return;
    struct member_set *s = members_named(rules, name);
    if (!s) return;
#define X(field, doc) s->past.field += k.all.field;
    LIVE_COUNTS(X)
#undef X
    s->refused = k.refused;
    s->cut = k.cut;
    s->replaced_ns = k.replaced_ns;
    s->replaced_by = k.replaced_by;
}

/* Write or read counts. Those of another layout, from another version, begin again. */
static void counts_archive(struct rules *rules, struct archive *a)
{
    const struct lives *l = rules->carry->now.lives;
    uint32_t size = sizeof(struct kept_counts), count = l ? l->count : 0;
    if (a->reads) uncount(rules);
    if (a->reads && !a->left) return;
    ARCHIVE(a, size);
    ARCHIVE(a, count);
    if (size != sizeof(struct kept_counts)) return;
    for (uint32_t i = 0; i < count && !a->bad; i++)
        if (a->reads)
            counts_read(rules, a);
        else
            counts_write(rules, i, a);
}

/* Have each file read again at the next look, because the archive may be older than the files. */
static void files_forget(const struct rules *rules)
{
    for (struct member_set *s = rules->members ? rules->members->first : NULL; s; s = s->next)
        memset(&s->file.mark, 0, sizeof s->file.mark);
}

void members_archive(struct rules *rules, struct archive *a)
{
    struct lives_read all = {.kept = false};
    struct ruling *now = &rules->carry->now;
    if (a->reads && !a->left) return; /* from a version without live sets */
    if (now->lives) lives_at(now->lives, clock_ns(CLOCK_MONOTONIC));
    if (lives_archive(now->lives, now->program, a, &all)) counts_archive(rules, a);
    if (!a->bad) members_notes_pass(rules, a);
    if (a->reads) files_forget(rules);
}

/* Return a number that changes when members, or the program, have changed. */
static uint64_t changes(const struct rules *rules)
{
    const struct lives *l = rules->carry->now.lives;
    uint64_t n = rules->begun;
    for (uint32_t i = 0; l && i < l->count; i++) {
        const struct live_counts c = live_counts(lives_set(l, i));
        const struct live_base base = live_base(lives_set(l, i));
        n += c.added + c.renewed + c.removed + c.evicted + (uintptr_t)lives_set(l, i) + (uintptr_t)base.r4;
    }
    return n + members_notes_changes(rules);
}

/* Report a failure once, until it changes. any: there are sets. */
static void tell_unkept(struct rules *rules, bool any, int failed)
{
    struct members *m = rules->members;
    if (failed && failed != m->unkept && !any)
        tell_fault(rules->tell,
                   "sets: the kept members of a removed set can't be deleted, and would come back with the set: %s",
                   strerror(-failed));
    else if (failed && failed != m->unkept)
        tell_fault(rules->tell, "sets: prey can't keep members for the next start: %s",
                   failed == -EFBIG ? "they need more room than the history of programs has" : strerror(-failed));
    m->unkept = failed;
}

static int hand_over(struct rules *rules, const uint8_t *bytes, size_t len)
{
    return ask_HISTORY_KEEP(rules->tell->channel, &(struct request_file){HISTORY_SETS}, bytes, len, NULL, 0);
}

/* Write all members. notes: with their notes. */
static int write_file(struct rules *rules, bool notes)
{
    struct lives_read all = {.kept = false};
    struct lives *l = rules->carry->now.lives;
    const uint64_t room = sizeof(struct kept_head) + lives_archive_most(l) + (notes ? members_notes_most(rules) : 0) +
                          (UINT64_C(1) << 16);
    if (room > HISTORY_FILE_MOST) return -EFBIG;
    uint8_t *bytes = malloc(room);
    if (!bytes) return -ENOMEM;
    struct kept_head head = {.wall_ms = wall_ms(), .mono_ms = members_now_ms(), .version = notes ? FILE_VERSION : 0};
    struct archive a = {.at = bytes, .left = room};
    memcpy(head.magic, magic, sizeof magic);
    memcpy(head.boot, rules->boot, BOOT_ID);
    ARCHIVE(&a, head);
    int failed = lives_archive(l, rules->carry->now.program, &a, &all) ? 0 : -EAGAIN; /* many members came meanwhile */
    if (!failed && notes && !members_notes_archive(rules, &a, 0)) failed = -EAGAIN;
    digest_kept(bytes, (size_t)(a.at - bytes), bytes + offsetof(struct kept_head, digest));
    if (!failed) failed = hand_over(rules, bytes, (size_t)(a.at - bytes));
    free(bytes);
    return failed;
}

/* Write all members, without their notes if these have no room, which is reported once. */
static int write_members(struct rules *rules)
{
    struct members *m = rules->members;
    int failed = write_file(rules, true);
    const bool bare = failed == -EFBIG;
    if (bare) failed = write_file(rules, false);
    if (bare && !failed && !m->bare)
        tell_fault(rules->tell, "sets: prey keeps the members for the next start, but not their comments and who "
                                "changed them, because the file would be too large");
    if (!failed) m->bare = bare;
    return failed;
}

/* Remove the file, so that outdated members do not come back. */
static int remove_kept(struct rules *rules)
{
    struct members *m = rules->members;
    const int failed = m->has_file ? hand_over(rules, NULL, 0) : 0;
    m->has_file &= failed != 0;
    return failed;
}

static bool any_parked(const struct members *m)
{
    const struct member_set *s = m->first;
    while (s && !s->parked) s = s->next;
    return s;
}

/* Return the milliseconds that the wall clock is ahead of the monotonic clock. */
static int64_t ahead_ms(void) { return (int64_t)(wall_ms() - members_now_ms()); }

/* True if the clock was set since the file was written; after another boot, ends would be wrong by as much. A
 * machine without a hardware clock boots in 1970, and NTP sets its clock later. */
static bool clock_was_set(const struct members *m)
{
    const int64_t by_ms = ahead_ms() - m->kept_ahead_ms;
    return m->has_file && (by_ms > CLOCK_SET_MS || by_ms < -CLOCK_SET_MS);
}

void members_keep(struct rules *rules, bool ends)
{
    struct members *m = rules->members;
    const uint64_t now = changes(rules), now_ns = clock_ns(CLOCK_MONOTONIC);
    if (!m || !change_settled(rules->carry) || (now_ns < m->next_ns && !ends)) return;
    if (now == m->kept && !clock_was_set(m)) return;
    const bool any = rules->carry->now.lives;
    if (rules->on_trial && (!any || any_parked(m)))
        return; /* the former program may come back, and its members with it */
    const int failed = any ? write_members(rules) : remove_kept(rules);
    const int stays = failed == -EFBIG ? remove_kept(rules) : failed;
    if (any && !failed) m->has_file = true;
    if (!stays) m->kept = now, m->kept_ahead_ms = ahead_ms();
    const uint64_t done_ns = clock_ns(CLOCK_MONOTONIC), pause_ns = PAUSE_TIMES * (done_ns - now_ns);
    m->next_ns = done_ns + (failed && failed != -EAGAIN && pause_ns < RETRY_NS ? RETRY_NS : pause_ns);
    if (failed != -EAGAIN) tell_unkept(rules, any, failed);
}

/* Report that `keep` keeps nothing without a folder. */
static void notice_memory(const struct rules *rules)
{
    const struct program *p = rules->carry->now.program;
    char folder[4096];
    uint32_t i = 0;
    while (i < p->lives_count && !(p->lives[i].flags & PBC_LIVE_KEEP)) i++;
    if (i < p->lives_count && !manager_history(rules->o->name, folder, sizeof folder))
        complain("notice: set %s has `keep`, but there is no folder for its members, so they are lost when preyrun "
                 "stops; name a folder in $STATE_DIRECTORY (in a systemd unit: StateDirectory=)",
                 program_str(p, p->lives[i].name));
}

/* Read the file into the sets. *no_room: as in struct lives_read. False: it is damaged. */
static bool read_members(struct rules *rules, uint8_t *bytes, size_t len, bool crashed, uint32_t *no_room)
{
    struct lives *l = rules->carry->now.lives;
    struct kept_head head = {.wall_ms = 0};
    struct archive a = {.at = bytes, .left = bytes ? len : 0, .reads = true};
    uint8_t digest[PBC_DIGEST_LEN] = {0};
    ARCHIVE(&a, head);
    if (!a.bad) digest_kept(bytes, len, digest);
    archive_sound(&a, !memcmp(head.magic, magic, sizeof magic) && !memcmp(head.digest, digest, sizeof digest));
    if (a.bad) return false;
    struct lives_read how = {.kept = !crashed};
    const uint64_t now_ms = members_now_ms();
    if (!*rules->boot || memcmp(head.boot, rules->boot, BOOT_ID) != 0 || now_ms < head.mono_ms) {
        /* After another boot, a clock that was set back lets no member stay longer than it was added for. */
        const int64_t passed = (int64_t)(wall_ms() - head.wall_ms);
        how.later_ms = (int64_t)(now_ms - head.mono_ms) - (passed > 0 ? passed : 0);
    }
    lives_at(l, clock_ns(CLOCK_MONOTONIC));
    const bool good = lives_archive(l, rules->carry->now.program, &a, &how);
    if (good && head.version && !members_notes_archive(rules, &a, how.later_ms))
        tell_fault(rules->tell, "sets: the kept comments and users of members are damaged; prey ignores them");
    *no_room = good ? how.no_room : 0;
    return good;
}

void members_boot(struct rules *rules)
{
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (read(fd, rules->boot, BOOT_ID) != BOOT_ID) *rules->boot = 0;
    close(fd);
}

bool members_restore(struct rules *rules, bool crashed, char *err, size_t err_len)
{
    const struct program *p = rules->carry->now.program;
    uint32_t no_room = 0;
    int fd;
    size_t len = 0;
    if (!crashed) notice_memory(rules);
    if (ask_HISTORY_OPEN(rules->tell->channel, &(struct request_file){HISTORY_SETS}, &fd, NULL, 0)) return true;
    rules->members->has_file = true;
    if (!rules->carry->now.lives) {
        close(fd);
        return true;
    }
    char *bytes = read_whole(fd, HISTORY_FILE_MOST, &len);
    close(fd);
    const bool good = read_members(rules, (uint8_t *)bytes, len, crashed, &no_room);
    if (!good) tell_fault(rules->tell, "sets: the kept members are damaged; prey ignores them");
    free(bytes);
    uncount(rules);
    /* After a stop the file also has members that did not come back, so another file is due. */
    if (crashed && good) rules->members->kept = changes(rules);
    if (no_room)
        snprintf(err, err_len,
                 "set %.60s: the set's table in the kernel is too small for the kept ranges: write a larger `size` for "
                 "the set in the rules, or use --exec user",
                 program_str(p, p->lives[no_room - 1].name));
    return !no_room;
}
