/* Tests of a rule file, `test "NAME" { ... }`: their steps as a compile keeps them, and the stages from text to result.
 * resolve_tests reads the blocks while names are known; judge_tests runs them on the finished program. */
#pragma once

#include "compiler/analysis/claim/claim.h"
#include "compiler/analysis/sample/notation.h"
#include "compiler/resolve/resolve.h"
#include "vm/judge/routes.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

/* Form of a bare `reply`, whose real form depends on the packet that it answers */
enum { FORM_REPLY = FORM_COUNT };

enum step_kind {
    STEP_EXPECT,
    STEP_SPLIT,
    STEP_REPEAT,
    STEP_AFTER,
    STEP_AT,
    STEP_SELF,
    STEP_ROUTE,
    STEP_HEALTH,
    STEP_LIVE,
    STEP_REPLAY,
    STEP_CLAIM
};
enum step_mirrored { MIRRORED_NO_MATTER, MIRRORED_BY, MIRRORED_NOT };
enum step_reply { REPLY_NOT, REPLY_BARE, REPLY_WRITTEN }; /* none, `reply FLAGS`, `reply: PACKET` */

/* Words that a client sends first (ruletest_priv.h); what the proxy knows of a connection */
struct test_said;
struct first;
struct chooser;

struct test_step {
    struct test_step *next;
    enum step_kind kind;
    struct span span; /* place of the carets */
    struct frame_spec *packet;
    struct test_said *said;      /* EXPECT: the client's first bytes (ruletest_priv.h); NULL: none */
    enum step_reply reply;       /* EXPECT: form of `reply`; the packet answers the last one that left */
    struct span packet_span;     /* EXPECT: place of the packet or `reply` */
    uint8_t action;              /* EXPECT, REPLAY: expected enum action */
    uint16_t state;              /* EXPECT: expected enum flow_mark; 0: any */
    bool would;                  /* EXPECT: about the verdict without `audit`; `rule` is a number of program->would */
    enum step_mirrored mirrored; /* EXPECT: about copies, by `rule` or any rule, not about the verdict */
    bool asks_server;            /* EXPECT: the step asks for a pool, a server or a refusal */
    bool refused;                /* EXPECT: a service takes the packet without a server */
    enum pbc_goes goes;          /* EXPECT: destination other than a pool; PBC_GOES_POOLS: not asked */
    const char *socket;          /* EXPECT: socket of PBC_GOES_PROGRAM */
    bool stepped;                /* EXPECT: a `reply` by itself; `pass` satisfies it, too */
    uint32_t rule;               /* EXPECT: rule id, RULE_DEFAULT, or RULE_NONE: any rule */
    uint32_t pool, server;       /* EXPECT, SPLIT, HEALTH: ids; PBC_NONE: none named */
    bool down;                   /* HEALTH: the server is down */
    uint64_t percent;            /* SPLIT: allowed deviation of a part */
    uint32_t *parts, part_count; /* SPLIT: part of each server that gets flows, in the file's order */
    int day;                     /* AT: 0: Monday; -1: any day */
    bool dated;                  /* AT: `date` (days since 1970) is set */
    uint32_t date;
    uint64_t count;   /* REPEAT: packets; REPLAY: least percentage, 100 for `all` */
    bool all;         /* REPLAY: `all` was written */
    uint64_t ns;      /* AFTER, REPEAT: duration; AT: time of day */
    const char *path; /* REPLAY: file, relative to preyc's working directory */
    struct span path_span;
    const struct facts *self;  /* SELF: the addresses */
    const struct route *route; /* ROUTE: the route, by the device */
    const char *device;
    const struct claim *claim;
    uint32_t live; /* LIVE: the live set, and its new member, for `ns`; 0: without an end */
    const struct live_net *net;
};

struct test {
    struct test *next;
    struct str name;
    struct span span;
    struct test_step *first, **end;
    const struct facts *self_at_start, *self; /* `self` at the beginning, and at the step being read */
    bool self_written;                        /* a step has set `self` */
    uint64_t ns;                              /* duration of all steps */
    bool failed;
};

