/* The state of the control room: questions, and the data for answers. */
#pragma once

#include <sys/stat.h>

#include "runtime/host/file/past_files.h"
#include "runtime/live/rules/rules_state.h"
#include "runtime/worker/worker.h"

struct before;
struct ctl;
struct documents;
struct dropped;
struct last;
struct load;
struct onlookers;
struct walk;
struct web;
struct yield;

struct onfile {
    bool differs;    /* the file holds another program than the running one, or none */
    char fault[300]; /* reason why the file holds no program; empty: it holds one */
    bool known;      /* a file was read; its digest and identity: */
    uint8_t digest[PBC_DIGEST_LEN];
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec written, changed;
};

struct watch {
    int fd;             /* inotify; -1: not watched */
    bool linked;        /* the file is a link, so any change beside it may matter */
    uint64_t due_ns;    /* time of the next look; UINT64_MAX: nothing happened */
    uint64_t most_ns;   /* latest time of that look, even if events continue */
    struct watch_mark { /* identity of the file at the last look */
        dev_t dev;
        ino_t ino;
        off_t size;
        int64_t changed_ns;
    } mark;
    bool told; /* a failure of the watch was reported */
};

enum { WORD_LEN = 9 /* four syllables of two letters, and a zero */ };

struct confirm {
    uint64_t until_ns;    /* monotonic; 0: nothing waits */
    struct program *back; /* a counted reference to the program that returns; NULL: prey ends */
    char *back_name;      /* name of that program, on the heap */
    char *back_allows;    /* devices that the program may leave unjudged, on the heap; NULL: none */
    bool saves;           /* replace the command line's file once confirmed */
    bool goes_back;       /* the time has expired, and the old program is returning */
    char word[WORD_LEN];  /* word that confirms the program */
};

/* A program that ran. Texts that do not fit are truncated. */
struct past_entry {
    uint8_t place;    /* its files (runtime/host/file/past_files.h) */
    bool kept;        /* the program is in its file */
    bool trial;       /* the program was never confirmed */
    uint64_t wall_ns; /* when it began to run */
    struct began began;
    uint32_t rules, services;
    uint8_t digest[PBC_DIGEST_LEN];
    char name[256];   /* name of its file */
    char allows[256]; /* devices that it may leave unjudged, with commas */
};

struct past_programs {
    struct past_entry all[HISTORY_PLACES]; /* the programs, the newest first */
    unsigned count;
    uint64_t begun; /* value of rules->begun that was last seen */
    bool told;      /* a failure to keep the files was reported */
};

/* The state that outlives a crash (takeover/lasting.h) */
struct lasting {
    uint64_t due_ns;
    uint64_t begun;            /* value of rules->begun for which it holds; 0: none */
    uint64_t text_of[2];       /* value of rules->begun for the program whose text is in each half */
    uint64_t seen, written_ns; /* number for the frames and settings at the last writing; time of that writing */
    uint64_t room;             /* bytes of flows that can be copied within HELD_NS, as measured; 0: not known */
    uint64_t room_ns;          /* time when more than that is tried next */
    unsigned half;             /* half to be written next */
};

struct control {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct world *world;
    struct rules *rules;
    struct ctl *ctl;             /* the control socket */
    struct load *load;           /* load under way; NULL: none */
    struct confirm confirm;      /* confirmation that is awaited */
    bool stops;                  /* the end was requested */
    struct watch watch;          /* watch on the command line's file */
    struct past_programs past;   /* programs that ran last */
    struct onfile onfile;        /* the file's present content */
    struct walk *walks;          /* walks through flows, under way */
    struct onlookers *onlookers; /* observers; NULL: there never was one */
    struct dropped *dropped;     /* noted senders; NULL: nothing was dropped yet */
    struct documents *documents; /* documents (document/document.h); NULL: none asked for yet */
    uint64_t begun_ns;           /* mono time when workers began */
    struct limit_told {
        uint64_t count, at_ns; /* workers' limit events when last reported, and time of that report */
    } limits[LIMITS];
    struct before *before; /* earlier processes that still serve sessions; NULL: a plain start */
    struct last *last;     /* the last state; NULL: none is kept */
    struct lasting lasting;
    struct yield *yield; /* another process that takes over; NULL: none */
    bool kept;           /* the parent is a keeper, until another process takes over (takeover/outlive.h) */
    struct web *web;     /* statistics over HTTP; NULL: not asked for */
    int handed_stats;    /* listening socket for questions, of the instance taken over; -1: none */
};
