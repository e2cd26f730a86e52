/* SPDX-License-Identifier: BSD-2-Clause */
/* store_int: what the files of the store share. */
#ifndef QMGR_STORE_INT_H
#define QMGR_STORE_INT_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "qmgr/store.h"
#include "util/base/index.h"
#include "util/base/list.h"
#include "util/base/slab.h"
#include "util/io/thread.h"
#include "util/spool/reseal.h"
#include "util/spool/segread.h"
#include "util/spool/segwalk.h"

/* Segments known at once; files beyond stay where they are until there is
 * room: they are listed again every 2 s. */
#define STORE_SEGMENTS_MAX (1u << 20)
/* Jobs under way in the disk thread: one of each kind, and others'. */
#define STORE_JOBS_MAX 32
/* Before a file that could not be read or moved is tried again. */
#define RETRY_MS 10000

/* One segment file. */
struct store_seg {
	struct link link;      /* in visits, or in moves or removals */
	struct seg_walk *walk; /* of one being written: how far it was walked */
	uint64_t number;
	int64_t again_ms; /* the poll leaves it alone until then */
	uint32_t self;    /* its handle */
	uint32_t n_missing;
	uint16_t place;        /* of its descriptor, + 1; 0: none */
	uint8_t unknown_tries; /* visits that found unknown records */
	bool is_deferred;
	bool is_sealed;
	bool is_walked;    /* sealed, read without a gap, all records known */
	bool is_asked;     /* in visits */
	bool is_busy;      /* to be moved or removed */
	bool is_foreign;   /* newer, or no segment: left alone until a pass */
	bool is_gone;      /* has no file, but parts in memory */
	bool wants_header; /* the footer is not enough: read every header */
	bool has_twin;     /* a file of its name lies in both directories */
};

/* --- places.c: descriptors for leases ------------------------------------- */

struct place {
	struct link link;  /* in free, or, with users 0, in idle */
	struct list waits; /* struct store_open, while it is being opened */
	uint64_t segment;  /* 0: none, or removed: goes with its last user */
	uint32_t users;
	uint32_t generation;
	int fd; /* -1: none */
	bool is_opening;
};

#define OPENS_MAX 64

struct open_job {
	struct job job;
	bool is_out;
	unsigned n;
	struct open_item {
		uint64_t segment;
		uint16_t place;
		bool is_deferred;
		enum err err;
		int fd;
	} items[OPENS_MAX];
};

/* Descriptors to be closed: the last one of a removed file frees its blocks,
 * which takes time. */
struct close_job {
	struct job job;
	bool is_out;
	unsigned n;
	int fds[OPENS_MAX];
};

struct places {
	struct place all[STORE_PLACES];
	struct list idle;   /* no users: the least recently used first */
	struct list unused; /* no descriptor */
	struct list queued; /* struct store_open that wait for a place */
	uint16_t to_open[STORE_PLACES]; /* ring: at most each place once */
	unsigned first, n_to_open;
	int to_close[STORE_PLACES];
	unsigned n_to_close;
	struct open_job open;
	struct close_job close;
};

void places_init(struct store *st);
void places_fini(struct store *st);
/* The segment's file is removed: its descriptor goes when nobody uses it. */
void places_forget(struct store *st, struct store_seg *seg);

/* --- scan.c: which files are there ---------------------------------------- */

#define LIST_NAMES_MAX 1024
/* Names that are none of ours: so many of a slice are told, all are counted. */
#define LIST_STRANGERS_MAX 8
#define LIST_STRANGER_BYTES 64

enum list_dir { LIST_INCOMING, LIST_DEFERRED, LIST_LEDGER };

struct list_job {
	struct job job;
	bool is_out;
	bool is_on; /* between the first slice and the last */
	bool is_whole;
	enum list_dir at; /* the directory that is being read */
	bool is_end;      /* of that directory */
	int error;        /* 0: none */
	int64_t wall_ms;
	DIR *dir;
	unsigned n, n_strangers;
	uint64_t numbers[LIST_NAMES_MAX];
	char strangers[LIST_STRANGERS_MAX][LIST_STRANGER_BYTES];
};

