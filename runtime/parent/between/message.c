/* Head and body go out by one call, so that descriptors come with the head */
#include "runtime/parent/between/message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/parent/between/channel.h"

enum { SCRAP = 4096 };

int message_send(int fd, const void *body, size_t len, const int fds[], unsigned count, uint64_t until_ns)
{
    uint32_t head = (uint32_t)len;
    struct iovec parts[] = {{&head, sizeof head}, {(void *)(uintptr_t)body, len}};
    if (!len || len > MESSAGE_MOST) return -EMSGSIZE;
    return channel_send_parts(fd, parts, 2, fds, count, until_ns);
}

int message_send_soon(int fd, const void *body, size_t len)
{
    uint8_t whole[MESSAGE_LENGTH + MESSAGE_SOON];
    const uint32_t head = (uint32_t)len;
    if (!len || len > MESSAGE_SOON) return -EMSGSIZE;
    memcpy(whole, &head, sizeof head);
    memcpy(whole + sizeof head, body, len);
    const ssize_t n = send(fd, whole, sizeof head + len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n == (ssize_t)(sizeof head + len) ? 0 : n < 0 ? -errno : -EIO; /* a message so short is sent in full */
}

static bool is_length(uint32_t len) { return len && len <= MESSAGE_MOST; }

/* Receive `len` bytes, with descriptors behind those that have come with the head. */
static int receive_more(int fd, void *bytes, size_t len, int fds[], unsigned room, unsigned *count, uint64_t until_ns)
{
    unsigned more = 0;
    const int failed =
        channel_receive(fd, bytes, len, fds ? fds + *count : NULL, fds ? room - *count : 0, &more, until_ns);
    *count += more;
    return failed;
}

int message_receive(int fd, void *body, size_t size, int fds[], unsigned room, unsigned *count, uint64_t until_ns)
{
    uint8_t scrap[SCRAP];
    uint32_t len = 0;
    memset(body, 0, size);
    int failed = channel_receive(fd, &len, sizeof len, fds, room, count, until_ns);
    if (!failed && !is_length(len)) failed = -EPROTO;
    if (failed) return failed;
    const size_t kept = len < size ? len : size;
    failed = receive_more(fd, body, kept, fds, room, count, until_ns);
    for (size_t left = len - kept; left && !failed;) {
        const size_t some = left < sizeof scrap ? left : sizeof scrap;
        failed = receive_more(fd, scrap, some, fds, room, count, until_ns);
        left -= some;
    }
    return failed;
}

int message_word(int fd, uint32_t *word, uint64_t until_ns)
{
    for (;;) {
        unsigned none;
        const int failed = message_receive(fd, word, sizeof *word, NULL, 0, &none, until_ns);
        if (failed || !(*word & MESSAGE_NOTICE)) return failed;
    }
}

/* Return the place and the length of the next bytes: the head, then the body, then the rest. */
static struct iovec next_bytes(struct message_part *part, void *body, size_t size, uint8_t scrap[SCRAP])
{
    if (part->have < MESSAGE_LENGTH)
        return (struct iovec){(uint8_t *)&part->len + part->have, MESSAGE_LENGTH - part->have};
    const size_t at = part->have - MESSAGE_LENGTH, kept = part->len < size ? part->len : size, left = part->len - at;
    if (at < kept) return (struct iovec){(uint8_t *)body + at, kept - at};
    return (struct iovec){scrap, left < SCRAP ? left : SCRAP};
}

int message_take(int fd, struct message_part *part, void *body, size_t size)
{
    uint8_t scrap[SCRAP];
    for (;;) {
        const struct iovec to = next_bytes(part, body, size, scrap);
        const ssize_t n = recv(fd, to.iov_base, to.iov_len, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return 0;
        if (n <= 0) return n == 0 || errno == ECONNRESET ? -ENODATA : -errno;
        part->have += (uint32_t)n;
        if (part->have < MESSAGE_LENGTH) continue;
        if (!is_length(part->len)) return -EPROTO;
        if (part->have == MESSAGE_LENGTH) memset(body, 0, size);
        if (part->have < MESSAGE_LENGTH + part->len) continue;
        part->have = 0;
        return 1;
    }
}