struct tests {
    struct test *first, **end;
    uint32_t count, ran, failed;
    uint64_t packets; /* packets that all steps send */
};

enum {
    TEST_REPEAT_MAX = 1000000,       /* packets of one step */
    TEST_PACKETS_MAX = 10000000,     /* packets of all tests of a file, without captures */
    TEST_DAYS_MAX = 3660,            /* days that one test may span */
    TEST_LEFT_MOST = POOL_SLOT_MOST, /* bytes of a frame that leaves */
};

/* Return the span from the beginning of `first` to the end of `last`. */
static inline struct span span_of(const struct node *first, const struct node *last)
{
    return (struct span){first->span.file, first->span.start, last->span.end};
}

/* Read one step each, and append it to the test; false after a report (resolve.c, expect.c, pools.c). */
struct test_step *test_step_add(struct compile *c, struct test *t, enum step_kind kind, struct span span);
bool test_packets_add(struct compile *c, const struct node *n, uint64_t count);
enum action test_action_of(const struct node *fate);
bool test_expect_step(struct compile *c, struct test *t, const struct node *n);
bool test_reply_step(struct compile *c, struct test *t, const struct node *n);
/* Read the packet or the `reply` that the step sends; false after a report (expect.c). */
bool test_subject_of(struct compile *c, struct test *t, const struct node *n, struct test_step *s);
bool test_pool_step(struct compile *c, struct test *t, const struct node *n);
bool test_server_step(struct compile *c, struct test *t, const struct node *n);
bool test_original_step(struct compile *c, struct test *t, const struct node *n);
bool test_program_step(struct compile *c, struct test *t, const struct node *n);
bool test_refused_step(struct compile *c, struct test *t, const struct node *n);
bool test_health_step(struct compile *c, struct test *t, const struct node *n);
bool test_split_step(struct compile *c, struct test *t, const struct node *n);
bool test_claim_step(struct compile *c, struct test *t, const struct node *n);
bool test_live_step(struct compile *c, struct test *t, const struct node *n);
bool test_mirrored_step(struct compile *c, struct test *t, const struct node *n);
/* Find the rule that `by` names, which decides or copies; false after a report (expect.c). */
bool test_rule_named(struct compile *c, const struct node *by, uint32_t *rule);

/* Read a packet as written, check it and fill in the rest; NULL after a report (packet.c). self: addresses that
 * `self` represents; any_port: the source port may be left out. *said: the client's first words, or NULL; `said` is
 * NULL if those are not allowed. */
struct frame_spec *test_packet_of(struct compile *c, const struct node *n, const struct facts *self, bool any_port,
                                  struct test_said **said);
/* Read the parts of a bare `reply` into a packet without sides; NULL after a report. */
struct frame_spec *test_reply_of(struct compile *c, const struct node *n);

/* TCP's numbers in each conversation, and the fragments of each datagram, by addresses */
struct test_talk;
struct test_datagram;
/* A packet of the test that the vm holds, with a function to call when it leaves */
struct test_held;
enum { TEST_BUCKETS = 256 };

