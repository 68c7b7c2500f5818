/* The file source: files, folders, standard input and FIFOs (private to
 * core/source and to its tests).
 *
 * Reading what is there runs through phases: LIST (folders, in bounded
 * steps), SORT (by path), UNIQUE (a file that is reached by two names is read
 * once), READ, and then DONE or, when following, LIVE.
 *
 * Following treats every inotify event as a hint only: what it names is
 * looked at again (kt_files_check), and what is found there is compared by
 * identity (device, inode, time of birth, digest of the first KiB) with what
 * is known. That holds for late, stale, merged and lost events alike; a lost
 * queue is a look at everything. A file whose name is gone is kept for a
 * while ("gone"): it may turn up under another name, and its writer may not
 * have noticed yet. */
#ifndef KT_SOURCE_FILE_H
#define KT_SOURCE_FILE_H
#include "base/arena.h"
#include "base/buf.h"
#include "source/source.h"

#include <dirent.h>
#include <sys/queue.h>

enum {
    KT_FILE_SLICE = 256 << 10, /* one read() */
    KT_FILE_STEP = 1 << 20,    /* bytes of one step */
    KT_FILE_STEP_MS = 10,
    KT_FILE_HEAD = 1024,       /* bytes whose digest is part of the identity */
    KT_FILE_PATH_MAX = 4096,
    KT_FILES_MAX = 8 << 20,    /* files of one source */
    KT_FILES_AHEAD = 64,       /* read while others are still being decompressed */
    KT_FILE_DIRS_MAX = 1 << 20,
};

/* What a test, or a system with narrow limits, may set before the first step. */
struct kt_file_tuning {
    size_t open_max;    /* files kept open while following */
    size_t watches_max; /* folders watched; beyond it the source polls */
    int64_t linger_ms;  /* how long a file is kept after its name is gone */
    int64_t poll_ms;    /* between looks where changes are not announced */
    bool remote;        /* take every file system for a remote one */
};

struct kt_file_id {
    uint64_t dev, ino;
    int64_t born; /* ns; 0: the file system does not say */
};
struct kt_file_stat {
    struct kt_file_id id;
    uint32_t mode; /* S_IFMT and permissions */
    uint32_t nlink;
    uint64_t size;
    int64_t mtime, ctime; /* ns */
};

/* A file of the first listing, waiting for its turn. */
struct kt_found {
    const char *dir; /* shared by all files of a folder; NULL: `name` is all */
    uint64_t dev, ino, size;
    int64_t born, mtime, ctime; /* as in kt_file_stat */
    bool linked; /* reached through a symbolic link */
    bool many;   /* has more than one name */
    bool again;  /* known by another name: skip */
    char name[];
};

/* A file that is read or followed. */
struct kt_file {
    TAILQ_ENTRY(kt_file) all, checks, reads, opened, gone, ahead;
    bool in_checks, in_reads, in_opened, is_gone, in_ahead;
    char *path; /* as it is now known; unique among those not gone */
    struct kt_file_id id;
    bool known;     /* `id` is valid: it was looked at once */
    bool hinted;    /* written to, as far as is known, since it was last read */
    bool reported;  /* that it cannot be read; once is enough */
    bool counted;   /* in files_done */
    bool watched;   /* by its own name, or as what a link leads to */
    uint64_t scan;  /* the scan that saw it last */
    uint64_t size, offset;
    int64_t mtime, until; /* `until`: gone, and let go of then */
    uint64_t head;        /* digest of the first `head_n` bytes */
    uint32_t head_n;
    uint64_t kept_head;   /* the same as it is kept from run to run, of `kept_n` */
    uint32_t kept_n;
    int fd;
    uint64_t object, records, bytes;
};
TAILQ_HEAD(kt_file_list, kt_file);

/* Pointers by hash; several with the same hash may be in it. */
struct kt_table {
    struct kt_table_slot {
        uint64_t hash;
        void *p;
    } *slots;
    size_t cap, live, used;
};
bool kt_table_add(struct kt_table *t, uint64_t hash, void *p);
/* Room for `n`, so that it need not grow in the middle of a step. */
void kt_table_reserve(struct kt_table *t, size_t n);
bool kt_table_del(struct kt_table *t, uint64_t hash, const void *p);
/* The candidates for `hash`, one after the other; *it begins at 0. */
void *kt_table_next(const struct kt_table *t, uint64_t hash, size_t *it);
void kt_table_free(struct kt_table *t);

