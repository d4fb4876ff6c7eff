/* Live sets (vm/judge/lives.h) as the main thread keeps them: by name, across programs, with their members by hand. */
#pragma once

#include "runtime/host/file/address_file.h"
#include "runtime/live/rules/members/notes.h"
#include "runtime/live/rules/rules_state.h"
#include "vm/judge/lives.h"

/* The file of a set that has one (member_files.c). */
struct member_file {
    struct file_mark mark; /* the file as last read; all 0: never */
    char bad[304];         /* one line if the base is not in force, else "" */
    char fault[304];       /* last reported line: `bad`, or why the file can't be read; "" if there is no fault */
    uint64_t read_ns;      /* wall time at which the file came into force; 0: never */
    unsigned busy;         /* number of consecutive looks at which the file had just been written */
};

struct member_set {
    struct member_set *next;
    char *name;
    struct notes *notes;
    uint64_t version;        /* number that changes when all members are replaced */
    struct live_counts past; /* counts of the tables before this one */
    uint64_t refused; /* number of refused members (by `never`, by `in`, as too wide), without those of the present
                         program's rules */
    struct live_answered answered; /* counts of DNS answers under earlier programs */
    uint64_t cut;                  /* flows that its members have ended (`cut`) */
    uint16_t number;               /* number of the set in flow cuts (vm/judge/lives.h) */
    uint64_t replaced_ns;          /* wall time at which its base was replaced; 0: never */
    uint32_t replaced_by;          /* user who replaced it */
    struct live_set
        *parked;      /* members that a trial would lose, and that come back if it ends unconfirmed; NULL: none */
    bool parked_base; /* the base of the set is parked, too */
    struct member_file file;
    struct member_file next_file; /* the same for a program not yet in force */
    uint64_t named;               /* mark of the program whose names were applied last (member_names.c); 0: none */
    bool settled;                 /* members from former names have got an end */
};

/* All live sets of the main thread. */
struct members {
    struct member_set *first;
    struct emptied *emptied; /* tables and bases that readers may still hold */
    uint64_t mark;           /* last mark sent to the proxy loops; each replaced table or base has one */
    /* Members that the parent keeps (kept_members.c) */
    uint64_t kept; /* number of these members; 0: none, or not the present ones */
    int64_t
        kept_ahead_ms; /* milliseconds that the wall clock was ahead of the monotonic clock when they were written */
    uint64_t next_ns;  /* monotonic time before which no file is written, except at the end */
    bool has_file;     /* a file was there at the start, or has been written since */
    int unkept;        /* negative errno of its last failure; 0: none */
    bool bare;         /* the file was written without notes, for lack of room */
    struct members_notes { /* notes of all sets as bytes, in a takeover (kept_notes.c) */
        uint8_t *bytes;
        uint64_t len;
    } passing;
    uint64_t look_ns;         /* monotonic time before which no file is checked */
    struct cut_wait *waiting; /* callers that wait for a round of cuts */
};

/* Make the sets of the program in force, empty, and give them to it. False: out of memory. */
bool members_begin(struct rules *rules);
void members_fini(struct rules *rules);
/* Write the members, or read them into the sets of a process that takes over; another version's bytes without
 * members are read as none. */
struct archive;
void members_archive(struct rules *rules, struct archive *a);
/* kept_members.c: read the name of this boot of the machine. Call while files can be opened. */
void members_boot(struct rules *rules);
/* Read the members kept over a stop or a crash. crashed: all sets; else those with `keep`. False: some have no room
 * in the kernel, with a line in err. */
bool members_restore(struct rules *rules, bool crashed, char *err, size_t err_len);
/* Give the parent all changed members to keep, and none for missing sets; a failure is reported once. Call once per
 * second, and at the end (ends), when writes that are not yet due are done, too. */
void members_keep(struct rules *rules, bool ends);
/* kept_notes.c: write the notes kept beside the members of the program in force, or read them after the members; the
 * input is hostile. later_ms: added to each end read. False: no room, or damaged; notes read so far stay. */
bool members_notes_archive(const struct rules *rules, struct archive *a, int64_t later_ms);
/* Pass all notes in a takeover. Write them beforehand, into memory, while workers judge (ahead). Then write these to
 * the archive, or find them there; its bytes must stay (pass). Once workers judge again, read the notes found
 * (read), or free those written (free). Notes without room are left out, and reported. */
void members_notes_ahead(const struct rules *rules);
void members_notes_pass(const struct rules *rules, struct archive *a);
void members_notes_read(const struct rules *rules);
void members_notes_free(const struct rules *rules);
/* Return the most bytes that members_notes_archive writes. */
uint64_t members_notes_most(const struct rules *rules);
/* Return a number that changes with a set's notes. */
uint64_t members_notes_changes(const struct rules *rules);
/* Set the time by which members expire, for judges while no packets come. Call each turn. */
void members_at(const struct rules *rules, uint64_t now_ns);
/* Free some expired members, notes without members, and tables that are no longer read. Call once per second. */
void members_tick(struct rules *rules, uint64_t now_ns);