/* A running test (run.c) */
struct test_run {
    struct compile *c;
    struct test *test;
    uint64_t steps, steps_done; /* steps of all tests, for progress */
    struct program *program;
    struct lives *members; /* members of its live sets */
    struct vm *vm;
    struct pool *pool;
    void *pool_memory;
    struct facts facts;
    struct route_list routes; /* routes set by steps so far */
    const struct facts *self;
    uint64_t began_ns, now_ns;
    uint64_t ticked_ns, tick_ns; /* time of the last tick; time between ticks while packets are sent */
    uint64_t captured_ns;        /* capture time of the frame in a report; else 0 */
    bool dated;                  /* a step `at DATE` has run: at dated_ns the calendar showed date_minute, since 1970 */
    uint64_t dated_ns, date_minute;
    uint64_t week_ns;      /* wall clock at the test's beginning, since Monday 00:00 */
    uint8_t *down;         /* [server]: true if down */
    uint64_t *up_since_ns; /* [server]: time at which the server came up */
    struct claims claims;
    struct first *first;     /* first bytes of the connection being judged */
    struct chooser *chooser; /* servers of proxy services, or NULL */
    uint8_t *frame;          /* room for FRAME_MOST bytes */
    uint64_t cookie;         /* cookie of the packet judged last */
    struct test_held *held;
    uint64_t mirrored;            /* mirrors that copied the packet judged last, or the one that has just left */
    struct pkt left;              /* the last packet forwarded or taken out of a tunnel, as it left; empty: none */
    uint8_t *left_frame;          /* bytes of `left`; room for TEST_LEFT_MOST */
    uint64_t left_cookie;         /* cookie of that packet as judged */
    uint32_t left_hop[4];         /* next hop of that packet, as in struct key */
    uint8_t left_hop_family;      /* 0: its destination is the next hop */
    struct frame_spec last;       /* the last packet let through, as its receiver got it; not a later fragment */
    struct frame_payload last_ip; /* bytes of `last` from the IP header on, as it left, for errors to quote */
    bool any_left;                /* `last` is set */
    bool past;                    /* the reply to `last` bypasses this machine */
    bool answered;                /* the vm has replied to `last` */
    struct test_talk *talks[TEST_BUCKETS];
    struct test_datagram *datagrams[TEST_BUCKETS];
    uint32_t datagram; /* identification of the newest datagram */
};
/* Build the packet as a frame, valid until the next call. */
void test_build(const struct test_run *r, const struct frame_spec *packet, struct pkt *pkt);
void test_judge(struct test_run *r, struct pkt *pkt, struct verdict *v);
/* Parse the packet as the vm does, with its current `state`. */
void test_parse(const struct test_run *r, struct pkt *pkt, struct key *key);
/* Advance the clock to `now_ns`, with the schedules. */
void test_clock(struct test_run *r, uint64_t now_ns);
/* Advance the clock to `now_ns`, but not the schedules. */
void test_time(struct test_run *r, uint64_t now_ns);

/* Register the packet judged last as held: `left` is called with its verdict when it leaves, at the end of the test at
 * the latest. The caller's data follow the struct. */
typedef void test_left_fn(struct test_run *r, struct test_held *h, const struct verdict *v);
struct test_held {
    struct test_held *next;
    uint64_t cookie, mirrored;
    test_left_fn *left;
};
void test_hold(struct test_run *r, struct test_held *h, test_left_fn *left);
/* The verdict of packets that are still held at the end (run.c) */
/* Return the verdict without `audit`, by the numbers of p->would (run.c). */
struct verdict test_would(const struct program *p, const struct verdict *v);
extern const struct verdict test_still_held;

/* Give a TCP packet its numbers, from earlier packets of its conversation; note a packet that was let through; note a
 * packet as it left, with its numbers there (talk.c). */
void test_talk_number(const struct test_run *r, struct frame_spec *p);
void test_talk_sent(struct test_run *r, const struct frame_spec *p);
void test_talk_seen(struct test_run *r, const struct frame_spec *p);

/* Keep an entry of vm_tx before its packet is freed. Note the verdict of a packet (second function, left.c): a
 * packet that was let through may be answered, and counts in its conversation. cookie: the packet's. */
void test_left_keep(struct test_run *r, const struct tx_entry *e);
void test_left_note(struct test_run *r, const struct frame_spec *p, const struct verdict *v, uint64_t cookie);
/* Note a packet that bypasses this machine, unjudged. */
void test_left_past(struct test_run *r, const struct frame_spec *p);
/* Give a fragment its datagram and offset (datagram.c). */
void test_datagram_place(struct test_run *r, struct frame_spec *p);
/* True if the step is a `reply` that bypasses this machine. */
bool test_is_past(const struct test_run *r, const struct test_step *s);
/* Complete the packet of a step: reply, numbers, datagram. False after reporting that there is no packet to answer,
 * or that it has no such reply (reply.c). */
