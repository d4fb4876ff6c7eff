/* Parts of `preyctl sets` that change members. */
#pragma once

#include "runtime/ctl/members.h"
#include "runtime/preyctl/talk.h"
#include "vm/words/words.h"

/* Numbers of an answer, by their names in it */
#define CHANGE_SUMS(X)                                                                                                 \
    X(added, "added")                                                                                                  \
    X(renewed, "renewed")                                                                                              \
    X(kept, "kept")                                                                                                    \
    X(removed, "removed")                                                                                              \
    X(absent, "absent")                                                                                                \
    X(held, "held") /* not removed: still a member by the file, or by a network around it */                           \
    X(full, "full")                                                                                                    \
    X(lengths, "full: lengths")                                                                                        \
    X(refused, "refused")

enum { CHANGE_TEXT = 64 };

/* Changes on their way, sent in parts, and the sum of their results. */
struct changes {
    struct talk *t;
    const char *set, *comment; /* comment: text for the changes; NULL: none */
    bool once, wide;
    bool cuts;                     /* flows of some members must end */
    bool uncut;                    /* the service doesn't support ending flows */
    bool lasts;                    /* continues with another process if the service hangs up: changes are sent again */
    bool asked;                    /* the service has answered before */
    struct member_record *records; /* [MEMBER_RECORDS_MOST] changes to send */
    struct change_told {
        uint64_t line; /* line of the change in the input; 0: it was an argument */
        char text[CHANGE_TEXT];
        bool told; /* the refusal of the change is printed */
    } * told;      /* [MEMBER_RECORDS_MOST] texts of the changes for refusals */
    unsigned count;
    struct change_sums {
#define X(field, word) uint64_t field;
        CHANGE_SUMS(X)
#undef X
        uint64_t cut; /* flows that have ended */
    } sums;
};
/* Initialise. False after a complaint: out of memory. */
bool changes_init(struct changes *c, struct talk *t, const char *set);
void changes_fini(struct changes *c);
/* Read a member: an address, or a prefix. False: invalid, for the reason in why. */
bool member_read(const char *text, size_t len, struct member_record *r, char *why, size_t why_len);
/* Read a decision of CrowdSec's custom bouncer, a JSON object; an expired decision removes its member. False:
 * invalid, for the reason in why (decision.c). */
bool decision_read(const char *text, size_t len, struct member_record *r, char *why, size_t why_len);
/* Add a change to those on their way, and send them when a part is full. Return 0 or 2. */
int changes_put(struct changes *c, const struct member_record *r, uint64_t line, const char *text, size_t len);
/* Send all pending changes. Return 0, or 2 after a line with the reason. */
int changes_send(struct changes *c);
/* Report that a change was refused, with its line unless that is 0. */
void changes_refuse(struct changes *c, uint64_t line, const char *text, size_t len, const char *why);
/* Print the sums. Return the exit status. */
int changes_tell(const struct changes *c);

/* Return the question about one set: {"ask": "sets", "op": op, "set": set} */
cJSON *sets_question(const char *op, const char *set);

/* Do `preyctl sets NAME feed` and `preyctl sets NAME replace`; return the exit status. */
int sets_feed(struct talk *t, const char *set, bool wide);
int sets_replace_by(struct talk *t, const char *set, bool wide);
