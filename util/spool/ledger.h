/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger: files and batches of the ledger and of checkpoints, as bytes
 * (docs/design.md 16.2). What stands in the entries: util/spool/entry.h. */
#ifndef UTIL_SPOOL_LEDGER_H
#define UTIL_SPOOL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

#define LEDGER_VERSION 1
#define LEDGER_FILE_BYTES (64u << 20)
#define LEDGER_BLOCK_BYTES 512
#define LEDGER_NAME_BYTES 17 /* without the terminator */
#define LEDGER_BATCH_HEAD_BYTES 44
#define LEDGER_ENTRY_HEAD_BYTES 40

/* An admission with all its parts and the envelope as facts is the largest
 * entry; it fits into a batch with its AUDIT, and that into a file. */
#define LEDGER_ENTRY_MAX_BYTES (12u << 20)
#define LEDGER_BATCH_MAX_BYTES (16u << 20) /* header and padding too */

/* The numbers are in the files. */
enum ledger_kind { LEDGER_LOG = 1, LEDGER_CHECKPOINT = 2 };

/* The file header, decoded. */
struct ledger_head {
	uint64_t number; /* counts up, for each kind by itself; never 0 */
	uint64_t salt;
	int64_t created_ms; /* wall clock */
	enum ledger_kind kind;
	bool is_mended; /* it was damaged, and its copy was read; not written */
};

/* A place in the ledger; {0, 0} is before everything. */
struct ledger_pos {
	uint64_t file; /* number */
	uint64_t offset;
};

/* Below, equal to or above 0, as a lies before, at or behind b. */
int ledger_pos_cmp(struct ledger_pos a, struct ledger_pos b);

/* Writes "L" or "C" and 16 small hex digits, and a NUL. */
void ledger_name_format(
    const struct ledger_head *head, char name[LEDGER_NAME_BYTES + 1]);

/* Reads all of s: sets kind and number. ERR_SYNTAX: not such a name. */
MUST_USE enum err ledger_name_parse(struct str s, struct ledger_head *head);

/* In the first block: a second header, for when the first is damaged. */
#define LEDGER_COPY_AT 256

/* Writes the file header twice, and zeros: LEDGER_BLOCK_BYTES. */
void ledger_head_encode(const struct ledger_head *head, uint8_t *p);

/*
 * Decodes the file header, or its copy when it is malformed.
 *
 * ERR_SYNTAX	not a ledger file, or both are malformed
 * ERR_RANGE	of a newer format version: *version says which
 *
 * version may be NULL.
 */
MUST_USE enum err ledger_head_decode(
    struct ledger_head *head, struct str bytes, uint32_t *version);

/* --- building batches ----------------------------------------------------- */

/* A batch being built in the caller's memory. Others read count, and out once
 * it is closed. */
struct ledger_batch {
	struct outbuf out;
	uint64_t first_seq;
	uint32_t count;       /* entries so far */
	size_t entry_at;      /* where the entry being added begins */
	size_t entry_end;     /* and ends */
	size_t reserve_bytes; /* kept for AUDIT and padding */
};

/* What every entry says of itself. */
struct ledger_stamp {
	int64_t wall_ms;
	uint64_t
	    first_event; /* number of its first event; 0 when n_events is */
	uint32_t n_events;
};

/* Begins a batch in cap bytes at buf, whose first entry will have the number
 * first_seq; the next ones count up. cap is at least 2 * LEDGER_BLOCK_BYTES;
 * more than LEDGER_BATCH_MAX_BYTES is not used. */
void ledger_batch_init(
    struct ledger_batch *b, char *buf, size_t cap, uint64_t first_seq);

/*
 * Begins an entry of body_bytes: payload and facts. The payload is appended to
 * b->out, then ledger_entry_end() adds the facts. For util/spool/entry.c; all
 * others put entries with what that offers.
 *
 * ERR_FULL	no room in the batch, or for longer than LEDGER_ENTRY_MAX_BYTES
 *		in any: nothing was added
 */
MUST_USE enum err ledger_entry_begin(struct ledger_batch *b, uint8_t type,
    const struct ledger_stamp *stamp, size_t body_bytes);

/* Ends the entry: its body is body_bytes long then. */
void ledger_entry_end(struct ledger_batch *b, struct str facts);

/* Closes a batch that has at least one entry: pads it and sets all of its
 * header that does not depend on the file. */
void ledger_batch_close(struct ledger_batch *b);

/* Makes a closed batch one of the file that head is of: sets number, salt and
 * CRC. Pure, so any thread may do it; and again, for another file. */
void ledger_batch_stamp(struct outbuf *batch, const struct ledger_head *head);

/* --- reading batches ------------------------------------------------------ */

/* Header of a batch, decoded. */
struct ledger_batch_head {
	uint64_t first_seq;
	uint32_t entries_bytes;
	uint32_t count;
};

/* Bytes of the whole batch, with header and padding. */
size_t ledger_batch_bytes(const struct ledger_batch_head *batch);

/*
 * Looks whether a batch of this file begins bytes. The CRC is not checked.
 *
 * ERR_NOTFOUND	no: magic, salt or number are not there
 * ERR_SYNTAX	yes, but a length breaks its bound
 */
MUST_USE enum err ledger_batch_peek(struct ledger_batch_head *batch,
    struct str bytes, const struct ledger_head *head);

/*
 * Checks a whole batch: CRC, and lengths and numbers of its entries. *entries
 * becomes a view for ledger_entry_next(). Errors of ledger_batch_peek(), and:
 *
 * ERR_AGAIN	bytes end within it
 * ERR_SYNTAX	the CRC is wrong, or the entries are malformed
 * ERR_RANGE	a batch of a newer format version
 */
MUST_USE enum err ledger_batch_decode(struct ledger_batch_head *batch,
    struct str bytes, const struct ledger_head *head, struct str *entries);

/* One entry: views into the batch. */
struct ledger_entry {
	uint64_t seq;
	struct ledger_stamp stamp;
	uint8_t type; /* enum entry_type, or a number that is none */
	uint8_t version;
	struct str payload;
	struct str facts;
};

/* The next entry of a checked batch; false: that was all. */
bool ledger_entry_next(struct str *entries, struct ledger_entry *entry);

#endif /* UTIL_SPOOL_LEDGER_H */
