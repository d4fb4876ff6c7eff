/* Live sets (vm/judge/lives.h) as the main thread keeps them: by name, across programs; their members by hand. */
#pragma once

#include "runtime/host/file/address_file.h"
#include "runtime/live/rules/members/notes.h"
#include "runtime/live/rules/rules_state.h"
#include "vm/judge/lives.h"

/* The file of a set that has one (member_files.c). */
struct member_file {
    struct file_mark mark; /* the file as it was read last; all 0: never */
    char bad[304];         /* one line if that is not in force, else "" */
    char fault[304];       /* line that was told last: `bad`, or why the file can't be read; "" if all is well */
    uint64_t read_ns;      /* wall time at which it came into force; 0: never */
    unsigned busy;         /* looks in a row at which it had just been written to */
};

struct member_set {
    struct member_set *next;
    char *name;
    struct notes *notes;
    uint64_t version;        /* another number once other members took the place of all */
    struct live_counts past; /* counts of the tables before this one */
    uint64_t refused;        /* members that were refused: by `never`, by `in`, as too wide; those of rules by programs
                              * before the one in force */
    struct live_answered answered; /* counts of DNS answers by programs before the one in force */
    uint64_t cut;                  /* flows that its members have ended (`cut`) */
    uint16_t number;               /* its number among those (vm/judge/lives.h) */
    uint64_t replaced_ns;          /* wall time at which its base was replaced; 0: never */
    uint32_t replaced_by;          /* user */
    struct live_set *parked; /* members that a trial would lose: they come back if it ends unconfirmed; NULL: none */
    bool parked_base;        /* so does its base */
    struct member_file file;
    struct member_file next_file; /* the same for a program that is yet to be in force */
    uint64_t named;               /* mark of the program whose names have been followed (member_names.c); 0: none */
    bool settled;                 /* members that came from other names have their end */
};

/* All live sets of the main thread. */
struct members {
    struct member_set *first;
    struct emptied *emptied; /* tables and bases that readers may still hold */
    uint64_t mark;           /* mark for the proxies' loops at the last one that was replaced */
    /* Members that the parent keeps (kept_members.c) */
    uint64_t kept;         /* number of these members; 0: none, or others than those of now */
    uint64_t next_ns;      /* monotonic time before which nothing is written, but at the end */
    bool has_file;         /* a file was there at the start, or has been written since */
    int unkept;            /* negative errno of its last failure; 0: none */
    bool bare;             /* the file was written without notes, for want of room */
    struct members_notes { /* notes of all sets as bytes, in a takeover (kept_notes.c) */
        uint8_t *bytes;
        uint64_t len;
    } passing;
    uint64_t look_ns;         /* monotonic time before which no file is looked at */
    struct cut_wait *waiting; /* those who wait for a round of cuts */
};

/* Make the sets of the program in force, empty, and give them to it. False: out of memory. */
bool members_begin(struct rules *rules);
void members_fini(struct rules *rules);
/* Write the members, or read them into the sets of a process that takes over; what another version wrote without them
 * is read as none. */
struct archive;
void members_archive(struct rules *rules, struct archive *a);
/* kept_members.c: read the name of this boot of the machine. Call while files can be opened. */
void members_boot(struct rules *rules);
/* Read the members that a stop or a crash has left behind. crashed: all sets; else those with `keep`. False: some have
 * no room in the kernel, with a line in err. */
bool members_restore(struct rules *rules, bool crashed, char *err, size_t err_len);
/* Have the parent keep all members where they changed, and none where there is no set; a failure is told once. Call
 * once a second, and at the end (ends): then what is due later is written, too. */
void members_keep(struct rules *rules, bool ends);
/* kept_notes.c: write what is kept beside the members of the program in force, or read it once they were read; what is
 * read is hostile. later_ms: added to each end that is read. False: no room, or it is damaged; what was read stays. */
bool members_notes_archive(const struct rules *rules, struct archive *a, int64_t later_ms);
/* A takeover: write all notes beforehand, into memory, while workers judge (ahead); write these, or find them in the
 * archive, whose bytes must stay (pass); once workers judge again read what was found (read), or free what was
 * written (free). Notes for which there is no room are left out, and told. */
void members_notes_ahead(const struct rules *rules);
void members_notes_pass(const struct rules *rules, struct archive *a);
void members_notes_read(const struct rules *rules);
void members_notes_free(const struct rules *rules);
/* Return the most bytes that it writes. */
uint64_t members_notes_most(const struct rules *rules);
/* Return a number that is another once notes of a set have changed. */
uint64_t members_notes_changes(const struct rules *rules);
/* Set the time by which members expire, for those who judge while no packet comes. Call each turn. */
void members_at(const struct rules *rules, uint64_t now_ns);
/* Free some expired members, notes without members, and tables that nobody reads any more. Call once a second. */
void members_tick(struct rules *rules, uint64_t now_ns);

