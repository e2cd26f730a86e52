/* SPDX-License-Identifier: BSD-2-Clause */
/* segment: writes a segment file, from birth to seal. */
#include "util/spool/segment.h"

#include <errno.h>
#include <stdlib.h>

#include "util/base/fatal.h"
#include "util/base/rand.h"
#include "util/io/sys.h"
#include "util/spool/disk.h"
#include "util/spool/footer.h"

/* Names tried before a directory full of ours is taken for an error. */
#define NAME_TRIES 64

/* Of one pwritev; a record takes its pieces, header, envelope and padding. */
#define BATCH_PIECES 1024
#define BATCH_RECORDS 128
#define RECORD_EXTRA_PIECES 3

struct segment {
	struct disk_file file;
	struct segment_head head;
	struct segment_conf conf;
	uint32_t next_block;
	uint32_t n_entries;
	uint32_t max_entries;
	struct segment_entry *entries; /* of all records, for the footer */
	uint64_t content_bytes;        /* own file: so far */
	uint32_t content_crc;
	bool is_dead;
	bool is_finished; /* own file: its record was begun */
};

/* What one write consists of. */
struct batch {
	uint64_t offset;
	size_t n_iov;
	size_t n_heads;
	struct iovec iov[BATCH_PIECES];
	uint8_t heads[BATCH_RECORDS][RECORD_HEAD_BYTES];
};

static const uint8_t zeros[SEGMENT_BLOCK_BYTES];

static bool
is_own(const struct segment *seg)
{
	return (seg->conf.flags & SEGMENT_OWN) != 0;
}

/* --- birth ---------------------------------------------------------------- */

static enum err
allocate(const struct segment *seg)
{
	int result;

	if (seg->conf.alloc_bytes == 0)
		return ERR_OK;
	do
		result = sys.fallocate(
		    seg->file.fd, 0, 0, (off_t)seg->conf.alloc_bytes);
	while (result != 0 && errno == EINTR);
	/* A file system that cannot lets the file grow as it is written. */
	if (result == 0 || errno == EOPNOTSUPP)
		return ERR_OK;
	return disk_err();
}

static enum err
write_head(const struct segment *seg)
{
	uint8_t block[SEGMENT_BLOCK_BYTES] = { 0 };

	segment_head_encode(&seg->head, block);
	segment_head_encode(&seg->head, block + SEGMENT_COPY_AT);
	return disk_write(seg->file.fd, block, sizeof(block), 0);
}

static enum err
give_name(struct segment *seg, struct segment_numbers *numbers, int64_t wall_ms)
{
	char name[SEGNAME_BYTES + 1];
	enum err err = ERR_EXISTS;

	for (int i = 0; i < NAME_TRIES && err == ERR_EXISTS; i++) {
		seg->head.number = segment_numbers_next(numbers, wall_ms);
		segname_format(seg->head.number, name);
		err = write_head(seg);
		if (err == ERR_OK)
			err = disk_file_link(&seg->file, name);
	}
	return err == ERR_EXISTS ? ERR_IO : err;
}

static struct segment *
alloc_segment(const struct segment_conf *conf)
{
	struct segment *seg = calloc(1, sizeof(*seg));

	if (seg == NULL)
		return NULL;
	seg->file.fd = -1;
	seg->conf = *conf;
	seg->next_block = 1;
	seg->max_entries = 1;
	if (!is_own(seg))
		seg->max_entries =
		    (uint32_t)(conf->max_bytes / SEGMENT_BLOCK_BYTES);
	seg->entries = calloc(seg->max_entries, sizeof(*seg->entries));
	if (seg->entries == NULL)
		segment_free(&seg);
	return seg;
}

enum err
segment_create(struct segment **out, const struct segment_conf *conf,
    struct segment_numbers *numbers, int64_t wall_ms)
{
	char name[SEGNAME_BYTES + 1];
	struct segment *seg;
	enum err err;

	BUG_IF((conf->flags & ~(uint32_t)SEGMENT_OWN) != 0);
	BUG_IF((conf->flags & SEGMENT_OWN) == 0 &&
	    (conf->max_bytes < 2 * SEGMENT_BLOCK_BYTES ||
	        conf->max_bytes > SEGMENT_MAX_BYTES));
	seg = alloc_segment(conf);
	if (seg == NULL)
		return ERR_IO;
	seg->head = (struct segment_head){
		.salt = rand_u64(),
		.created_ms = wall_ms < 0 ? 0 : wall_ms,
		.writer = numbers->worker,
		.flags = conf->flags,
	};
	seg->content_crc = segment_crc_begin(seg->head.salt);
	segname_format(segment_numbers_next(numbers, wall_ms), name);
	err = disk_file_create(&seg->file, conf->dir_fd, name);
	if (err == ERR_OK)
		err = allocate(seg);
	if (err == ERR_OK)
		err = give_name(seg, numbers, wall_ms);
	if (err != ERR_OK)
		segment_free(&seg);
	*out = seg;
	return err;
}