/* A point in what was unknown: records.c. */
struct records_mark {
	bool is_set, is_read;
	uint64_t pending, reads;
};

struct pass {
	bool is_visiting; /* all files are listed */
	bool is_settling; /* all are visited: what was found is being read */
	bool is_wanted;   /* another one, after this */
	uint32_t cursor;  /* last segment that was visited for it */
	struct records_mark mark; /* what must be settled */
	int64_t begin_ms;
	uint64_t recovered_before, quarantined_before;
	struct store_pass now; /* the one that is on, or was last */
};

void scan_init(struct store *st);
void scan_tick(struct store *st, int64_t now_ms);
int64_t scan_next_ms(const struct store *st);
/* The next segment for the pass to visit; NULL: none, now or any more. */
struct store_seg *scan_take(struct store *st);

/* --- visit.c: one segment, compared with the core ------------------------- */

#define VISIT_ITEMS_MAX 1024
/* Parts that one visit holds: each is an entry in the ledger. With more of them
 * it is done again. */
#define VISIT_HOLDS_MAX 1024

/* A segment that is being walked, or was walked so far; while a job has it, it
 * is the thread's. */
struct seg_walk {
	int fd;
	struct segment_head head;
	struct segwalk walk;
};

struct visit_item {
	uint32_t block;
	uint32_t from, to;  /* blocks that belong to it, to excluded: a record
			    * may have its content before it */
	bool is_record;     /* a valid one; else a range without */
	bool is_bad;        /* in which something is malformed */
	bool is_unreadable; /* in part: no evidence of anything (S6) */
	enum err err;       /* is_bad: of its copy to quarantine/ */
};

struct visit {
	struct job job;
	bool is_out;
	/* asked */
	struct store *store;
	uint64_t number;
	bool is_first; /* slice of the visit */
	bool is_deferred;
	bool has_limit; /* its writer lists it, as synced up to limit */
	uint64_t limit;
	uint64_t known_bytes;
	enum segwalk_mode mode;
	char *buf; /* SEGWALK_BUF_BYTES */
	/* the thread's between two slices */
	struct seg_walk *walk;
	unsigned passed; /* unreadable places */
	/*
	 * answered:
	 *
	 * ERR_OK	a slice is in items; is_end: it was the last
	 * ERR_AGAIN	it is locked, and its writer does not list it
	 * ERR_NOTFOUND	no such file
	 * ERR_SYNTAX	no segment
	 * ERR_RANGE	of a newer version
	 * ERR_IO	cannot be read now: error is the errno
	 */
	enum err err;
	int error;
	bool is_end;
	bool is_sealed;
	bool was_orphan;
	bool has_twin;  /* a file of that name is in both directories */
	uint64_t other; /* SYNTAX: the number that the file says; 0: none */
	bool is_mended; /* its header is damaged, and has a copy */
	struct reseal reseal;
	unsigned n;
	struct visit_item items[VISIT_ITEMS_MAX];
	uint32_t end_block; /* is_end: where records end */
	/* the loop's own, over all slices */
	uint32_t next_block;   /* behind the last record or range */
	uint32_t missing_from; /* up to there the core is compared */
	uint32_t n_records, n_unknown, n_missing;
	unsigned holds_left; /* of VISIT_HOLDS_MAX */
	bool is_cut;         /* there are more */
	bool is_news;        /* parts were held */
	bool has_unread;     /* in part, or all of it */
	int64_t wait_ms;     /* an admit may still be on its way so long */
	bool has_gap;        /* the footer is not enough */
	bool has_fault;      /* something could not be read, or set aside */
	bool is_pass;        /* it is the pass that came by */
};

void visit_init(struct store *st);
void visit_fini(struct store *st);
/* Puts seg into the queue of visits. */
void visit_ask(struct store *st, struct store_seg *seg);
/* True while seg is being visited. */
bool visit_has(const struct store *st, const struct store_seg *seg);
/* Begins the next visit, if none is under way. */
void visit_next(struct store *st);
/* visit_hands.c */
void visit_run(struct job *job);
void seg_walk_free(struct seg_walk **walk);