/* Folders that wait to be listed. */
struct kt_dir_todo {
    char *path;
    bool linked; /* it, or a folder above it, is a symbolic link */
};
struct kt_dir_queue {
    struct kt_dir_todo *v;
    size_t n, cap, head;
};

/* A folder that was listed; while following also a watch. */
struct kt_dir {
    TAILQ_ENTRY(kt_dir) all;
    char *path;
    struct kt_file_id id;
    bool linked;
    int wd; /* -1: not watched */
    uint64_t scan;
};
TAILQ_HEAD(kt_dir_list, kt_dir);

/* A name in a folder that is watched for that name alone: a file that was
 * given directly, and the target of a symbolic link. */
struct kt_name_watch {
    TAILQ_ENTRY(kt_name_watch) all;
    int wd;     /* -1: it could not be watched */
    char *dir;  /* what is watched */
    char *name; /* in it; "": `dir` is the file itself */
    char *path; /* what to look at */
};
TAILQ_HEAD(kt_name_watch_list, kt_name_watch);

/* Sorts pointers in bounded steps. */
struct kt_sorter {
    struct kt_found **from, **to;
    size_t n, width, lo, i, j, k;
    bool merging;
};

enum kt_files_phase {
    KT_FILES_START, KT_FILES_STREAM, KT_FILES_LIST, KT_FILES_SORT, KT_FILES_UNIQUE, KT_FILES_READ,
    KT_FILES_LIVE, KT_FILES_DONE
};

struct kt_files {
    struct kt_source base;
    char *root; /* as given, without closing slashes */
    bool root_is_dir, follow, failed;
    enum kt_files_phase phase;
    const struct kt_clock *clock;
    const struct kt_source_sink *sink; /* during a step only */
    struct kt_file_tuning tuning;
    struct kt_health health;
    char *slice; /* KT_FILE_SLICE bytes, reused by every read */
    struct kt_buf path; /* to put paths together in */

    /* listing */
    struct kt_dir_queue dirs, links; /* links: after all real folders */
    DIR *dir;
    char *dir_path; /* of `dir` */
    const char *dir_shared; /* the same in `arena` */
    bool dir_linked;
    struct kt_dir_list listed;
    struct kt_table by_dir; /* kt_dir by identity */
    size_t n_listed;
    struct kt_table said; /* complaints, by hash */

    /* the first reading */
    struct kt_arena *arena; /* of kt_found */
    struct kt_found **found;
    size_t n_found, found_cap, at_found;
    bool some_linked;
    struct kt_sorter sorter;
    struct kt_table unique;
    int unique_pass;
    struct kt_span known; /* the index of an earlier run; the engine's */

    /* files */
    struct kt_file_list files, checks, reads, opened, gone;
    struct kt_file_list ahead; /* read to their ends in the first reading; whether they rest is asked later */
    struct kt_table by_path, by_id;
    size_t n_files, n_opened, n_ahead;

    /* stream */
    int stream_fd;
    bool stream_owned;
    uint64_t stream_object;

    /* following */
    int inotify_fd;
    struct kt_name_watch_list name_watches;
    size_t n_watches;
    struct kt_table by_wd; /* kt_dir */
    struct kt_table names_by_wd, names_by_path;
    uint64_t scan;         /* number of the last look at everything */
    bool scanning, rescan; /* one is going on; one is wanted */
    bool overflowed;       /* events were lost */
    int64_t scan_began, poll_at, gone_at;
    bool remote, unwatched; /* why there is polling */
    bool root_gone;
    struct { /* what was moved away and not yet found elsewhere */
        bool set, folder, unread;
        uint32_t cookie;
        char *path;
        struct kt_file *file; /* NULL: it was never looked at */
    } moved;
};

/* What a step may still do. */
struct kt_budget {
    size_t bytes;
    int64_t until;
};
bool kt_budget_left(const struct kt_budget *b);

