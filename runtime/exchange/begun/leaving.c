/* Rings of fixed length. The memory of numbers is anonymous mappings, so a page takes memory once one of its numbers is
 * used. */
#include "runtime/exchange/begun/leaving.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_long_enough(int memory, size_t bytes)
{
    struct stat st;
    return !fstat(memory, &st) && st.st_size >= 0 && (uint64_t)st.st_size >= bytes;
}

struct leaving *leaving_new(uint32_t most, int memory, int wake_fd)
{
    const int how = memory ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    const size_t bytes = most * sizeof(struct inline_carried);
    if (memory && !is_long_enough(memory, bytes)) return NULL;
    struct leaving *l = aligned_alloc(64, (sizeof *l + 63) / 64 * 64);
    if (!l) return NULL;
    *l = (struct leaving){.most = most, .wake_fd = wake_fd, .told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, how | MAP_NORESERVE, memory ? memory : -1, 0);
    l->carried = at == MAP_FAILED ? NULL : at;
    const int failed = ring_init(&l->asks, LEAVING_ENTRIES, sizeof(struct inline_ask)) |
                       ring_init(&l->told, LEAVING_ENTRIES, sizeof(struct inline_told)) |
                       ring_init(&l->others, LEAVING_ENTRIES, sizeof(struct inline_ask)) |
                       ring_init(&l->away, LEAVING_ENTRIES, sizeof(struct inline_told));
    if (!failed && l->told_fd >= 0 && l->carried) return l;
    leaving_free(l);
    return NULL;
}

void leaving_free(struct leaving *l)
{
    if (!l) return;
    if (l->carried) munmap(l->carried, l->most * sizeof *l->carried);
    ring_fini(&l->asks);
    ring_fini(&l->told);
    ring_fini(&l->others);
    ring_fini(&l->away);
    if (l->told_fd >= 0) close(l->told_fd);
    free(l);
}

size_t leaving_bytes(void) { return sizeof(struct inline_carried); }

static void wake(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one); /* the counter is full, so the worker will wake anyway */
}

bool leaving_ask(struct leaving *l, const struct inline_ask *ask)
{
    if (__atomic_load_n(&l->stopped, __ATOMIC_ACQUIRE)) return true;
    if (!ring_put(&l->asks, ask)) {
        /* Note that there was no room, then look again: the worker wakes this loop, or there is room by now */
        __atomic_store_n(&l->asks_full, 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!ring_put(&l->asks, ask)) return __atomic_load_n(&l->stopped, __ATOMIC_ACQUIRE);
    }
    wake(l->wake_fd);
    return true;
}

bool leaving_pass(struct leaving *l, const struct inline_ask *ask)
{
    if (!ring_put(&l->others, ask)) return false;
    wake(l->wake_fd);
    return true;
}

/* Take an answer, and wake the worker if it waits for room. */
static bool take_answer(struct leaving *l, struct ring *from, struct inline_told *told)
{
    const bool any = ring_take(from, told);
    /* The worker notes that there was no room, then looks again: it is woken, or finds this room itself */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (any && __atomic_load_n(&l->full, __ATOMIC_RELAXED)) {
        __atomic_store_n(&l->full, 0, __ATOMIC_RELAXED);
        wake(l->wake_fd);
    }
    return any;
}

bool leaving_hear(struct leaving *l, struct inline_told *told) { return take_answer(l, &l->told, told); }
bool leaving_away(struct leaving *l, struct inline_told *told) { return take_answer(l, &l->away, told); }

void leaving_still(struct leaving *l, bool still) { __atomic_store_n(&l->still, still, __ATOMIC_RELEASE); }

struct inline_carried leaving_carried(const struct leaving *l, uint32_t number)
{
    struct inline_carried sum = {0};
    if (number >= l->most) return sum;
    const struct inline_carried *c = &l->carried[number];
    for (unsigned at = 0; at < 2; at++) {
        sum.packets[at] = __atomic_load_n(&c->packets[at], __ATOMIC_RELAXED);
        sum.bytes[at] = __atomic_load_n(&c->bytes[at], __ATOMIC_RELAXED);
    }
    sum.seen_ns = __atomic_load_n(&c->seen_ns, __ATOMIC_RELAXED);
    return sum;
}

bool leaving_asked(struct leaving *l, struct inline_ask *ask)
{
    const bool any = ring_take(&l->asks, ask);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (any && __atomic_load_n(&l->asks_full, __ATOMIC_RELAXED)) {
        __atomic_store_n(&l->asks_full, 0, __ATOMIC_RELAXED);
        wake(l->told_fd);
    }
    return any || ring_take(&l->others, ask);
}

static bool has_room(const struct ring *r)
{
    return r->put - __atomic_load_n(&r->taken, __ATOMIC_ACQUIRE) < LEAVING_ENTRIES;
}

static bool answers_have_room(const struct leaving *l) { return has_room(&l->told) && has_room(&l->away); }

bool leaving_has_room(struct leaving *l)
{
    if (answers_have_room(l)) return true;
    __atomic_store_n(&l->full, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return answers_have_room(l);
}

void leaving_tell(struct leaving *l, const struct inline_told *told)
{
    ring_put(&l->told, told);
    if (told->former) ring_put(&l->away, told);
}

void leaving_stays(struct leaving *l, const struct inline_ask *ask, enum splice_why why)
{
    const struct inline_told told = {
        .kind = INLINE_STAYS, .why = (uint8_t)why, .port = ask->port, .number = ask->number};
    leaving_tell(l, &told);
}

void leaving_call(struct leaving *l) { wake(l->told_fd); }

void leaving_stop(struct leaving *l)
{
    __atomic_store_n(&l->stopped, 1, __ATOMIC_SEQ_CST);
    wake(l->told_fd); /* no thread needs to wait for room now */
}