/* Make a struct member_set for each live set of the program. False: out of memory. */
bool members_follow(struct rules *rules, const struct program *p);
/* Drop sets that the program in force lacks, and parked members; during a trial nothing is dropped. */
void members_forget(struct rules *rules);
/* Return the set of that name; NULL if there is none. */
struct member_set *members_named(const struct rules *rules, const char *name);

/* Lend the present members to a program for trial decisions; sets that only this program has get `none`. The caller
 * returns them (program_members, NULL) before it does anything else. lent: room for them. */
void members_lend(const struct rules *rules, struct program *p, struct lives *lent, struct live_set *none);

/* A live set in the program in force and, while workers may judge by it, in the preceding program. */
struct member_target {
    struct member_set *set;
    unsigned count;
    struct member_place {
        const struct program *program;
        struct lives *lives;
        uint32_t live;
    } at[2]; /* [count], the program in force first */
};
/* Find a live set by its name. False: the program in force lacks it. */
bool members_find(const struct rules *rules, const char *name, struct member_target *t);
/* Return its table in the program in force. */
struct live_set *member_table(const struct member_target *t);
uint64_t members_now_ms(void);

/* Return why one of the programs refuses these addresses. */
enum live_refusal member_refuses(const struct member_target *t, bool v6, const uint32_t lo[4], const uint32_t hi[4]);
/* Add, renew or remove a member in both programs. */
enum live_said member_add(const struct member_target *t, const struct live_net *net, uint64_t end_ms,
                          enum live_how how);
enum live_said member_remove(const struct member_target *t, const struct live_net *net);
/* Give a table another base; the previous one is freed once no packet can be judged by it. False: out of memory, or
 * no room in the kernel; the base stays. */
bool members_base(struct rules *rules, struct live_set *table, const struct live_base *base);
/* True if the tables of both programs have room for these ranges. */
bool member_base_fits(const struct member_target *t, const struct live_base *base);
/* Replace all members by this base; *were: number of members and ranges before. False: out of memory, and nothing
 * has changed. */
bool members_replace(struct rules *rules, const struct member_target *t, const struct live_base *base, uint64_t *were);

/* Return all counts of a set, with those of earlier tables, and the number of present members. */
struct live_counts member_counts(const struct member_set *set, const struct live_set *table);
/* Return the number of members refused because of `never`, `in` or their width, by hand and by rules. */
uint64_t member_refused(const struct member_set *set, struct lives *lives, uint32_t live);
/* Note the names of members that DNS answers have added since the last call. */
void members_name(struct rules *rules);
/* Return the counts of DNS answers. */
struct live_answered member_answered(const struct member_set *set, const struct lives *lives, uint32_t live);

/* rounds.c: make the state for cuts of members, before the workers. False: out of memory. */
bool members_cut_begin(struct rules *rules);
/* Return an unused cut number, for a new set. */
uint16_t members_cut_number(const struct members *m);
/* Send the cuts of these sets to carry->cuts. */
void members_cut_by(const struct rules *rules, struct lives *l, const struct program *p);
/* Request the end of the member's flows. */
void member_cut(const struct rules *rules, const struct member_target *t, const struct live_net *net);
/* Begin a round of cuts, or end it. Call each turn, and when it is due. */
void members_cut(struct rules *rules, uint64_t now_ns);
uint64_t members_cut_due_ns(const struct rules *rules);
/* A question that waits until flows of members have ended, for which member_cut was called this turn. */
struct cut_wait {
    struct cut_wait *next;
    const struct live_net *nets; /* [count] the members */
    size_t count;
    uint32_t set;            /* number of their set */
    uint64_t round, sign_ns; /* written by rounds.c */
    void (*done)(struct cut_wait *w, uint64_t flows);
    void (*lasts)(struct cut_wait *w); /* called each second until then */
};
void members_cut_wait(struct rules *rules, struct cut_wait *w);
/* Stop waiting; not after `done` was called. */
void members_cut_leave(struct rules *rules, struct cut_wait *w);

/* member_files.c: put the ranges of each file in force. At a start, call before judging; false, with a line in err,
 * if a set has neither its file nor members from an earlier process. */
bool members_files_begin(struct rules *rules, char *err, size_t err_len);
/* Look at the files, at each at most once per second. */
void members_files(struct rules *rules, uint64_t now_ns);
/* Read the file of a set of a program not yet in force, into the set's table. False: a line in err. */
bool member_file_read(struct rules *rules, const struct program *p, uint32_t live, struct live_set *table, char *err,
                      size_t err_len);

/* member_names.c: update the members of sets of names to the names' present addresses. Call each turn. */
void members_names(struct rules *rules, uint64_t now_ns);
/* Write which name of the set could not be resolved, and why; "": all were answered, or the set has no names. */
void member_names_fault(const struct rules *rules, const struct member_target *t, char *text, size_t len);
/* Write the first name of the set that has no address, and why; "": each has one. */
void member_names_none(const struct rules *rules, const struct member_target *t, char *text, size_t len);

/* follow.c: update members for the program in force, and list the dropped ones in rules->fell_out. */
struct program_change;
void members_settle(struct rules *rules, struct program_change *c);