/* --- findings.c: what follows for parts ----------------------------------- */

struct findings_range {
	uint64_t segment;
	uint32_t from, to; /* blocks, to excluded */
	enum part_cause cause;
	unsigned left; /* parts that may be held; 0: they are only counted */
	bool is_cut;   /* there were more */
	bool is_news;  /* parts are held now, and were not before */
};

/* The records that the core has in the range are lost. Returns how many. */
uint32_t findings_lost(struct store *st, struct findings_range *range);

/* A record is where it belongs. True: parts of it are held because it was
 * missing; with is_proof they go on. */
bool findings_there(
    struct store *st, uint64_t segment, uint32_t block, bool is_proof);

/* --- records.c: records to be read, and admitted -------------------------- */

/* What a ring of wishes holds; what does not fit is found again by a visit. */
#define READS_MAX 4096
#define PENDING_MAX 8192
#define READ_SLICE 64

struct read_item {
	uint64_t segment;
	uint32_t block;
	bool is_found; /* by a visit: nobody announced it */
	enum err err;
	size_t at, bytes; /* of the front, in the job's buffer */
	int64_t arrival_ms;
	struct qid qid;
};

struct read_job {
	struct job job;
	bool is_out;
	struct store *store;
	char *buf;  /* RECORD_FRONT_MAX_BYTES */
	unsigned n; /* asked for; the first n_read were read */
	unsigned n_read;
	struct read_item items[READ_SLICE];
};

/* A record that the core did not know when it was seen. */
struct pending {
	uint64_t segment;
	uint32_t block;
	int64_t due_ms;
};

struct records {
	struct read_item reads[READS_MAX];
	unsigned first_read, n_reads;
	struct pending pending[PENDING_MAX]; /* in order of due_ms, nearly */
	unsigned first_pending, n_pending;
	/* All that ever went in, and out. */
	uint64_t pending_in, pending_out, reads_in, reads_out;
	struct read_job job;
};

void records_init(struct store *st);
void records_fini(struct store *st);
/* An unknown record was seen in a visit. wait_ms: how long an admit may still
 * be on its way; 0: it is not. */
void records_unknown(
    struct store *st, uint64_t segment, uint32_t block, int64_t wait_ms);
void records_tick(struct store *st, int64_t now_ms);
/* Whether all that was unknown when it was first called with an empty *mark is
 * known, or was read, by now. */
bool records_settled(const struct store *st, struct records_mark *mark);
int64_t records_next_ms(const struct store *st);

/* --- reclaim.c: renames, and the one place that removes (S5) -------------- */

#define CHANGES_MAX 64

struct change_job {
	struct job job;
	bool is_out;
	struct store *store;
	struct journal_wait wait; /* removals: for what makes them done */
	bool is_waiting;
	unsigned n;
	uint64_t numbers[CHANGES_MAX];
	enum err errs[CHANGES_MAX];
	int error; /* the last errno */
};

struct changes {
	struct list moves, removals; /* struct store_seg */
	struct change_job move, remove;
};

void reclaim_init(struct store *st);
void reclaim_fini(struct store *st);
/* Looks what can be done with a sealed segment: its file goes to deferred/,
 * or goes. */
void reclaim_look(struct store *st, struct store_seg *seg);
/* Goes on with what is in the lists. */
void reclaim_tick(struct store *st);

/* --- damage.c: records that workers found damaged ------------------------- */

#define DAMAGES_MAX 64

struct damage_job {
	struct job job;
	bool is_out;
	struct store *store;
	uint64_t segment;
	uint32_t block;
	enum err err;
	int error;
	bool is_bad_head; /* it has no valid header: how long is it? */
	struct qid qid;
	uint64_t offset; /* of its first byte */
};

struct damages {
	struct {
		uint64_t segment;
		uint32_t block;
	} queue[DAMAGES_MAX];
	unsigned first, n;
	struct damage_job job;
};