bool test_packet_ready(struct test_run *r, const struct test_step *s, struct frame_spec *p);

/* Return the minutes since Monday 00:00 that wall clocks show. */
unsigned test_wall(const struct test_run *r);
/* True if the verdict is what the step expects. `search`: the packet's; NULL for a captured one. */
struct test_search;
bool test_holds(const struct test_run *r, const struct test_step *s, const struct verdict *v,
                const struct test_search *search);

/* Judge copies of packets (mirrored.c): copy a packet as it came, for a mirror (struct vm_copies); copy a judged one
 * for those with `sent`; compare copies with the step; write the verdict's words with them; explain why a matching
 * rule made none. */
void test_mirror(void *arg, unsigned mirror, const struct pkt *pkt);
uint64_t test_mirrors_sent(const struct pkt *pkt, const struct verdict *v);
bool test_mirrored_holds(const struct test_run *r, const struct test_step *s);
const char *test_mirrored_text(const struct test_run *r, const char *what, char *buf, size_t len);
void test_note_uncopied(struct test_run *r, const struct test_search *s);

/* Run a step that judges many packets; false after reporting that it failed (replay.c, split.c). */
bool test_replay(struct test_run *r, const struct test_step *s);
bool test_split(struct test_run *r, const struct test_step *s);
/* Add a member to a live set; false after reporting that the set does not take it (live.c). */
bool test_live(struct test_run *r, const struct test_step *s);
/* Return the duration of a node in *ns; false after a report (resolve.c). */
bool test_duration_of(struct compile *c, const struct node *n, uint64_t *ns);

/* Search for the rules' effects on the packet of a failed expectation (why.c). With meters, it is filled before the
 * packet is judged, because judging takes tokens. */
struct test_search {
    const struct test_step *step;
    struct pkt pkt;
    struct key key;
    bool inner;                /* pkt came in a tunnel that is opened */
    struct served served;      /* service, branch and server that would take the packet */
    bool refused;              /* a service takes the packet without a server; served.how may have the reason */
    enum pbc_goes goes;        /* destination of a connection that a proxy takes; PBC_GOES_POOLS: a pool, or unknown */
    bool matched;              /* the expected rule was tried, and matched */
    struct trace_step wanted;  /* the expected rule, if it was tried */
    struct trace_step closed;  /* the `do` into the rule's chain, if that did not match */
    struct trace_step closest; /* a rule with the expected verdict, if one condition failed */
    unsigned closest_count;
};
/* Fill the search with the packet and its current state; then with every rule tried on the packet. */
void test_look(struct test_run *r, const struct test_step *step, const struct pkt *pkt, struct test_search *s);
void test_search(struct test_run *r, struct test_search *s);
void test_note_why(struct test_run *r, const struct test_search *s, const struct verdict *v);

/* Report a failed expectation, and why it failed (report_failed.c). */
void test_report(struct test_run *r, const struct test_step *step, const struct verdict *v,
                 const struct test_search *s);
/* Add notes on a packet and its decider to the last diagnostic. */
void test_note_packet(struct test_run *r, const char *what, const struct pkt *pkt, const struct key *key);
/* Add a note on the packet that an ICMP error quotes, if the error was not let through. Overwrites the frame built last
 * (reply.c). */
void test_note_quoted(struct test_run *r, const struct test_step *s);
void test_note_decider(struct test_run *r, const struct verdict *v, const struct key *key);
void test_note_left(struct test_run *r, const struct verdict *v);
struct served test_served(const struct test_run *r, const struct pkt *pkt, const struct key *key);
void test_note_service(struct test_run *r, const struct served *served, const struct verdict *v);
enum { RULE_TEXT = 200 };
const char *test_rule_text(const struct test_run *r, uint32_t rule, char buf[RULE_TEXT]);
/* Return the span of a place in the program; SPAN_NONE if its file was not read. */
struct span test_span_of(struct test_run *r, const struct pbc_place *place);
