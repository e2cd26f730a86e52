/* SPDX-License-Identifier: BSD-2-Clause */
/* page: the memory that processes share: status pages and slot pages. */
#ifndef UTIL_SVC_PAGE_H
#define UTIL_SVC_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/qid.h"
#include "util/proto/terms.h"
#include "util/text/str.h"

/*
 * Pages are memfds that master makes and hands over; they outlive the
 * processes that write them. Each page has one writer, but for a slot's phase,
 * which its worker raises and qmgr clears. A reader takes what it finds for
 * foreign input: numbers are range-checked here, never trusted.
 */

/* Segments that one smtpd can have open at once. */
#define PAGE_SEGMENTS_MAX 256
/* Longest reason of a pressure. */
#define PAGE_REASON_MAX_BYTES 255
/* Slots of one worker. */
#define PAGE_SLOTS_MAX 4096
#define PAGE_SLOTS 1024

/* --- status page ---------------------------------------------------------- */

/* A mapped status page: one per process. */
struct page;

/*
 * Makes a status page: a sealed memfd of fixed size, all zero but its opening.
 *
 * ERR_IO	no memfd; errno tells
 */
MUST_USE enum err page_create(int *fd);

/*
 * Maps the status page in fd, which may be closed afterwards. is_writer: this
 * process publishes in it; else the mapping is read-only.
 *
 * ERR_IO	cannot be mapped; errno tells
 * ERR_SYNTAX	not a status page of this version, or not sealed
 */
MUST_USE enum err page_map(struct page **page, int fd, bool is_writer);

/* Unmaps; the memfd stays as long as others have it. */
void page_free(struct page **page);

/* The writer's first act: forgets what its predecessor published. */
void page_begin(struct page *page, uint32_t pid, int64_t now_ms);

/* Heartbeat, boot time in ms. 0: never written. Never negative. */
void page_beat(struct page *page, int64_t now_ms);
int64_t page_heartbeat_ms(const struct page *page);

/* Writer's pid as published; foreign: never a reason to signal it. */
uint32_t page_pid(const struct page *page);

/* The one number for `status`: sessions, parts, connections, routes. */
void page_set_figure(struct page *page, uint64_t figure);
uint64_t page_figure(const struct page *page);

/* Bytes of memory that the process holds, as of its last heartbeat: what qmgr
 * sums up against the budget (Q7). */
void page_set_held_bytes(struct page *page, uint64_t bytes);
uint64_t page_held_bytes(const struct page *page);

/* The longest turns of the process's loop, since it runs and in the last minute
 * or two, as of its last heartbeat. */
void page_set_turns(struct page *page, uint64_t longest_us, uint64_t recent_us);
void page_get_turns(
    const struct page *page, uint64_t *longest_us, uint64_t *recent_us);

/* --- what smtpd publishes ------------------------------------------------- */

/* An open segment, and up to where it is on disk. */
struct page_segment {
	uint64_t number; /* 0: the place is free */
	uint64_t synced_bytes;
};

/* Sets place i (< PAGE_SEGMENTS_MAX). A number never comes back after another
 * one or 0 stood in its place: segment numbers are used once. */
void page_set_segment(
    struct page *page, unsigned i, const struct page_segment *seg);

/* Raises what is synced of the segment in place i: before the 250 (S1). */
void page_set_synced(struct page *page, unsigned i, uint64_t synced_bytes);

/* Reads place i. False: free, or being changed just now. */
bool page_get_segment(
    const struct page *page, unsigned i, struct page_segment *seg);

/* Looks for segment number. False: not listed, so not to be looked at. */
bool page_find_segment(
    const struct page *page, uint64_t number, uint64_t *synced_bytes);

/* --- what qmgr publishes -------------------------------------------------- */

/* Pressure and its reason, cut at PAGE_REASON_MAX_BYTES. */
void page_set_pressure(
    struct page *page, enum pressure pressure, struct str reason);

/* Pressure alone: one load, for each command of a client. A number that is
 * none reads as PRESSURE_REFUSE. */
enum pressure page_pressure(const struct page *page);

/* The reason, into reason (PAGE_REASON_MAX_BYTES + 1 bytes, terminated,
 * printable ASCII). Empty when there is none, or its writer died over it. */
void page_get_reason(const struct page *page, char *reason);

/* --- slot page ------------------------------------------------------------ */

/* A mapped slot page: one per worker, written by qmgr and that worker. */
struct slot_page;

/* What a filled slot says: which part a worker has on lease. */
struct slot {
	uint64_t lease; /* never used twice, never 0 */
	uint64_t segment;
	struct qid qid;
	uint32_t block;
	uint16_t part;
	enum slot_phase phase;
};

/*
 * Makes a slot page with n slots (1..PAGE_SLOTS_MAX), all free.
 *
 * ERR_IO	no memfd; errno tells
 */
MUST_USE enum err slot_page_create(int *fd, unsigned n);

/*
 * Maps the slot page in fd for reading and writing; fd may be closed then.
 *
 * ERR_IO	cannot be mapped; errno tells
 * ERR_SYNTAX	not a slot page of this version, or not sealed
 */
MUST_USE enum err slot_page_map(struct slot_page **page, int fd);
void slot_page_free(struct slot_page **page);

/* Number of slots: 1..PAGE_SLOTS_MAX. */
unsigned slot_page_n(const struct slot_page *page);

/* qmgr: fills free slot i as SLOT_LEASED, before the lease is sent.
 * slot->phase is not read. */
void slot_fill(struct slot_page *page, unsigned i, const struct slot *slot);

/* qmgr: frees slot i, once the result is in the ledger. */
void slot_clear(struct slot_page *page, unsigned i);

/*
 * Worker: raises the phase of slot i, which holds lease.
 *
 * ERR_NOTFOUND	the slot is free or holds another lease: give the attempt up
 * ERR_RANGE	the phase is as high already; nothing changed
 */
MUST_USE enum err slot_raise(
    struct slot_page *page, unsigned i, uint64_t lease, enum slot_phase phase);

/* Reads slot i (< slot_page_n). False: free. A slot with lease 0 reads as
 * free, a phase that is none as SLOT_DOT_SENT, the one that promises least. */
bool slot_get(const struct slot_page *page, unsigned i, struct slot *slot);

#endif /* UTIL_SVC_PAGE_H */