void
segment_free(struct segment **seg)
{
	if (*seg == NULL)
		return;
	if ((*seg)->file.fd >= 0)
		disk_file_fini(&(*seg)->file);
	free((*seg)->entries);
	free(*seg);
	*seg = NULL;
}

/* --- figures -------------------------------------------------------------- */

uint64_t
segment_get_number(const struct segment *seg)
{
	return seg->head.number;
}

uint64_t
segment_get_bytes(const struct segment *seg)
{
	return (uint64_t)seg->next_block * SEGMENT_BLOCK_BYTES;
}

bool
segment_is_dead(const struct segment *seg)
{
	return seg->is_dead;
}

uint64_t
segment_record_bytes(size_t envelope_bytes, uint64_t content_bytes)
{
	uint64_t total = RECORD_HEAD_BYTES + envelope_bytes + content_bytes;

	return (uint64_t)segment_blocks(total) * SEGMENT_BLOCK_BYTES;
}

uint64_t
segment_room_bytes(const struct segment *seg)
{
	BUG_IF(is_own(seg));
	return seg->conf.max_bytes / SEGMENT_BLOCK_BYTES * SEGMENT_BLOCK_BYTES -
	    segment_get_bytes(seg);
}

/* --- appending ------------------------------------------------------------ */

/* Sums up the pieces; ERR_RANGE before anything can overflow. */
static enum err
sum_pieces(const struct iovec *pieces, size_t n, uint64_t *bytes)
{
	if (n > SEGMENT_PIECES_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < n; i++) {
		if (pieces[i].iov_len > RECORD_CONTENT_MAX_BYTES - *bytes)
			return ERR_RANGE;
		*bytes += pieces[i].iov_len;
	}
	return ERR_OK;
}

/* Sets what the segment knows of a record's header. */
static enum err
prepare(const struct segment *seg, struct segment_record *record,
    uint64_t content_bytes)
{
	struct record_head *head = &record->head;

	if (record->envelope.len > ENVELOPE_MAX_BYTES)
		return ERR_RANGE;
	BUG_IF((head->flags & ~RECORD_FLAGS_ALL) != 0 || head->arrival_ms < 0);
	head->salt = seg->head.salt;
	head->number = seg->head.number;
	head->envelope_bytes = (uint32_t)record->envelope.len;
	head->content_bytes = content_bytes;
	return ERR_OK;
}

/* Lengths of all records, before a byte of the first is written. */
static enum err
prepare_all(const struct segment *seg, struct segment_record *records, size_t n)
{
	uint64_t room = segment_room_bytes(seg);
	uint64_t content, bytes;
	enum err err;

	for (size_t i = 0; i < n; i++) {
		content = 0;
		err = sum_pieces(
		    records[i].pieces, records[i].n_pieces, &content);
		if (err != ERR_OK)
			return err;
		BUG_IF((records[i].head.flags & RECORD_OWN) != 0);
		err = prepare(seg, &records[i], content);
		if (err != ERR_OK)
			return err;
		bytes = segment_record_bytes(records[i].envelope.len, content);
		if (bytes > room)
			return ERR_RANGE;
		room -= bytes;
	}
	return ERR_OK;
}

static void
add_entry(struct segment *seg, const struct segment_record *record)
{
	const struct record_head *head = &record->head;

	/* Each has a block of its own, so the index cannot overflow. */
	BUG_IF(seg->n_entries == seg->max_entries);
	seg->entries[seg->n_entries++] = (struct segment_entry){
		.qid = head->qid,
		.block = record->block,
		.blocks = record_blocks(head),
		.flags = head->flags,
		.crc = head->crc,
	};
	seg->next_block = record->block + record_blocks(head);
}

static void
put_piece(struct batch *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	b->iov[b->n_iov++] = (struct iovec){ (void *)(uintptr_t)p, n };
}

/* Header, envelope, content, padding: the record as it will lie. */
static void
lay_out(struct segment *seg, struct batch *b, struct segment_record *record)
{
	struct record_head *head = &record->head;
	uint8_t *p = b->heads[b->n_heads++];
	uint64_t total = record_total_bytes(head);
	uint64_t padded = (uint64_t)record_blocks(head) * SEGMENT_BLOCK_BYTES;

	record->block = seg->next_block;
	if (!is_own(seg)) {
		head->content_crc = segment_crc_begin(head->salt);
		for (size_t i = 0; i < record->n_pieces; i++)
			head->content_crc = record_content_crc(
			    head->content_crc, record->pieces[i].iov_base,
			    record->pieces[i].iov_len);
	}
	record_encode(head, record->envelope, p);
	put_piece(b, p, RECORD_HEAD_BYTES);
	put_piece(b, record->envelope.ptr, record->envelope.len);
	for (size_t i = 0; i < record->n_pieces && !is_own(seg); i++)
		put_piece(
		    b, record->pieces[i].iov_base, record->pieces[i].iov_len);
	put_piece(b, zeros, (size_t)(padded - total));
	/* Before the write: a refusal must find what may be half there. */
	add_entry(seg, record);
}

