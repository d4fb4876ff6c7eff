/* No client ever gets another's reply, and no server ever reads two requests for one: many clients and servers that
 * cut, abort, reply early and end at random, and all of tests/http/smuggling.t. */
#define SCENE_TIMES "timeouts { proxy first 60s; proxy idle 60s; proxy connect 60s }\n"
#include "tests/unit/runtime/http_scene.h"

#include <ctype.h>
#include <strings.h>

/* ---- a lenient server: a line ends at LF, and the last of several lengths counts ---- */

struct loose {
    bool chunked;
    size_t head, length; /* bytes of the head, and of a body that isn't chunked */
    const char *text;
};

static bool is_in(const char *from, const char *end, const char *word)
{
    const char *at = strcasestr(from, word);
    return at && at < end;
}

/* Read the head at the beginning of the text, which ends with a zero byte. False if it is incomplete. */
static bool loose_head(struct loose *l, const char *text)
{
    *l = (struct loose){.text = text};
    const char *line = text;
    for (;;) {
        const char *end = strchr(line, '\n');
        if (!end) return false;
        const size_t n = (size_t)(end - line) - (end > line && end[-1] == '\r');
        if (!n && line != text) break;
        if (!strncasecmp(line, "content-length:", 15)) l->length = strtoull(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding", 17) && is_in(line, end, "chunked")) l->chunked = true;
        line = end + 1;
    }
    l->head = (size_t)(strchr(line, '\n') + 1 - text);
    return true;
}

/* Return the bytes of the complete message; 0: incomplete. */
static size_t loose_whole(const char *text, size_t n)
{
    struct loose l;
    if (!loose_head(&l, text)) return 0;
    if (!l.chunked) return l.head + l.length <= n ? l.head + l.length : 0;
    for (size_t at = l.head; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        if (!end) return 0;
        const size_t size = strtoull(text + at, NULL, 16);
        at = (size_t)(end + 1 - text);
        if (!size) {
            while ((end = memchr(text + at, '\n', n - at))) {
                const bool last = end - (text + at) <= 1;
                at = (size_t)(end + 1 - text);
                if (last) return at;
            }
            return 0;
        }
        at += size + 2;
    }
    return 0;
}

/* ---- one end of a connection, played by the test ---- */

enum { ENDS = 256, TEXT = 1 << 16 };

struct end {
    int fd; /* -1: none */
    size_t n, out, sent;
    char in[TEXT], text[TEXT]; /* in: received and not taken; text: to be sent */
    bool over;                 /* the peer has ended */
    unsigned id, asked, heard; /* client: requests sent, replies received */
    bool closes;               /* server: closes after it has sent the rest */
    bool fresh;                /* the server hasn't replied to its last request */
};

static void end_close(struct end *e, bool reset)
{
    const struct linger at_once = {.l_onoff = 1};
    if (e->fd < 0) return;
    if (reset) setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(e->fd);
    e->fd = -1;
}

static void end_open(struct end *e, int fd)
{
    e->fd = fd;
    e->n = e->out = e->sent = 0;
    e->over = e->closes = false;
    e->asked = e->heard = 0;
    e->in[0] = 0;
}

static void end_add(struct end *e, const char *text, size_t n)
{
    assert_true(e->out + n <= TEXT);
    memcpy(e->text + e->out, text, n);
    e->out += n;
}

/* Send a drawn part, and read a drawn part. */
static void end_move(struct end *e, unsigned *draw)
{
    if (e->fd < 0) return;
    if (e->sent < e->out) {
        const size_t left = e->out - e->sent, most = 1 + (size_t)rand_r(draw) % (rand_r(draw) % 3 ? 4000 : 7);
        const ssize_t n = send(e->fd, e->text + e->sent, left < most ? left : most, MSG_NOSIGNAL);
        if (n > 0) e->sent += (size_t)n;
        if (n < 0 && errno != EAGAIN && errno != ENOTCONN) e->over = true;
        if (e->sent == e->out) e->sent = e->out = 0;
    }
    const ssize_t n = recv(e->fd, e->in + e->n, sizeof e->in - 1 - e->n, 0);
    if (n > 0) e->n += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN)) e->over = true;
    e->in[e->n] = 0;
}

