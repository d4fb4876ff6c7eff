/* Tests of a rule file, `test "NAME" { ... }`: what a compile keeps of them, and the stages between text and verdict.
 * resolve_tests reads the blocks while names are known; judge_tests judges by the finished program. */
#pragma once

#include "compiler/analysis/claim/claim.h"
#include "compiler/analysis/sample/notation.h"
#include "compiler/resolve/resolve.h"
#include "vm/judge/routes.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

/* The form of a bare `reply`: only its parts, until it is known what it answers. */
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
    STEP_REPLAY,
    STEP_CLAIM
};
enum step_reply { REPLY_NOT, REPLY_BARE, REPLY_WRITTEN }; /* `reply FLAGS`, `reply: PACKET` */

/* What a client says first (said.h), and what is known of its connection by that. */
struct test_said;
struct first;
struct chooser;

struct test_step {
    struct test_step *next;
    enum step_kind kind;
    struct span span; /* carets stand under it */
    struct frame_spec *packet;
    struct test_said *said;  /* EXPECT: what the client of a connection says first (said.h); NULL: nothing is written */
    enum step_reply reply;   /* EXPECT: the packet answers the last one that left */
    struct span packet_span; /* EXPECT: of the packet or the `reply` */
    uint8_t action;          /* EXPECT, REPLAY: enum action */
    uint16_t state;          /* EXPECT: enum flow_mark, 0 where any may be */
    bool asks_server;        /* EXPECT: of a pool, a server, or that none is given */
    bool refused;            /* EXPECT: a service takes it, and gives it no server */
    bool stepped;            /* EXPECT: a `reply` that stands alone, so that `pass` will do too */
    uint32_t rule;           /* EXPECT: id, RULE_DEFAULT, or RULE_NONE where any may decide */
    uint32_t pool, server;   /* EXPECT, SPLIT, HEALTH: ids, PBC_NONE where none is named */
    bool down;               /* HEALTH */
    uint64_t percent;        /* SPLIT: how far a part may be away */
    uint32_t *parts, part_count; /* SPLIT: of the servers that take part, in the file's order */
    int day;                     /* AT: 0 is Monday, -1 the next day that has the time */
    bool dated;                  /* AT: on this date, days since 1970 */
    uint32_t date;
    uint64_t count;   /* REPEAT: packets; REPLAY: percent at least, 100 for `all` */
    bool all;         /* REPLAY: `all` was written */
    uint64_t ns;      /* AFTER, REPEAT: how long it takes */
    const char *path; /* REPLAY: relative to where preyc was started */
    struct span path_span;
    const struct facts *self;  /* SELF */
    const struct route *route; /* ROUTE, by the device */
    const char *device;
    const struct claim *claim;
};

struct test {
    struct test *next;
    struct str name;
    struct span span;
    struct test_step *first, **end;
    const struct facts *self_at_start, *self; /* `self`: at the step that is read */
    bool self_written;                        /* some step before it says so */
    uint64_t ns;                              /* how long its steps take */
    bool failed;
};

struct tests {
    struct test *first, **end;
    uint32_t count, ran, failed;
    uint64_t packets; /* that all steps together send */
};

enum {
    TEST_REPEAT_MAX = 1000000,       /* packets of one step */
    TEST_PACKETS_MAX = 10000000,     /* of all tests of a file, captures apart */
    TEST_DAYS_MAX = 3660,            /* time that one test spans */
    TEST_LEFT_MOST = POOL_SLOT_MOST, /* bytes of a frame that leaves */
};

/* What `first` begins and `last` ends. */
static inline struct span span_of(const struct node *first, const struct node *last)
{
    return (struct span){first->span.file, first->span.start, last->span.end};
}

/* Steps: each appends to the test; false after a report (resolve.c, expect.c, pools.c). */
struct test_step *test_step_add(struct compile *c, struct test *t, enum step_kind kind, struct span span);
bool test_packets_add(struct compile *c, const struct node *n, uint64_t count);
enum action test_action_of(const struct node *fate);
bool test_expect_step(struct compile *c, struct test *t, const struct node *n);
bool test_reply_step(struct compile *c, struct test *t, const struct node *n);
/* What the step sends: a packet, or a `reply` of either kind; false after a report (expect.c). */
bool test_subject_of(struct compile *c, struct test *t, const struct node *n, struct test_step *s);
bool test_pool_step(struct compile *c, struct test *t, const struct node *n);
bool test_server_step(struct compile *c, struct test *t, const struct node *n);
bool test_refused_step(struct compile *c, struct test *t, const struct node *n);
bool test_health_step(struct compile *c, struct test *t, const struct node *n);
bool test_split_step(struct compile *c, struct test *t, const struct node *n);
bool test_claim_step(struct compile *c, struct test *t, const struct node *n);