static enum err
write_batch(struct segment *seg, struct batch *b)
{
	enum err err;

	err = disk_writev(seg->file.fd, b->iov, b->n_iov, b->offset);
	if (err != ERR_OK)
		seg->is_dead = true;
	return err;
}

/* Writes as many records as one call takes. Returns how many in *took. */
static enum err
append_some(
    struct segment *seg, struct segment_record *records, size_t n, size_t *took)
{
	struct batch b;

	b.offset = segment_get_bytes(seg);
	b.n_iov = 0;
	b.n_heads = 0;
	*took = 0;
	while (*took < n && b.n_heads < BATCH_RECORDS &&
	    b.n_iov + records[*took].n_pieces + RECORD_EXTRA_PIECES <=
	        BATCH_PIECES)
		lay_out(seg, &b, &records[(*took)++]);
	return write_batch(seg, &b);
}

enum err
segment_append(struct segment *seg, struct segment_record *records, size_t n)
{
	size_t took;
	enum err err;

	BUG_IF(is_own(seg) || seg->is_dead);
	err = prepare_all(seg, records, n);
	while (n > 0 && err == ERR_OK) {
		err = append_some(seg, records, n, &took);
		records += took;
		n -= took;
	}
	return err;
}

/* --- durable, refused, sealed --------------------------------------------- */

enum err
segment_sync(const struct segment *seg)
{
	struct stat st;

	if (sys.fdatasync(seg->file.fd) != 0 ||
	    sys.fstat(seg->file.fd, &st) != 0)
		return ERR_IO;
	if (st.st_nlink == 0) {
		errno = ENOENT; /* somebody took it away: S1 cannot hold */
		return ERR_IO;
	}
	return ERR_OK;
}

void
segment_refuse(struct segment *seg, uint64_t synced_bytes)
{
	uint64_t offset;

	seg->is_dead = true;
	while (seg->n_entries > 0) {
		offset = (uint64_t)seg->entries[seg->n_entries - 1].block *
		    SEGMENT_BLOCK_BYTES;
		if (offset < synced_bytes)
			return;
		/* What fails here can cost a message sent twice, no more. */
		(void)sys.pwrite(
		    seg->file.fd, zeros, RECORD_HEAD_BYTES, (off_t)offset);
		seg->n_entries--;
	}
}

enum err
segment_seal(struct segment *seg)
{
	struct footer footer = { seg->entries, seg->n_entries,
		seg->next_block };

	BUG_IF(seg->is_dead);
	/* From here on nothing may be written, whatever comes out. */
	seg->is_dead = true;
	return footer_write(seg->file.fd, &seg->head, &footer);
}

/* --- a record in a file of its own ---------------------------------------- */

enum err
segment_own_write(struct segment *seg, const struct iovec *pieces, size_t n)
{
	struct iovec iov[SEGMENT_PIECES_MAX];
	uint64_t bytes = seg->content_bytes;
	uint64_t offset = SEGMENT_BLOCK_BYTES + seg->content_bytes;
	enum err err;

	BUG_IF(!is_own(seg) || seg->is_dead || seg->is_finished);
	err = sum_pieces(pieces, n, &bytes);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < n; i++) {
		iov[i] = pieces[i];
		seg->content_crc = record_content_crc(
		    seg->content_crc, iov[i].iov_base, iov[i].iov_len);
	}
	seg->content_bytes = bytes;
	err = disk_writev(seg->file.fd, iov, n, offset);
	if (err != ERR_OK)
		seg->is_dead = true;
	return err;
}

uint64_t
segment_own_content_bytes(const struct segment *seg)
{
	return seg->content_bytes;
}

enum err
segment_own_reset(struct segment *seg)
{
	BUG_IF(!is_own(seg) || seg->is_dead || seg->is_finished);
	seg->content_bytes = 0;
	seg->content_crc = segment_crc_begin(seg->head.salt);
	if (sys.ftruncate(seg->file.fd, SEGMENT_BLOCK_BYTES) == 0)
		return ERR_OK;
	seg->is_dead = true;
	return disk_err();
}

/* The content is durable: now the header that makes it a record. */
static enum err
write_own_record(struct segment *seg, struct segment_record *record)
{
	uint64_t offset = record_own_offset(seg->content_bytes);
	struct batch b;
	enum err err;

	b.offset = offset;
	b.n_iov = 0;
	b.n_heads = 0;
	record->head.flags |= RECORD_OWN;
	record->head.content_crc = seg->content_crc;
	seg->next_block = (uint32_t)(offset / SEGMENT_BLOCK_BYTES);
	lay_out(seg, &b, record);
	err = write_batch(seg, &b);
	return err == ERR_OK ? segment_sync(seg) : err;
}

enum err
segment_own_finish(struct segment *seg, struct segment_record *record)
{
	enum err err;

	BUG_IF(!is_own(seg) || seg->is_dead || seg->is_finished);
	err = prepare(seg, record, seg->content_bytes);
	if (err != ERR_OK)
		return err;
	seg->is_finished = true;
	err = segment_sync(seg);
	if (err == ERR_OK)
		err = write_own_record(seg, record);
	if (err != ERR_OK)
		seg->is_dead = true;
	return err;
}