static void end_take(struct end *e, size_t n)
{
    memmove(e->in, e->in + n, e->n - n);
    e->n -= n;
    e->in[e->n] = 0;
}

/* ---- many clients, many servers ---- */

/* Send a request whose path and body name the client and its number. */
static void ask(struct end *c, unsigned *draw)
{
    static const char *const hosts[] = {"a", "b"};
    char text[3000], body[2000];
    const unsigned kind = (unsigned)rand_r(draw) % 4, size = (unsigned)rand_r(draw) % 1500;
    memset(body, 'x', sizeof body);
    c->asked++;
    int n = snprintf(text, sizeof text, "%s /%u-%u HTTP/1.1\r\nHost: %s\r\n%s", kind ? "GET" : "POST", c->id, c->asked,
                     hosts[rand_r(draw) % 2], rand_r(draw) % 40 ? "" : "Connection: close\r\n");
    end_add(c, text, (size_t)n);
    if (kind == 1) {
        n = snprintf(text, sizeof text, "Content-Length: %u\r\n\r\n%.*s", size, (int)size, body);
        end_add(c, text, (size_t)n);
    } else if (kind == 0) {
        n = snprintf(text, sizeof text, "Transfer-Encoding: chunked\r\n\r\n");
        if (size) n += snprintf(text + n, sizeof text - (size_t)n, "%x\r\n%.*s\r\n", size, (int)size, body);
        n += snprintf(text + n, sizeof text - (size_t)n, "0\r\n\r\n");
        end_add(c, text, (size_t)n);
    } else {
        end_add(c, "\r\n", 2);
    }
}

static unsigned right, ours;

/* Read complete replies: a server's must name this client and the expected request. */
static void hear(struct end *c)
{
    for (;;) {
        char want[40];
        struct loose l;
        if (!loose_head(&l, c->in)) return;
        if (begins(c->in, "HTTP/1.1 100")) {
            end_take(c, l.head);
            continue;
        }
        const bool to_end = !l.chunked && !strcasestr(c->in, "content-length:");
        const size_t n = to_end ? (c->over ? c->n : 0) : loose_whole(c->in, c->n);
        if (!n) return;
        c->heard++;
        if (to_end && !memchr(c->in, '>', n)) {
            ours++; /* cut before its nonce was complete */
        } else if (begins(c->in, "HTTP/1.1 200")) {
            snprintf(want, sizeof want, "<%u-%u>", c->id, c->heard);
            if (!memmem(c->in, n, want, strlen(want)))
                fail_msg("client waits for %s and hears %u of %s", want, (unsigned)n, c->in);
            right++;
        } else {
            ours++;
        }
        end_take(c, n);
    }
}

static void client_step(struct end *c, unsigned *draw)
{
    if (c->fd < 0) end_open(c, client());
    if (c->asked < 8 && c->asked - c->heard < 3 && rand_r(draw) % 4 == 0) ask(c, draw);
    end_move(c, draw);
    hear(c);
    if (c->over || (c->asked == 8 && c->heard == 8) || rand_r(draw) % 400 == 0) {
        end_close(c, rand_r(draw) % 2);
        c->id += 1000; /* the awaited data never comes */
    }
}

/* Reply to the request at the beginning of the received data. */
static void answer(struct end *v, unsigned *draw)
{
    char text[200], body[60];
    const char *path = strchr(v->in, '/');
    const int n = snprintf(body, sizeof body, "<%.*s>", (int)strcspn(path + 1, " "), path + 1);
    if (rand_r(draw) % 10 == 0) end_add(v, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    int len;
    switch (rand_r(draw) % 8) {
    case 0:
        len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", body);
        v->closes = true;
        break;
    case 1:
    case 2:
        len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
                       n, body);
        break;
    default: len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, body); break;
    }
    end_add(v, text, (size_t)len);
}

