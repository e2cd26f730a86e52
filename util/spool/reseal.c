/* SPDX-License-Identifier: BSD-2-Clause */
/* reseal: seals a segment whose writer is lost. */
#include "util/spool/reseal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/io/sys.h"
#include "util/spool/disk.h"
#include "util/spool/footer.h"
#include "util/spool/segname.h"
#include "util/spool/segread.h"
#include "util/spool/segwalk.h"

#define FIRST_ENTRIES 1024

/* The records found so far. */
struct index {
	struct segment_entry *entries;
	uint32_t n;
	uint32_t cap;
	uint32_t block; /* behind the last one */
};

/* Opens a segment and takes its lock, which closing gives up. */
static enum err
open_locked(int *fd, int dir_fd, uint64_t number, int access)
{
	char name[SEGNAME_BYTES + 1];
	enum err err;

	segname_format(number, name);
	*fd = sys.openat(dir_fd, name, access | SEGREAD_OPEN_FLAGS, 0);
	if (*fd < 0)
		return segread_open_err();
	if (sys.flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	err = errno == EWOULDBLOCK ? ERR_AGAIN : ERR_IO;
	(void)close(*fd);
	*fd = -1;
	return err;
}

enum err
segment_is_orphan(int dir_fd, uint64_t number)
{
	enum err err;
	int fd;

	err = open_locked(&fd, dir_fd, number, O_RDONLY);
	if (err == ERR_OK)
		(void)close(fd);
	return err;
}

static enum err
grow(struct index *index)
{
	uint32_t cap = index->cap == 0 ? FIRST_ENTRIES : 2 * index->cap;
	struct segment_entry *entries;

	if (index->n == SEGMENT_RECORDS_MAX)
		return ERR_SYNTAX; /* no writer makes so long a segment */
	entries = reallocarray(index->entries, cap, sizeof(*entries));
	if (entries == NULL)
		return ERR_IO;
	index->entries = entries;
	index->cap = cap;
	return ERR_OK;
}

static enum err
add_record(struct index *index, const struct segwalk_item *item)
{
	uint32_t block = (uint32_t)(item->offset / SEGMENT_BLOCK_BYTES);
	uint32_t blocks = record_blocks(&item->head);
	enum err err = ERR_OK;

	if (index->n == index->cap)
		err = grow(index);
	if (err != ERR_OK)
		return err;
	index->entries[index->n++] = (struct segment_entry){
		.qid = item->head.qid,
		.block = block,
		.blocks = blocks,
		.flags = item->head.flags,
		.crc = item->head.crc,
	};
	index->block = block + blocks;
	return ERR_OK;
}

/* Walks the whole file; every valid record is in the index then. */
static enum err
walk(struct segwalk *r, struct index *index, struct reseal *result)
{
	struct segwalk_item item = { .kind = SEGWALK_GAP };
	enum err err;

	while (item.kind != SEGWALK_END_OPEN) {
		err = segwalk_next(r, &item);
		if (err == ERR_AGAIN)
			continue;
		if (err == ERR_OK && item.kind == SEGWALK_RECORD)
			err = add_record(index, &item);
		if (err != ERR_OK)
			return err;
		if (item.kind == SEGWALK_TORN)
			result->torn_bytes += item.bytes;
		else if (item.kind == SEGWALK_BAD_RECORD ||
		    item.kind == SEGWALK_GAP)
			result->bad++;
	}
	return ERR_OK;
}

/* Where the footer goes: what the ledger knows is damage, never torn, and is
 * kept for those who look into it. */
static enum err
place_footer(
    int fd, const struct index *index, uint64_t known_bytes, uint32_t *block)
{
	uint64_t bytes;
	enum err err;

	err = disk_size(fd, &bytes);
	if (err != ERR_OK)
		return err;
	if (known_bytes > bytes)
		known_bytes = bytes;
	*block = index->block;
	if (segment_blocks(known_bytes) > *block)
		*block = segment_blocks(known_bytes);
	return ERR_OK;
}

static enum err
seal(const struct segwalk_conf *conf, uint64_t known_bytes,
    struct reseal *result)
{
	struct index index = { .block = 1 };
	struct footer footer;
	struct segwalk r;
	enum err err;

	err = segwalk_init(&r, conf);
	if (err == ERR_OK)
		err = walk(&r, &index, result);
	if (err == ERR_OK)
		err =
		    place_footer(conf->fd, &index, known_bytes, &footer.block);
	if (err == ERR_OK) {
		footer.entries = index.entries;
		footer.n = index.n;
		result->records = index.n;
		err = footer_write(conf->fd, conf->seg, &footer);
	}
	free(index.entries);
	return err;
}

/* ERR_NOTFOUND: it is not sealed, and is synced now. */
static enum err
prepare(
    struct reseal *result, int fd, uint64_t number, struct segment_head *seg)
{
	struct segment_trailer trailer;
	enum err err;

	err = segread_head(fd, seg);
	if (err != ERR_OK)
		return err;
	if (seg->number != number)
		return ERR_SYNTAX;
	err = segread_is_sealed(fd, seg, &trailer);
	if (err == ERR_OK) {
		result->was_sealed = true;
		result->records = trailer.n;
	}
	/* What a footer says is there must be on disk before it. */
	if (err == ERR_IO || sys.fsync(fd) != 0)
		return ERR_IO;
	return err == ERR_OK ? ERR_OK : ERR_NOTFOUND;
}

enum err
segment_reseal(struct reseal *result, int dir_fd, uint64_t number,
    uint64_t known_bytes, char *buf)
{
	struct segment_head seg;
	struct segwalk_conf conf = { .seg = &seg,
		.buf = buf,
		.limit = SEGWALK_ALL,
		.mode = SEGWALK_CONTENTS };
	enum err err;

	*result = (struct reseal){ .records = 0 };
	err = open_locked(&conf.fd, dir_fd, number, O_RDWR);
	if (err != ERR_OK)
		return err;
	err = prepare(result, conf.fd, number, &seg);
	if (err == ERR_NOTFOUND)
		err = seal(&conf, known_bytes, result);
	(void)close(conf.fd);
	return err;
}
