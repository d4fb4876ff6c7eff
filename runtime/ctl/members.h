/* Members of live sets as they come with a question: a sealed file in memory with records of one kind. They come
 * from outside, so the receiver checks them. */
#pragma once

#include <assert.h>
#include <stdint.h>

/* A change of one member. */
enum member_does { MEMBER_ADD, MEMBER_REMOVE };
enum member_flag { MEMBER_CUT = 1 << 0 /* the member's flows end */ };
struct member_record {
    uint32_t addr[4]; /* address, as in struct live_net (vm/judge/lives.h) */
    uint64_t ms;      /* time for which the member stays; 0: for good */
    uint32_t at;      /* number of the member in answers */
    uint8_t len, v6;
    uint8_t does;  /* enum member_does */
    uint8_t flags; /* enum member_flag; 0 for a removal */
};
static_assert(sizeof(struct member_record) == 32, "layout");
enum { MEMBER_RECORDS_MOST = 1 << 14 };
#define MEMBER_MS_MOST (UINT64_C(100) * 366 * 86400 * 1000)

/* Addresses of a new base. IPv4 comes before IPv6, and each is in order of first addresses. */
struct member_range {
    uint32_t lo[4], hi[4];
    uint32_t at; /* number of the range in answers */
    uint32_t v6;
};
static_assert(sizeof(struct member_range) == 40, "layout");
enum { MEMBER_RANGES_MOST = 1 << 22 };

/* Shortest prefixes that are accepted without --wide. */
enum { MEMBER_WIDE4 = 8, MEMBER_WIDE6 = 16 };
