/* DNS messages (RFC 1035): the one question, and the addresses that answer it. All bytes are hostile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    MESSAGE_MOST = 4096,     /* most bytes of a message that are read */
    MESSAGE_ADDRESSES = 64,  /* most addresses that are taken from an answer */
    MESSAGE_CHAIN = 16,      /* most aliases (CNAME) that are followed */
    MESSAGE_HOST_MOST = 253, /* most characters of a name as text */
    MESSAGE_A = 1,           /* types of DNS records */
    MESSAGE_CNAME = 5,
    MESSAGE_AAAA = 28,
};

/* A message's question for addresses. */
struct message {
    uint16_t number, type; /* type of the question: MESSAGE_A or MESSAGE_AAAA */
    bool answers, cut;     /* the message is an answer; it was truncated (TC) */
    uint8_t code;          /* RCODE; 0: no error */
    uint32_t section, len; /* the question's name, type and class: offset and bytes */
    uint32_t host_len;     /* 0: the name can't be one of a host */
    char host[MESSAGE_HOST_MOST + 1];
};
enum message_is {
    MESSAGE_READ,
    MESSAGE_OTHER, /* well-formed, but not a question for addresses of class IN: another type or opcode */
    MESSAGE_BAD,
};
/* Read the header and the question. */
enum message_is message_read(const uint8_t *bytes, uint32_t len, struct message *m);

struct message_address {
    uint32_t addr[4]; /* as in struct key */
    uint32_t ttl_s;
};
/* Read the addresses behind the aliases of the question's name, in the order of the message, as glibc's resolver
 * does. Return their number; the first MESSAGE_ADDRESSES are in `out`; -1: a record is malformed, or there are too
 * many aliases. */
int message_addresses(const uint8_t *bytes, uint32_t len, const struct message *m,
                      struct message_address out[MESSAGE_ADDRESSES]);
