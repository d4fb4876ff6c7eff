/* Notifications of nftables about other programs that change or remove an instance's guard rules */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct guard_news;

/* Open notifications. NULL, with one line in err, if the kernel has none. Needs CAP_NET_ADMIN in the user namespace
 * that owns the network namespace; reading needs no privileges. */
struct guard_news *guard_news_open(const char *instance, char *err, size_t err_len);
void guard_news_close(struct guard_news *n);

/* Return a descriptor that is readable when there are notifications */
int guard_news_fd(const struct guard_news *n);

/* Read all waiting notifications, without blocking. True if another process than the opener has changed the
 * instance's table. `who` gets that process, "nft (pid 71)"; it is empty if notifications were lost. */
bool guard_news_read(struct guard_news *n, char *who, size_t who_len);
/* True if such a change was read by guard_news_settle, and not by guard_news_read yet. NULL is fine. */
bool guard_news_waits(const struct guard_news *n);
/* Note that the opener has just put its rules in force: notifications lost until now mean nothing, because those of
 * a large table already exceed the socket's buffer. NULL is fine. */
void guard_news_settle(struct guard_news *n);
