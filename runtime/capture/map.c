/* The file's bytes as a private read-only mapping, safe against a file that is cut short meanwhile.
 *
 * Touching a page behind the file's new end raises SIGBUS. A handler maps zero pages there and marks the mapping; the
 * reader goes on over zeros and then reports that the file shrank. Reading into memory instead would cost a copy of
 * every byte. A SIGBUS outside the mappings goes to the previous handler. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/capture/capture_priv.h"

#define PAGE_MASK ((uintptr_t)4095)

/* Open mappings; global, because a signal handler reaches nothing else. */
enum { MAPS = 32 };
static struct {
    atomic_uintptr_t begin; /* beginning of the mapping; 0: free, 1: being filled */
    atomic_uintptr_t end;
    atomic_bool shrunk;
} maps[MAPS];
static struct sigaction before;

static void on_bus(int sig, siginfo_t *info, void *context)
{
    const uintptr_t at = (uintptr_t)info->si_addr & ~PAGE_MASK;
    for (int i = 0; i < MAPS; i++) {
        const uintptr_t begin = atomic_load(&maps[i].begin), end = atomic_load(&maps[i].end);
        if (begin <= 1 || at < begin || at >= end) continue;
        atomic_store(&maps[i].shrunk, true);
        const int saved = errno;
        void *zeros = mmap((void *)at, end - at, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        errno = saved;
        if (zeros != MAP_FAILED) return;
        break;
    }
    sigaction(sig, &before, NULL); /* the access is repeated and reaches the previous handler */
}

/* Install the handler, which may have been replaced since the last capture. */
static void install(void)
{
    struct sigaction sa = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO}, now;
    if (sigaction(SIGBUS, NULL, &now) || (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_bus)) return;
    before = now;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, NULL);
}

static int slot_take(uintptr_t begin, uintptr_t end)
{
    for (int i = 0; i < MAPS; i++) {
        uintptr_t is_free = 0;
        if (!atomic_compare_exchange_strong(&maps[i].begin, &is_free, 1)) continue;
        atomic_store(&maps[i].end, end);
        atomic_store(&maps[i].shrunk, false);
        atomic_store(&maps[i].begin, begin);
        return i;
    }
    return -1;
}

int map_open(struct capture *c)
{
    if (!c->size) return 0;
    void *m = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, c->fd, 0);
    if (m == MAP_FAILED) return capture_fault(c, "can't map the file: %s", strerror(errno));
    install();
    c->bytes = m;
    c->map_slot = slot_take((uintptr_t)m, ((uintptr_t)m + c->size + PAGE_MASK) & ~PAGE_MASK);
    if (c->map_slot < 0) return capture_fault(c, "more than %d captures are open", MAPS);
    (void)madvise(m, c->size, MADV_SEQUENTIAL);
    return 0;
}

void map_close(struct capture *c)
{
    if (c->map_slot >= 0) atomic_store(&maps[c->map_slot].begin, 0);
    if (c->bytes) munmap((void *)(uintptr_t)c->bytes, c->size);
    c->bytes = NULL;
    c->map_slot = -1;
}

bool map_faulted(const struct capture *c) { return c->map_slot >= 0 && atomic_load(&maps[c->map_slot].shrunk); }

bool map_shrunk(const struct capture *c)
{
    struct stat st;
    if (map_faulted(c)) return true;
    /* Within its last page a shorter file reads as zeros, without a fault. */
    return c->fd >= 0 && c->bytes && !fstat(c->fd, &st) && (uint64_t)st.st_size < c->size;
}
