/* Cost of a connection's first bytes: an HTTP/1 head as browsers send it, a ClientHello, and both from a client that
 * sends 64 KiB one byte at a time. */
#include <string.h>

#include "tests/lib/bench.h"
#include "vm/stream/first.h"

enum { SLOW = 60000 };

static const char request[] = "GET /shop/items/4711?color=blue&size=42 HTTP/1.1\r\n"
                              "Host: shop.example.com\r\n"
                              "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
                              "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
                              "Accept-Language: en-US,en;q=0.5\r\n"
                              "Accept-Encoding: gzip, deflate, br\r\n"
                              "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n"
                              "Connection: keep-alive\r\n"
                              "Upgrade-Insecure-Requests: 1\r\n"
                              "Sec-Fetch-Dest: document\r\n"
                              "Sec-Fetch-Mode: navigate\r\n"
                              "Cache-Control: max-age=0\r\n\r\n";

static struct first f;

static void row(const char *what, const struct series *ours, enum bench_goal goal, double limit)
{
    bench_row(&(struct bench_row){what, "ns", ours, NULL, NULL, goal, limit});
}

/* Measure all bytes at once, as nearly every client sends them. */
static bool whole(const uint8_t *bytes, uint32_t n, unsigned wants, struct series *ns)
{
    const struct first_asked asked = {.wants = wants};
    const unsigned times = bench_size(100000, 1000);
    for (unsigned run = 0; run < bench_runs(); run++) {
        const uint64_t began = bench_cpu_ns();
        for (unsigned i = 0; i < times; i++)
            if (first_read(&f, &(struct first_at){.hello = {0}}, bytes, n, &asked) != READ_WHOLE) return false;
        series_add(ns, (double)(bench_cpu_ns() - began) / times);
    }
    return true;
}

/* Measure one more byte of first bytes that never become complete. */
static bool slowly(const uint8_t *bytes, unsigned wants, struct series *ns)
{
    const struct first_asked asked = {.wants = wants};
    for (unsigned run = 0; run < bench_runs(); run++) {
        struct first_at at = {.hello = {0}};
        const uint64_t began = bench_cpu_ns();
        for (uint32_t n = 0; n < SLOW; n++)
            if (first_read(&f, &at, bytes, n, &asked) != READ_MORE) return false;
        series_add(ns, (double)(bench_cpu_ns() - began) / SLOW);
    }
    return true;
}

/* Write a hello of `message` bytes in records of `part` bytes, with one unknown extension. Returns its length. */
static uint32_t hello(uint8_t *out, uint32_t message, uint32_t part)
{
    static uint8_t all[HELLO_MAX];
    uint32_t to = 0;
    memset(all, 0, sizeof all);
    memcpy(all, (const uint8_t[]){1, 0, (uint8_t)((message - 4) >> 8), (uint8_t)(message - 4), 3, 3}, 6);
    memcpy(all + 38, (const uint8_t[]){0, 0, 2, 0x13, 1, 1, 0}, 7);
    all[45] = (uint8_t)((message - 47) >> 8);
    all[46] = (uint8_t)(message - 47);
    memcpy(all + 47, (const uint8_t[]){0, 0, 0, 11, 0, 9, 0, 0, 6, 'a', '.', 't', 'e', 's', 't', 0x5a, 0x5a}, 17);
    all[64] = (uint8_t)((message - 66) >> 8);
    all[65] = (uint8_t)(message - 66);
    for (uint32_t at = 0; at < message; at += part) {
        const uint32_t len = message - at < part ? message - at : part;
        memcpy(out + to, (const uint8_t[]){22, 3, 1, (uint8_t)(len >> 8), (uint8_t)len}, 5);
        memcpy(out + to + 5, all + at, len);
        to += 5 + len;
    }
    return to;
}

int main(void)
{
    static uint8_t bytes[1 << 17];
    struct series head = {0}, one = {0}, three = {0}, slow_head = {0}, slow_hello = {0};
    bool good = whole((const uint8_t *)request, sizeof request - 1, FIRST_HTTP, &head);
    good &= whole(bytes, hello(bytes, 512, 512), FIRST_TLS, &one);
    good &= whole(bytes, hello(bytes, 512, 200), FIRST_TLS, &three);
    hello(bytes, 1 << 14, 1);
    good &= slowly(bytes, FIRST_TLS, &slow_hello);
    memset(bytes, 'a', SLOW);
    memcpy(bytes, "GET / HTTP/1.1\r\nX: ", 19);
    good &= slowly(bytes, FIRST_HTTP, &slow_head);
    if (!good) return 1;
    row("first bytes: HTTP head of 520 bytes", &head, GOAL_VALUE, 500);
    row("first bytes: ClientHello of 512 bytes", &one, GOAL_NONE, 0);
    row("first bytes: the same in three records", &three, GOAL_NONE, 0);
    row("first bytes: HTTP, one byte more of 60,000", &slow_head, GOAL_NONE, 0);
    row("first bytes: records of one byte, one byte more", &slow_hello, GOAL_NONE, 0);
    return 0;
}
