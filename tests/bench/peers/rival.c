/* The rivals' processes: requests and replies of fixed size over two pipes. */
#include "tests/bench/peers/rival.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/bench.h"

const char *const traffic_names[TRAFFICS] = {"trace", "mutated", "random", "worst found"};

enum what { ASK_BUILD, ASK_WAY, ASK_SEARCH, ASK_TIME, ASK_WORST, ASK_END };
struct question {
    enum what what;
    enum traffic traffic;
    unsigned way, ms;
    uint32_t count;
    uint64_t most;
};
struct answer {
    bool good;
    double ns;
    struct rival_built built;
};

struct arena *arena_new(void)
{
    void *m = mmap(NULL, sizeof(struct arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return m == MAP_FAILED ? NULL : m;
}

void arena_free(struct arena *a)
{
    ruleset_fini(&a->rules);
    munmap(a, sizeof *a);
}

/* ---- in the rival's process ---- */

/* Return a line of /proc/self/status in bytes. */
static uint64_t status_bytes(const char *key)
{
    char line[160];
    unsigned long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key))) sscanf(line + strlen(key), ": %lu", &kb);
    if (f) fclose(f);
    return (uint64_t)kb * 1024;
}

/* Reset the peak of resident memory if the kernel can. */
static void peak_forget(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5", f);
    fclose(f);
}

static void build(const struct rival *v, struct arena *a, const struct question *q, struct rival_built *b)
{
    peak_forget();
    const uint64_t before = status_bytes("VmRSS");
    *b = (struct rival_built){0};
    v->build(a, q->most, b);
    const uint64_t most = status_bytes("VmHWM");
    b->peak_bytes = most > before ? most - before : 0;
}

static double timed(const struct rival *v, struct arena *a, const struct question *q)
{
    const uint32_t count = q->count < a->counts[q->traffic] ? q->count : a->counts[q->traffic];
    v->prepare(a, q->traffic);
    v->pass(q->way, count); /* warms the caches, as far as it fits */
    unsigned passes = 0;
    const uint64_t begin = bench_cpu_ns();
    uint64_t took = 0;
    do {
        v->pass(q->way, count);
        passes++;
        took = bench_cpu_ns() - begin;
    } while (took < q->ms * (uint64_t)1000000);
    return (double)took / passes / count;
}

static struct answer answer_to(const struct rival *v, struct arena *a, const struct question *q)
{
    struct answer r = {.good = true};
    const char *name = q->what == ASK_WAY ? v->way(q->way) : NULL;
    switch (q->what) {
    case ASK_BUILD:
        build(v, a, q, &r.built);
        r.good = r.built.good;
        break;
    case ASK_WAY:
        r.good = name;
        if (name) snprintf(r.built.text, sizeof r.built.text, "%s", name);
        break;
    case ASK_SEARCH:
        v->prepare(a, q->traffic);
        v->search(a, q->way, a->found);
        break;
    case ASK_TIME: r.ns = timed(v, a, q); break;
    case ASK_WORST:
        if (v->worst) v->worst(a);
        r.good = a->counts[TRAFFIC_WORST];
        break;
    case ASK_END: _exit(0);
    }
    return r;
}

static void serve(const struct rival *v, struct arena *a, int from, int to)
{
    struct question q;
    while (read(from, &q, sizeof q) == sizeof q) {
        const struct answer r = answer_to(v, a, &q);
        if (write(to, &r, sizeof r) != sizeof r) break;
    }
    _exit(0);
}

/* ---- in the measuring process ---- */

static struct answer ask(struct running *r, const struct question *q)
{
    struct answer a = {0};
    if (write(r->to, q, sizeof *q) != sizeof *q || read(r->from, &a, sizeof a) != sizeof a)
        a = (struct answer){.built.text = "its process ended"};
    return a;
}

bool rival_again(struct running *r, uint64_t most, struct rival_built *b)
{
    *b = ask(r, &(struct question){.what = ASK_BUILD, .most = most}).built;
    return b->good;
}

bool rival_start(struct running *r, const struct rival *rival, struct arena *a, uint64_t most, struct rival_built *b)
{
    int in[2], out[2];
    *b = (struct rival_built){0};
    *r = (struct running){.rival = rival, .to = -1, .from = -1};
    const char *why = rival->why_not();
    snprintf(b->text, sizeof b->text, "%s", why ? why : "no process can be had");
    fflush(stdout);
    if (why || pipe(in) || pipe(out) || (r->pid = fork()) < 0) return false;
    if (r->pid == 0) {
        close(in[1]);
        close(out[0]);
        if (!freopen("/dev/null", "w", stdout)) _exit(2); /* the libraries' output */
        serve(rival, a, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    r->to = in[1];
    r->from = out[0];
    if (rival_again(r, most, b)) return true;
    rival_stop(r);
    return false;
}

bool rival_way_name(struct running *r, unsigned way, char buf[RIVAL_TEXT])
{
    const struct answer a = ask(r, &(struct question){.what = ASK_WAY, .way = way});
    if (a.good) memcpy(buf, a.built.text, RIVAL_TEXT);
    return a.good;
}

int rival_way(struct running *r, const char *name)
{
    char buf[RIVAL_TEXT];
    for (unsigned i = 0; rival_way_name(r, i, buf); i++)
        if (!strcmp(buf, name)) return (int)i;
    return -1;
}

bool rival_search(struct running *r, enum traffic t, unsigned way)
{
    return ask(r, &(struct question){.what = ASK_SEARCH, .traffic = t, .way = way}).good;
}

double rival_time(struct running *r, enum traffic t, unsigned way, uint32_t count, unsigned ms)
{
    return ask(r, &(struct question){.what = ASK_TIME, .traffic = t, .way = way, .count = count, .ms = ms}).ns;
}

bool rival_worst(struct running *r) { return ask(r, &(struct question){.what = ASK_WORST}).good; }

void rival_stop(struct running *r)
{
    if (r->pid <= 0) return;
    /* Closing its pipes isn't enough: rivals that were started later also hold them. */
    ask(r, &(struct question){.what = ASK_END});
    close(r->to);
    close(r->from);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}