void damage_init(struct store *st);
/* Name of a copy in quarantine/, as quarantine_copy() makes it. */
#define DAMAGE_NAME_BYTES (SEGNAME_BYTES + 1 + 16 + 1)
void damage_name(char *name, uint64_t segment, uint64_t offset);

/* --- bytes.c: the byte pass ----------------------------------------------- */

/* Records that are asked for at once, and that are begun in one slice: each may
 * be a seek. */
#define BYTES_ITEMS_MAX 256
#define BYTES_RECORDS_IN_SLICE 16
/* Content that is read at once. */
#define BYTES_STEP 65536

struct bytes_item {
	uint32_t block;
	enum err err; /* as of segread_load() and segread_content_step() */
};

struct bytes_job {
	struct job job;
	bool is_out;
	struct store *store;
	uint64_t slice_bytes;
	char *buf; /* RECORD_FRONT_MAX_BYTES */
	/* asked */
	uint64_t number;
	bool is_deferred;
	bool is_last; /* no more of the segment comes behind these */
	unsigned n;
	struct bytes_item items[BYTES_ITEMS_MAX];
	unsigned judged; /* of them: the loop's own */
	/* the thread's between two slices */
	uint64_t open; /* segment that fd is of; 0: none */
	int fd;
	struct segment_head head;
	bool is_checking; /* items[at]: its front is good */
	struct segread_content content;
	unsigned at; /* those before were read */
	/* answered */
	enum err err; /* of the file */
	int error;
	uint64_t bytes;
};

struct bytes {
	bool is_wanted;
	bool is_settling; /* all is read: what is bad is being set aside */
	bool has_unread;  /* something of the segment cannot be read */
	uint32_t cursor;  /* the segment */
	uint32_t block;   /* there: the next record stands here or behind */
	uint64_t owed_bytes;
	int64_t begin_ms, next_ms;
	int64_t due_ms;  /* of the next slice, by the pace */
	int64_t pass_ms; /* when the next pass begins */
	uint64_t quarantined_before;
	struct store_pass now;
	struct bytes_job job;
};

void bytes_init(struct store *st);
void bytes_fini(struct store *st);
void bytes_tick(struct store *st, int64_t now_ms);
int64_t bytes_next_ms(const struct store *st);
/* bytes_hands.c */
void bytes_run(struct job *job);
void bytes_close(struct bytes_job *job);

/* --- space.c: room on the disk -------------------------------------------- */

#define SPACE_MS 1000

struct space_job {
	struct job job;
	bool is_out;
	int fd;
	bool is_ok;
	uint64_t free_bytes, free_inodes;
	bool is_read_only;
	int64_t next_ms;
};

void space_init(struct store *st);
void space_tick(struct store *st, int64_t now_ms);

/* --- store.c -------------------------------------------------------------- */

struct store {
	struct store_conf conf;
	struct bgthread *thread;
	struct slab segs;
	struct index by_number;
	struct store_stats stats;
	struct places places;
	struct list_job list;
	struct pass pass;
	struct list visits; /* struct store_seg */
	struct visit visit;
	struct records records;
	struct changes changes;
	struct damages damages;
	struct bytes bytes;
	struct space_job space;
	int64_t scan_ms, pass_ms; /* when the next begins */
	bool is_polling;
	uint32_t poll_cursor;
	uint32_t n_walks; /* of segments that have one */
	unsigned n_past;  /* searches in hand */
	bool is_ending;
};

struct store_seg *store_find(const struct store *st, uint64_t number);
/* Adds it, in the core too. NULL: no room. */
struct store_seg *store_add(struct store *st, uint64_t number);
/* Its file is removed, or is gone with nothing of it in memory. */
void store_forget(struct store *st, struct store_seg *seg);
/* The ring has room: each kind of job is out once at most. */
void store_run(struct store *st, struct job *job, bool *is_out);

/* In the thread: opens a segment in incoming/ or deferred/, wherever it is.
 * Errors of segread_open(). */
MUST_USE enum err store_open_file(const struct store *st, uint64_t number,
    int *fd, struct segment_head *head, bool *is_deferred);

#endif /* QMGR_STORE_INT_H */
