/* SPDX-License-Identifier: BSD-2-Clause */
/* visit_hands: the disk thread's half of a visit: opens, seals, walks. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmgr/store_int.h"
#include "util/base/fatal.h"
#include "util/spool/quarantine.h"
#include "util/spool/segname.h"

/* Unreadable places in one file that are passed; with more of them the disk,
 * or our access to it, is what is wrong. */
#define PASSED_MAX 64
/* Times 1 MiB that is read in one slice. */
#define READS_IN_SLICE 4

void
seg_walk_free(struct seg_walk **walk)
{
	if (*walk == NULL)
		return;
	(void)close((*walk)->fd);
	free(*walk);
	*walk = NULL;
}

static enum err
fail(struct visit *v, enum err err)
{
	v->error = errno;
	return err;
}

/* --- begin ---------------------------------------------------------------- */

static enum err
open_walk(struct visit *v)
{
	struct seg_walk *w = calloc(1, sizeof(*w));
	enum err err;

	if (w == NULL)
		return ERR_IO;
	err = store_open_file(
	    v->store, v->number, &w->fd, &w->head, &v->is_deferred);
	if (err != ERR_OK) {
		if (w->head.number != v->number)
			v->other = w->head.number;
		free(w);
		return err;
	}
	v->walk = w;
	return ERR_OK;
}

static int
dir_of(const struct visit *v)
{
	return v->is_deferred ? v->store->conf.deferred_fd
	                      : v->store->conf.incoming_fd;
}

/* Renames are made in this thread: nothing moves between the two looks. */
static bool
is_in_both(const struct visit *v)
{
	const struct store_conf *conf = &v->store->conf;
	char name[SEGNAME_BYTES + 1];

	segname_format(v->number, name);
	return faccessat(conf->incoming_fd, name, F_OK, 0) == 0 &&
	    faccessat(conf->deferred_fd, name, F_OK, 0) == 0;
}

/*
 * Finds out whether the file is sealed, and seals it when its writer is lost.
 *
 * ERR_OK	it is sealed
 * ERR_AGAIN	its writer lives
 */
static enum err
look_at_seal(struct visit *v)
{
	enum err err = segread_is_sealed(v->walk->fd, &v->walk->head, NULL);

	/* SYNTAX: its footer is malformed: it is made anew. */
	if (err != ERR_NOTFOUND && err != ERR_SYNTAX)
		return err;
	err = segment_is_orphan(dir_of(v), v->number);
	if (err == ERR_OK)
		err = segment_reseal(
		    &v->reseal, dir_of(v), v->number, v->known_bytes, v->buf);
	v->was_orphan = err == ERR_OK && !v->reseal.was_sealed;
	/* FULL: sealed when there is room. */
	return err == ERR_FULL ? ERR_IO : err;
}

/* Where the last visit of a segment that is still being written has stopped,
 * or at the first record. */
static enum err
begin_walk(struct visit *v, bool is_new)
{
	struct segwalk_conf conf = {
		.fd = v->walk->fd,
		.seg = &v->walk->head,
		.buf = v->buf,
		.limit = v->is_sealed ? SEGWALK_ALL : v->limit,
		.mode = v->mode,
	};

	if (is_new || v->is_sealed)
		return segwalk_init(&v->walk->walk, &conf);
	segwalk_let_go(&v->walk->walk);
	segwalk_set_limit(&v->walk->walk, v->limit);
	return ERR_OK;
}

static enum err
begin(struct visit *v)
{
	bool is_new = v->walk == NULL;
	enum err err = ERR_OK;

	v->is_sealed = v->was_orphan = v->is_mended = false;
	v->passed = 0;
	v->other = 0;
	v->has_twin = is_in_both(v);
	if (is_new)
		err = open_walk(v);
	if (err != ERR_OK)
		return err;
	v->is_mended = is_new && v->walk->head.is_mended;
	err = look_at_seal(v);
	v->is_sealed = err == ERR_OK;
	/* Contents were cut, or damaged, that the ledger may know. */
	if (v->was_orphan && (v->reseal.bad > 0 || v->reseal.torn_bytes > 0))
		v->mode = SEGWALK_CONTENTS;
	if (err == ERR_AGAIN && v->has_limit)
		err = ERR_OK;
	return err == ERR_OK ? begin_walk(v, is_new) : err;
}

/* --- walk ----------------------------------------------------------------- */

/* S6: read, and malformed: set aside, synced, before anything else is done. */
static enum err
set_aside(struct visit *v, const struct segwalk_item *item)
{
	char name[SEGNAME_BYTES + 1];
	struct quarantine q = {
		.dir_fd = v->store->conf.quarantine_fd,
		.fd = v->walk->fd,
		.name = name,
		.offset = item->offset,
		.bytes = item->bytes,
		.why = STR("a record whose header or envelope is malformed"),
	};

	segname_format(v->number, name);
	return quarantine_copy(&q);
}

static void
note_item(struct visit *v, const struct segwalk_item *item)
{
	struct visit_item *to = &v->items[v->n++];
	uint32_t block = (uint32_t)(item->offset / SEGMENT_BLOCK_BYTES);
	bool is_own = (item->head.flags & RECORD_OWN) != 0;

	*to = (struct visit_item){
		.block = block,
		.from = is_own ? 1 : block,
		.to = block + segment_blocks(item->bytes),
		.is_record = item->kind == SEGWALK_RECORD,
		.is_bad = item->kind == SEGWALK_BAD_RECORD,
		.is_unreadable = item->is_unreadable,
	};
	/* With an unreadable place in it it is no damage yet. */
	if (to->is_bad && !to->is_unreadable)
		to->err = set_aside(v, item);
}

static enum err
step(struct visit *v)
{
	struct segwalk_item item;
	enum err err = segwalk_next(&v->walk->walk, &item);

	if (err == ERR_IO && v->is_sealed && v->mode != SEGWALK_INDEX &&
	    v->passed < PASSED_MAX) {
		v->error = errno;
		v->passed++;
		segwalk_pass(&v->walk->walk);
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	if (item.kind == SEGWALK_END_OPEN || item.kind == SEGWALK_END_SEALED) {
		v->is_end = true;
		v->end_block = (uint32_t)(item.offset / SEGMENT_BLOCK_BYTES);
	} else {
		note_item(v, &item);
	}
	return ERR_OK;
}

static enum err
walk(struct visit *v)
{
	enum err err = ERR_OK;

	v->n = 0;
	v->is_end = false;
	for (int reads = 0; reads < READS_IN_SLICE;) {
		err = step(v);
		if (err == ERR_AGAIN) {
			reads++;
			continue;
		}
		if (err != ERR_OK || v->is_end || v->n == VISIT_ITEMS_MAX)
			return err;
	}
	return ERR_OK;
}

void
visit_run(struct job *job)
{
	struct visit *v = LIST_ITEM(job, struct visit, job);
	enum err err = ERR_OK;

	errno = 0;
	v->n = 0;
	v->is_end = false;
	if (v->is_first)
		err = begin(v);
	if (err == ERR_OK)
		err = walk(v);
	v->err = err == ERR_OK ? ERR_OK : fail(v, err);
	/* Only of a segment that is being written the next visit goes on. */
	if (err != ERR_OK || (v->is_end && v->is_sealed))
		seg_walk_free(&v->walk);
}