/* A packet as written, checked and filled in; NULL after a report (packet.c). `self`: what it stands for;
 * any_port: the source's port may be left out. *said: what its connection's client says first, NULL if nothing; `said`
 * is NULL where nobody asks for it. */
struct frame_spec *test_packet_of(struct compile *c, const struct node *n, const struct facts *self, bool any_port,
                                  struct test_said **said);
/* The parts of a bare `reply`, in a packet that has no more; NULL after a report. */
struct frame_spec *test_reply_of(struct compile *c, const struct node *n);

/* What is known of TCP's numbers and of datagrams in pieces, by addresses. */
struct test_talk;
struct test_datagram;
/* A packet of the test that the vm holds: what is to be done when it leaves. */
struct test_held;
enum { TEST_BUCKETS = 256 };

/* One test under way (run.c). */
struct test_run {
    struct compile *c;
    struct test *test;
    uint64_t steps, steps_done; /* of all tests, for a person who waits */
    struct program *program;
    struct vm *vm;
    struct pool *pool;
    void *pool_memory;
    struct facts facts;
    struct route_list routes; /* that steps have said so far */
    const struct facts *self;
    uint64_t began_ns, now_ns;
    uint64_t ticked_ns, tick_ns; /* when timers ran last; how far apart they do while packets are sent */
    uint64_t captured_ns;        /* the clock of the capture, while a frame of one is shown; else 0 */
    bool dated;                  /* `at DATE` was passed: then the calendar showed date_minute, since 1970 */
    uint64_t dated_ns, date_minute;
    uint64_t week_ns;      /* what the clocks on the wall showed when the test began: since Monday 00:00 */
    uint8_t *down;         /* [servers] */
    uint64_t *up_since_ns; /* [servers] */
    struct claims claims;
    struct first *first;     /* of the connection looked at */
    struct chooser *chooser; /* of proxy services; NULL: there is none */
    uint8_t *frame;          /* FRAME_MOST bytes */
    uint64_t cookie;         /* of the packet judged last */
    struct test_held *held;
    struct pkt left; /* how the last packet that was sent on, or taken out of another, left; nothing in it: none did */
    uint8_t *left_frame;     /* its bytes, TEST_LEFT_MOST */
    uint64_t left_cookie;    /* of the packet judged */
    uint32_t left_hop[4];    /* and where it was sent, as in struct key */
    uint8_t left_hop_family; /* 0: nowhere else than its destination says */
    struct frame_spec last; /* the last packet that was let through, a later fragment apart, as who answers it got it */
    struct frame_payload last_ip; /* its bytes from the IP header on, as they left: what errors quote */
    bool any_left;                /* there is one */
    bool past;                    /* the answer to it does not come here */
    bool answered;                /* it was answered already, by the vm */
    struct test_talk *talks[TEST_BUCKETS];
    struct test_datagram *datagrams[TEST_BUCKETS];
    uint32_t datagram; /* the last that was begun */
};
/* The packet as a frame; it holds until the next one is built. */
void test_build(const struct test_run *r, const struct frame_spec *packet, struct pkt *pkt);
void test_judge(struct test_run *r, struct pkt *pkt, struct verdict *v);
/* As the vm sees it, with what `state` says of it now. */
void test_parse(const struct test_run *r, struct pkt *pkt, struct key *key);
/* Time goes on to `now_ns`, and what schedules say with it. */
void test_clock(struct test_run *r, uint64_t now_ns);
/* The same without schedules. */
void test_time(struct test_run *r, uint64_t now_ns);

/* The packet judged last is held: `left` is called with its verdict when it leaves, before the test ends. NULL: memory
 * is out. What follows the header of the struct is the caller's. */