/* --- file_util.c --- */
bool kt_file_look(int dirfd, const char *path, bool follow, struct kt_file_stat *out);
bool kt_file_same_id(const struct kt_file_id *a, const struct kt_file_id *b);
uint64_t kt_file_id_hash(uint64_t dev, uint64_t ino);
void kt_files_trouble(struct kt_files *s, const char *path, bool gap, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Files in folders whose names begin with a dot or end like those of editors
 * and downloads are nobody's logs. */
bool kt_file_skips(const char *name);
/* dir + "/" + name in s->path; NULL where it is too long. */
const char *kt_files_join(struct kt_files *s, const char *dir, const char *name);
struct kt_file *kt_file_new(struct kt_files *s, const char *path);
void kt_file_free(struct kt_files *s, struct kt_file *f);
struct kt_file *kt_file_by_path(struct kt_files *s, const char *path);

/* --- file_list.c --- */
bool kt_files_list_later(struct kt_files *s, const char *path, bool linked);
/* True when nothing is left to list. */
bool kt_files_list(struct kt_files *s, struct kt_budget *b);
bool kt_files_find(struct kt_files *s, const char *dir, const char *name, const struct kt_file_stat *st, bool linked);
bool kt_files_sort(struct kt_files *s, struct kt_budget *b);   /* true when sorted */
bool kt_files_unique(struct kt_files *s, struct kt_budget *b); /* true when done */
void kt_files_list_free(struct kt_files *s);
void kt_files_found_free(struct kt_files *s);

/* --- file_read.c --- */
enum kt_file_read {
    KT_FILE_MORE,   /* the budget is used up */
    KT_FILE_END,    /* all that is there was read */
    KT_FILE_FAILED, /* it cannot be read; said */
    KT_FILE_MOVED,  /* another file, or none, has its name now */
    KT_FILE_REFUSED,/* the sink takes no object; it says why, or is stopping */
    KT_FILE_STOP    /* the sink says stop */
};
enum kt_file_read kt_file_read(struct kt_files *s, struct kt_file *f, struct kt_budget *b);
/* Asks those that were read first whether they rest, until `keep` are left. */
void kt_files_ahead(struct kt_files *s, size_t keep);
/* Ends its object, if it has one. */
void kt_file_end(struct kt_files *s, struct kt_file *f);
void kt_file_close(struct kt_files *s, struct kt_file *f);
/* Takes the digest of the first bytes; false where they are not those that
 * were there before, or fewer. */
bool kt_file_head_holds(const struct kt_file *f, int fd);

/* --- file_follow.c: what changes, and looking at it again --- */
void kt_files_follow_start(struct kt_files *s);
/* A file was seen by a listing after the first one. */
void kt_files_seen(struct kt_files *s, const char *path);
void kt_files_check_later(struct kt_files *s, struct kt_file *f);
void kt_files_checks(struct kt_files *s, struct kt_budget *b);
/* Events, listings, checks, files that are gone: all but reading. */
void kt_files_live(struct kt_files *s, struct kt_budget *b);
void kt_files_live_wait(struct kt_files *s, struct kt_wait *next);
/* The file has another name now, as far as is known. */
void kt_file_renamed(struct kt_files *s, struct kt_file *f, const char *path);
/* Its name is gone, or is another file's. */
void kt_file_lost(struct kt_files *s, struct kt_file *f);

/* --- file_watch.c: inotify --- */
void kt_files_watch_open(struct kt_files *s);
void kt_files_watch_free(struct kt_files *s);
/* Before a folder is listed, so that nothing is missed between. */
void kt_files_watch_dir(struct kt_files *s, struct kt_dir *d);
/* Forgets the folder, and its watch. */
void kt_files_drop_dir(struct kt_files *s, struct kt_dir *d);
/* Watches a name for itself: the source's own path, what a link leads to, a
 * file with several names. Again: anew. */
void kt_files_watch_name(struct kt_files *s, const char *path);
void kt_files_unwatch_name(struct kt_files *s, const char *path);
/* Watches again what could not be watched. */
void kt_files_rewatch(struct kt_files *s);
/* Takes the waiting events; false where there may be more. */
bool kt_files_drain(struct kt_files *s);

/* --- file_known.c: what an earlier run read (source.h: index, known) --- */
bool kt_files_index(const struct kt_source *base, bool (*whole)(void *ctx, const char *path), void *ctx, struct kt_buf *out);
void kt_files_known(struct kt_source *base, struct kt_span index);
/* Is a new file the one that was read then, and unchanged: device, inode, times of
 * birth, of change and of writing, size? Then it is as if it had been read. */
bool kt_file_begins_as_kept(const struct kt_file *f, int fd); /* as it began when it was read then */
bool kt_file_is_as_known(struct kt_files *s, struct kt_file *f, const struct kt_found *d);

/* --- file_stream.c --- */
bool kt_files_stream_open(struct kt_files *s);
void kt_files_stream(struct kt_files *s, struct kt_budget *b, struct kt_wait *next);
bool kt_file_is_stdin(const char *path);

/* --- for tests --- */
struct kt_file_tuning *kt_file_tuning(struct kt_source *s);
/* Throws the waiting events away, as the kernel does when its queue is full. */
void kt_file_lose_events(struct kt_source *s);
#endif