/* Have a struct member_set for each live set of the program. False: out of memory. */
bool members_follow(struct rules *rules, const struct program *p);
/* Drop those that the program in force lacks, and parked members; during a trial nothing is dropped. */
void members_forget(struct rules *rules);
/* Return the set of that name; NULL: there is none. */
struct member_set *members_named(const struct rules *rules, const char *name);

/* Lend the members of now to a program that is asked what it would decide; sets that it alone has get `none`. The
 * caller gives them back (program_members, NULL) before anything else is done. lent: room for them. */
void members_lend(const struct rules *rules, struct program *p, struct lives *lent, struct live_set *none);

/* A live set in the program in force and, while workers may judge by it, in the program before. */
struct member_target {
    struct member_set *set;
    unsigned count;
    struct member_place {
        const struct program *program;
        struct lives *lives;
        uint32_t live;
    } at[2]; /* [count], the program in force first */
};
/* Find a live set by its name. False: the program in force has none of that name. */
bool members_find(const struct rules *rules, const char *name, struct member_target *t);
/* Return its table in the program in force. */
struct live_set *member_table(const struct member_target *t);
uint64_t members_now_ms(void);

/* Return why one of the programs refuses these addresses. */
enum live_refusal member_refuses(const struct member_target *t, bool v6, const uint32_t lo[4], const uint32_t hi[4]);
/* Add, renew or remove a member in both. */
enum live_said member_add(const struct member_target *t, const struct live_net *net, uint64_t end_ms,
                          enum live_how how);
enum live_said member_remove(const struct member_target *t, const struct live_net *net);
/* Give a table another base; the one before is freed once no packet can be judged by it. False: out of memory, or no
 * room in the kernel, and the base stays. */
bool members_base(struct rules *rules, struct live_set *table, const struct live_base *base);
/* True if the tables of both have room for these ranges. */
bool member_base_fits(const struct member_target *t, const struct live_base *base);
/* Put this base in the place of all members; *were: number of members and ranges before. False: out of memory, and
 * nothing has changed. */
bool members_replace(struct rules *rules, const struct member_target *t, const struct live_base *base, uint64_t *were);

/* Return all counts of a set, those of its tables before included, and the members of now. */
struct live_counts member_counts(const struct member_set *set, const struct live_set *table);
/* Return how many members `never`, `in` or their width has refused, by hand and by rules. */
uint64_t member_refused(const struct member_set *set, struct lives *lives, uint32_t live);
/* Note the names of members that answers have added since. */
void members_name(struct rules *rules);
/* Return the counts of DNS answers. */
struct live_answered member_answered(const struct member_set *set, const struct lives *lives, uint32_t live);

/* rounds.c: make what members are cut by, before the workers. False: out of memory. */
bool members_cut_begin(struct rules *rules);
/* Return a number for another set. */
uint16_t members_cut_number(const struct members *m);
/* Have what is cut of these sets go that way. */
void members_cut_by(const struct rules *rules, struct lives *l, const struct program *p);
/* Ask that the member's flows end. */
void member_cut(const struct rules *rules, const struct member_target *t, const struct live_net *net);
/* Begin a round of cuts, or end it. Call each turn, and when it is due. */
void members_cut(struct rules *rules, uint64_t now_ns);
uint64_t members_cut_due_ns(const struct rules *rules);
/* A question that waits until flows of members have ended, for which member_cut was called this turn. */
struct cut_wait {
    struct cut_wait *next;
    const struct live_net *nets; /* [count] */
    size_t count;
    uint32_t set;            /* number of their set */
    uint64_t round, sign_ns; /* rounds.c's */
    void (*done)(struct cut_wait *w, uint64_t flows);
    void (*lasts)(struct cut_wait *w); /* called each second until then */
};
void members_cut_wait(struct rules *rules, struct cut_wait *w);
/* Wait no more; not after `done` was called. */
void members_cut_leave(struct rules *rules, struct cut_wait *w);

/* member_files.c: have the ranges of each file in force. At a start, before anything is judged: false, with a line in
 * err, if a set has neither its file nor members that a process before has left. */
bool members_files_begin(struct rules *rules, char *err, size_t err_len);
/* Look at files, each once a second at most. */
void members_files(struct rules *rules, uint64_t now_ns);
/* Read the file of a set of a program that is yet to be in force, into its table. False: a line in err. */
bool member_file_read(struct rules *rules, const struct program *p, uint32_t live, struct live_set *table, char *err,
                      size_t err_len);

/* member_names.c: bring members of sets of names in line with what these are now. Call each turn. */
void members_names(struct rules *rules, uint64_t now_ns);
/* Write which name of the set could not be asked for, and why; "": all were answered, or it has no names. */
void member_names_fault(const struct rules *rules, const struct member_target *t, char *text, size_t len);

/* follow.c: bring members in line with the program that is in force now, and say in rules->fell_out what fell out. */
struct program_change;
void members_settle(struct rules *rules, struct program_change *c);