typedef void test_left_fn(struct test_run *r, struct test_held *h, const struct verdict *v);
struct test_held {
    struct test_held *next;
    uint64_t cookie;
    test_left_fn *left;
};
void test_hold(struct test_run *r, struct test_held *h, test_left_fn *left);

/* Numbers of a TCP packet, from those before it in its conversation; that it was let through; and that one with these
 * very numbers was seen on its way (talk.c). */
void test_talk_number(const struct test_run *r, struct frame_spec *p);
void test_talk_sent(struct test_run *r, const struct frame_spec *p);
void test_talk_seen(struct test_run *r, const struct frame_spec *p);

/* An entry of what leaves, before its packet is put back; and what became of a packet (left.c): where it was let
 * through others may answer it, and it counts in its conversation. `cookie`: of the packet. */
void test_left_keep(struct test_run *r, const struct tx_entry *e);
void test_left_note(struct test_run *r, const struct frame_spec *p, const struct verdict *v, uint64_t cookie);
/* A packet that is answered past this machine: nothing of it comes here. */
void test_left_past(struct test_run *r, const struct frame_spec *p);
/* Which datagram a fragment belongs to, and where it lies in it (datagram.c). */
void test_datagram_place(struct test_run *r, struct frame_spec *p);
/* Is the step a `reply` that does not come here? */
bool test_is_past(const struct test_run *r, const struct test_step *s);
/* The packet of a step, ready to be built: what a reply answers, numbers, datagrams. False after reporting that there
 * is nothing to answer or no such answer (reply.c). */
bool test_packet_ready(struct test_run *r, const struct test_step *s, struct frame_spec *p);

/* Minutes since Monday 00:00 that the clocks on the wall show. */
unsigned test_wall(const struct test_run *r);
/* Is the verdict, with what `state` said (enum flow_mark), what the step expects? refused: see struct test_search. */
bool test_holds(const struct test_run *r, const struct test_step *s, const struct verdict *v, uint32_t state,
                bool refused);

/* Steps that judge many packets; false after reporting that they disappoint (replay.c, split.c). */
bool test_replay(struct test_run *r, const struct test_step *s);
bool test_split(struct test_run *r, const struct test_step *s);

/* What the rules did with the packet of a failed expectation (why.c). To be asked before it is judged where there
 * are meters: judging takes tokens. */
struct test_search {
    const struct test_step *step;
    struct pkt pkt;
    struct key key;
    bool inside;               /* pkt came in a tunnel that is opened */
    struct served served;      /* what a service would do with it */
    bool refused;              /* it takes it, and gives it no server: served.how says why, or nothing */
    struct trace_step wanted;  /* the rule that was expected, if it was tried */
    struct trace_step closed;  /* the `do` that leads to its chain, if it did not match */
    struct trace_step closest; /* a rule with the expected verdict of which one condition failed */
    unsigned closest_count;
};
/* The packet alone, as `state` sees it now; then every rule that is tried on it. */
void test_look(struct test_run *r, const struct test_step *step, const struct pkt *pkt, struct test_search *s);
void test_search(struct test_run *r, struct test_search *s);
void test_note_why(struct test_run *r, const struct test_search *s, const struct verdict *v);

/* Say that an expectation failed, and why (report.c). */
void test_report(struct test_run *r, const struct test_step *step, const struct verdict *v,
                 const struct test_search *s);
/* Notes on a packet and on what decided it, to the last diagnostic. */
void test_note_packet(struct test_run *r, const char *what, const struct pkt *pkt, const struct key *key);
/* Of an ICMP error that was not let through: what it quotes. Overwrites the frame that was built last (reply.c).
 */
void test_note_quoted(struct test_run *r, const struct test_step *s);
void test_note_decider(struct test_run *r, const struct verdict *v, const struct key *key);
void test_note_left(struct test_run *r, const struct verdict *v);
struct served test_served(const struct test_run *r, const struct pkt *pkt, const struct key *key);
void test_note_service(struct test_run *r, const struct served *served, const struct verdict *v);
enum { RULE_TEXT = 200 };
const char *test_rule_text(const struct test_run *r, uint32_t rule, char buf[RULE_TEXT]);
/* The span of a place in the program; SPAN_NONE if its file is not there. */
struct span test_span_of(struct test_run *r, const struct pbc_place *place);
