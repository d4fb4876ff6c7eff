/* Notifications of nftables: whether another program has changed or taken away an instance's guard rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct guard_news;

/* NULL, with one line in err, where the kernel tells nothing. Needs CAP_NET_ADMIN, of the user who owns the network
 * namespace; to read needs none. */
struct guard_news *guard_news_open(const char *instance, char *err, size_t err_len);
void guard_news_close(struct guard_news *n);

/* Readable when there are notifications. */
int guard_news_fd(const struct guard_news *n);

/* Take in those that wait, never waiting for more. True: somebody but the process that opened it has changed the
 * instance's table; who, "nft (pid 71)", in `who`, or empty where notifications were lost. */
bool guard_news_read(struct guard_news *n, char *who, size_t who_len);
/* The process that opened it has just put its rules in force: that notifications were lost says nothing, for a large
 * table's alone are more than the socket holds. NULL is fine. */
void guard_news_settle(struct guard_news *n);