static void server_step(struct end *v, unsigned *draw)
{
    struct loose l;
    if (v->fd < 0) return;
    end_move(v, draw);
    const size_t whole = loose_whole(v->in, v->n);
    if (v->out == 0 && !v->closes && whole) {
        if (rand_r(draw) % 60 == 0) {
            end_close(v, rand_r(draw) % 2); /* without a reply */
            return;
        }
        answer(v, draw);
        end_take(v, whole);
        /* Sends more than was requested, in one piece with its reply. A later piece, after the next request, would
         * be indistinguishable from that request's reply. */
        if (!v->closes && rand_r(draw) % 30 == 0) {
            end_add(v, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", 43);
            v->over = send(v->fd, v->text, v->out, MSG_NOSIGNAL) != (ssize_t)v->out;
            v->out = 0;
        }
    } else if (v->out == 0 && !v->closes && loose_head(&l, v->in) && rand_r(draw) % 50 == 0) {
        answer(v, draw); /* early: the rest of the request isn't read */
        v->closes = true;
    }
    if (v->over || (v->closes && v->out == 0) || rand_r(draw) % 2000 == 0) end_close(v, rand_r(draw) % 3 == 0);
}

static void take_comers(struct scene *s, struct end *servers)
{
    for (unsigned i = 0; i < SERVERS; i++)
        for (int fd; (fd = accept4(s->servers[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
            unsigned k = 0;
            while (k < ENDS && servers[k].fd >= 0) k++;
            assert_true(k < ENDS);
            end_open(&servers[k], fd);
        }
}

/* Sometimes a server accepts no connections for a while. */
static void come_and_go(struct scene *s, unsigned *draw)
{
    const unsigned i = (unsigned)rand_r(draw) % SERVERS;
    if (s->servers[i] < 0) {
        if (rand_r(draw) % 20 == 0) s->servers[i] = listener(INADDR_LOOPBACK + 1, (uint16_t)(SERVER_PORT + i));
    } else if (rand_r(draw) % 300 == 0) {
        close(s->servers[i]);
        s->servers[i] = -1;
    }
}

static void no_client_hears_another_s_answer(void **state)
{
    enum { CLIENTS = 24, STEPS = 12000 };
    struct scene *s = *state;
    struct end *clients = calloc(CLIENTS, sizeof *clients), *servers = calloc(ENDS, sizeof *servers);
    const char *seed = getenv("SEED"), *longer = getenv("LONG");
    unsigned draw = seed ? (unsigned)atoi(seed) : 7;
    const unsigned steps = longer ? 20 * STEPS : STEPS;
    right = ours = 0;
    for (unsigned i = 0; i < ENDS; i++) servers[i].fd = -1;
    for (unsigned i = 0; i < CLIENTS; i++) clients[i].fd = -1, clients[i].id = i;
    for (unsigned step = 0; step < steps; step++) {
        client_step(&clients[(unsigned)rand_r(&draw) % CLIENTS], &draw);
        come_and_go(s, &draw);
        take_comers(s, servers);
        for (unsigned k = 0; k < 4; k++) server_step(&servers[(unsigned)rand_r(&draw) % 64], &draw);
        proxy_turn(s->proxy, 0);
    }
    const struct http_loop *l = loop_of(s);
    print_message("# %u right, %u ours, %llu reused, %llu lost\n", right, ours,
                  (unsigned long long)whole(s->proxy).http[HTTP_COUNT_REUSED], (unsigned long long)l->kept.lost);
    assert_true(right > steps / 50);
    assert_true(whole(s->proxy).http[HTTP_COUNT_REUSED] > steps / 200);
    for (unsigned i = 0; i < CLIENTS; i++) end_close(&clients[i], true);
    for (unsigned i = 0; i < ENDS; i++) end_close(&servers[i], true);
    for (unsigned i = 0; i < 2000 && s->proxy->all; i++) proxy_turn(s->proxy, 1);
    assert_null(s->proxy->all);
    kept_flush(&loop_of(s)->kept);
    assert_int_equal(s->proxy->sides.used, 0);
    assert_int_equal(s->proxy->buffers.used, 0);
    assert_int_equal(loop_of(s)->requests.used, 0);
    free(clients);
    free(servers);
}

/* ---- the table of requests with two readings ---- */

/* Decode \r \n \t \\ \xHH \{N:TEXT}; returns the number of bytes. */
static size_t unescape(char *out, const char *text, const char *end)
{
    size_t n = 0;
    while (text < end) {
        if (*text != '\\') {
            out[n++] = *text++;
            continue;
        }
        switch (text[1]) {
        case 'r': out[n++] = '\r', text += 2; break;
        case 'n': out[n++] = '\n', text += 2; break;
        case 't': out[n++] = '\t', text += 2; break;
        case 'x': out[n++] = (char)strtol((char[]){text[2], text[3], 0}, NULL, 16), text += 4; break;
        case '{': {
            char *colon;
            const long times = strtol(text + 2, &colon, 10);
            const char *close = strchr(colon, '}');
            const size_t len = unescape(out + n, colon + 1, close);
            for (long i = 1; i < times; i++) memcpy(out + n + (size_t)i * len, out + n, len);
            n += (size_t)times * len;
            text = close + 1;
            break;
        }
        default: out[n++] = text[1], text += 2; break;
        }
    }
    return n;
}

/* Count the complete replies in the received data. */
static unsigned answers_in(const struct end *c)
{
    unsigned n = 0;
    for (size_t at = 0, len; (len = loose_whole(c->in + at, c->n - at)); at += len) n++;
    return n;
}

/* Send the bytes, and reply to each complete request that a server sees. Returns the client's replies as `200 200
 * 400`. Waits for `answers` replies, and a little for unexpected ones. */
static void outcome(struct scene *s, const char *bytes, size_t n, unsigned answers, char *got, struct end *servers,
                    struct end *c)
{
    unsigned quiet = 0, whole = 0, heard_ok = 0, draw = 3;
    got[0] = 0;
    for (unsigned i = 0; i < ENDS; i++) servers[i].fd = -1;
    end_open(c, client());
    end_add(c, bytes, n);
    for (unsigned turn = 0;
         turn < TURNS && !c->over && (quiet < 10 || answers_in(c) < (whole > answers ? whole : answers)); turn++) {
        const size_t before = c->n + c->sent + whole;
        proxy_turn(s->proxy, quiet > 6);
        end_move(c, &draw);
        take_comers(s, servers);
        for (unsigned i = 0; i < ENDS && servers[i].fd >= 0; i++) {
            end_move(&servers[i], &draw);
            const size_t len = servers[i].over ? 0 : loose_whole(servers[i].in, servers[i].n);
            if (!len) continue;
            end_add(&servers[i], OK, sizeof OK - 1);
            end_take(&servers[i], len);
            whole++;
        }
        quiet = c->n + c->sent + whole == before && c->sent == c->out ? quiet + 1 : 0;
    }
    for (size_t len; (len = loose_whole(c->in, c->n)); end_take(c, len)) {
        sprintf(got + strlen(got), "%s%.3s", *got ? " " : "", c->in + 9);
        heard_ok += begins(c->in, "HTTP/1.1 200");
    }
    if (heard_ok != whole) sprintf(got + strlen(got), " (servers saw %u)", whole);
    end_close(c, true);
    for (unsigned i = 0; i < ENDS; i++) end_close(&servers[i], true);
    for (unsigned i = 0; i < 200 && s->proxy->all; i++) proxy_turn(s->proxy, 1);
    kept_flush(&loop_of(s)->kept);
}

/* Write `ok, 400 http-bare-lf` as `200 400`; `more` adds nothing. */
static void wanted(char *want, const char *text, const char *end)
{
    want[0] = 0;
    while (text < end) {
        while (*text == ' ' || *text == ',') text++;
        if (text >= end) break;
        if (begins(text, "ok")) sprintf(want + strlen(want), "%s200", *want ? " " : "");
        if (isdigit((unsigned char)*text) && *text != '0')
            sprintf(want + strlen(want), "%s%.3s", *want ? " " : "", text);
        while (text < end && *text != ',') text++;
    }
}

/* Read the next row of the table: outcomes as `200 400`, and bytes. Returns the number of bytes; 0: no row is left,
 * or it is a tunnel's, which has no further requests. */
static size_t next_row(FILE *table, char *name, char *want, char *bytes)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, table)) {
        const char *outcomes = strstr(line, " | "), *text = outcomes ? strstr(outcomes + 3, " | ") : NULL;
        if (*line == '#' || !text) continue;
        const size_t n = unescape(bytes, text + 3, line + strcspn(line, "\n"));
        if (n > TEXT || begins(bytes, "CONNECT")) continue;
        sprintf(name, "%.*s", (int)(outcomes - line), line);
        wanted(want, outcomes + 3, text);
        return n;
    }
    return 0;
}

static void requests_that_are_read_two_ways(void **state)
{
    struct scene *s = *state;
    struct end *servers = calloc(ENDS, sizeof *servers), *c = calloc(1, sizeof *c);
    FILE *table = fopen("tests/http/smuggling.t", "r");
    static char bytes[1 << 18], name[1000], want[1000], got[1000];
    unsigned rows = 0, wrong = 0;
    assert_non_null(table);
    for (size_t n; (n = next_row(table, name, want, bytes)); rows++) {
        outcome(s, bytes, n, (unsigned)(strlen(want) + 1) / 4, got, servers, c);
        if (!strcmp(got, want)) continue;
        print_error("# %s: wants %s, got %s\n", name, want, got);
        wrong++;
    }
    fclose(table);
    free(servers);
    free(c);
    assert_in_range(rows, 100, 10000);
    assert_int_equal(wrong, 0);
}

/* Change or remove some bytes. */
static size_t mutated(char *bytes, size_t n, unsigned *draw)
{
    static const char likely[] = "\r\n \t:;,0159aA\x01\xff/GHC";
    for (unsigned i = 0; i < 1 + (unsigned)rand_r(draw) % 3 && n > 2; i++) {
        const size_t at = (size_t)rand_r(draw) % n;
        if (rand_r(draw) % 3 == 0)
            memmove(bytes + at, bytes + at + 1, --n - at);
        else
            bytes[at] = likely[(size_t)rand_r(draw) % (sizeof likely - 1)];
    }
    return n;
}

/* For any bytes, servers see no request without a reply to the client, and the proxy continues. */
static void requests_that_nobody_would_write(void **state)
{
    struct scene *s = *state;
    struct end *servers = calloc(ENDS, sizeof *servers), *c = calloc(1, sizeof *c);
    static char bytes[1 << 18], name[1000], want[1000], got[1000];
    const char *seed = getenv("SEED"), *longer = getenv("LONG");
    unsigned draw = seed ? (unsigned)atoi(seed) : 3, wrong = 0;
    for (unsigned round = 0; round < (longer ? 20 : 1); round++) {
        FILE *table = fopen("tests/http/smuggling.t", "r");
        assert_non_null(table);
        for (size_t n; (n = next_row(table, name, want, bytes));) {
            n = mutated(bytes, n, &draw);
            bytes[n] = 0;
            if (strcasestr(bytes, "connect") || strcasestr(bytes, "head ")) continue;
            outcome(s, bytes, n, 0, got, servers, c);
            if (!strstr(got, "servers saw")) continue;
            print_error("# %s, changed to %s: %s\n", name, bytes, got);
            wrong++;
        }
        fclose(table);
    }
    free(servers);
    free(c);
    assert_int_equal(wrong, 0);
}

/* Body bytes that were read and didn't reach a server before its end aren't a request: the connection isn't kept.
 * Bodies of all lengths around the size of the system's buffers. */
static void a_body_that_did_not_go_on(void **state)
{
    struct scene *s = *state;
    static char body[1 << 18];
    unsigned answered = 0;
    const int small = 4096;
    sh("sysctl -q -w net.ipv4.tcp_wmem='4096 32768 32768'");
    setsockopt(s->servers[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    memset(body, 'b', sizeof body);
    for (size_t n = 1 << 15; n < sizeof body; n += 4096) {
        char head[100];
        const int c = client();
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", n);
        say(c, head);
        const int server = come(s, 0);
        size_t sent = 0;
        for (unsigned i = 0, stuck = 0; i < 200 && stuck < 20; i++) {
            const ssize_t put = sent < n ? send(c, body + sent, n - sent, MSG_NOSIGNAL) : 0;
            if (put > 0) sent += (size_t)put;
            stuck += sent < n && put <= 0;
            proxy_turn(s->proxy, sent < n && put <= 0);
        }
        close(server); /* with unread data: a reset */
        if (sent == n) {
            answered++;
            assert_true(begins(heard(s, c, "</p>\n"), "HTTP/1.1 502"));
            assert_non_null(strstr(heard_text, "Connection: close"));
        }
        close(c);
        for (unsigned i = 0; i < 5; i++) proxy_turn(s->proxy, 0);
    }
    assert_true(answered > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_client_hears_another_s_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_that_are_read_two_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_that_nobody_would_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_did_not_go_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
