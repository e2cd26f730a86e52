/* SPDX-License-Identifier: BSD-2-Clause */
/* notices: where the ledger says why a notice is owed, and what it says. */
#include "qmgr/notices.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmgr/core/view.h"
#include "qmgr/store.h"
#include "util/base/fatal.h"
#include "util/base/index.h"
#include "util/base/list.h"
#include "util/base/slab.h"
#include "util/io/sys.h"
#include "util/spool/entry.h"
#include "util/spool/ledgerread.h"

#define FILES_MIN 16

struct place {
	uint64_t segment;
	uint32_t block;
	uint32_t part;
};

/* A part that owes. */
struct item {
	struct link link; /* in fresh */
	struct place place;
	struct qid qid;
	uint64_t seq;
	struct ledger_pos pos; /* of the batch; file 0: not written yet */
};

/* A ledger file that is needed. */
struct needed {
	uint64_t file;
	uint32_t n; /* items that are in it */
};

struct notices {
	struct slab items;
	struct index by_place;
	struct list fresh; /* items that are not durable, by seq */
	struct list waits; /* tellings whose entry is not written */
	struct needed *files;
	size_t n_files, cap_files;
	struct store *store; /* of what waits */
	int ledger_fd;
};

static bool
owes(const struct part_state *s)
{
	return s->state != PART_DONE && part_owes_notice(s);
}

/* --- files ---------------------------------------------------------------- */

static struct needed *
file_find(const struct notices *n, uint64_t file)
{
	for (size_t i = n->n_files; i > 0; i--)
		if (n->files[i - 1].file == file)
			return &n->files[i - 1];
	return NULL;
}

/* False: no memory. */
static bool
file_take(struct notices *n, uint64_t file)
{
	struct needed *f = file_find(n, file);
	size_t cap = n->cap_files == 0 ? FILES_MIN : 2 * n->cap_files;
	struct needed *more;

	if (f != NULL) {
		f->n++;
		return true;
	}
	if (n->n_files == n->cap_files) {
		more = reallocarray(n->files, cap, sizeof(*more));
		if (more == NULL)
			return false;
		n->files = more;
		n->cap_files = cap;
	}
	n->files[n->n_files++] = (struct needed){ file, 1 };
	return true;
}

static void
file_drop(struct notices *n, uint64_t file)
{
	struct needed *f = file_find(n, file);

	BUG_IF(f == NULL || f->n == 0);
	if (--f->n == 0)
		*f = n->files[--n->n_files];
}

static int
cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

enum err
notices_dup_files(const struct notices *n, uint64_t **files, size_t *count)
{
	*files = NULL;
	*count = n->n_files;
	if (n->n_files == 0)
		return ERR_OK;
	*files = calloc(n->n_files, sizeof(**files));
	if (*files == NULL)
		return ERR_FULL;
	for (size_t i = 0; i < n->n_files; i++)
		(*files)[i] = n->files[i].file;
	qsort(*files, n->n_files, sizeof(**files), cmp);
	return ERR_OK;
}

/* --- items ---------------------------------------------------------------- */

/* The bytes of *p are the key: it has no padding. */
static struct key
place_key(struct place *p, const struct part_state *s)
{
	*p = (struct place){ s->segment, s->block, s->part };
	return (struct key){ p, sizeof(*p) };
}

static struct item *
item_find(const struct notices *n, const struct part_state *s)
{
	struct place place;

	return slab_try(
	    &n->items, index_find(&n->by_place, place_key(&place, s)));
}

static struct item *
item_add(struct notices *n, const struct part_state *s)
{
	struct place place;
	struct key key = place_key(&place, s);
	uint32_t handle = slab_alloc(&n->items);
	struct item *item;

	if (handle == 0)
		return NULL;
	if (index_put(&n->by_place, key, handle) != ERR_OK) {
		slab_free_item(&n->items, handle);
		return NULL;
	}
	item = slab_get(&n->items, handle);
	item->place = place;
	item->qid = s->qid;
	return item;
}

static void
item_drop(struct notices *n, const struct place *place)
{
	uint32_t handle =
	    index_remove(&n->by_place, (struct key){ place, sizeof(*place) });
	struct item *item = slab_try(&n->items, handle);

	if (item == NULL)
		return;
	if (link_is_listed(&item->link))
		list_remove(&n->fresh, &item->link);
	if (item->pos.file != 0)
		file_drop(n, item->pos.file);
	slab_free_item(&n->items, handle);
}

/* Without memory for the number of the file the item goes: else the file could,
 * and nobody would notice. */
static void
item_set_pos(struct notices *n, struct item *item, struct ledger_pos pos)
{
	struct place place = item->place;
	uint64_t before = item->pos.file;

	if (!file_take(n, pos.file)) {
		item_drop(n, &place);
		return;
	}
	item->pos = pos;
	if (before != 0)
		file_drop(n, before);
}

static void
drop(struct notices *n, const struct part_state *s)
{
	struct place place;

	if (slab_n(&n->items) == 0)
		return;
	(void)place_key(&place, s);
	item_drop(n, &place);
}

struct notices *
notices_new(int ledger_fd)
{
	struct notices *n = calloc(1, sizeof(*n));

	if (n == NULL)
		fatal("no memory to begin with");
	slab_init(&n->items, sizeof(struct item), SLAB_ITEMS_MAX);
	index_init(&n->by_place, SLAB_ITEMS_MAX);
	list_init(&n->fresh);
	list_init(&n->waits);
	n->ledger_fd = ledger_fd;
	return n;
}

void
notices_free(struct notices **notices)
{
	struct notices *n = *notices;

	if (n == NULL)
		return;
	index_fini(&n->by_place);
	slab_fini(&n->items);
	free(n->files);
	free(n);
	*notices = NULL;
}

uint32_t
notices_count(const struct notices *n)
{
	return slab_n(&n->items);
}

/* --- what the ledger says ------------------------------------------------- */

void
notices_restore(
    struct notices *n, const struct part_state *s, struct ledger_pos pos)
{
	struct item *item;

	if (!owes(s)) {
		drop(n, s);
		return;
	}
	if (pos.file == 0 || item_find(n, s) != NULL)
		return;
	item = item_add(n, s);
	if (item != NULL)
		item_set_pos(n, item, pos);
}

static bool
is_in_core(const struct core *core, const struct item *item)
{
	const struct place *place = &item->place;
	uint32_t part = core_segment_part(core, place->segment, place->block);
	struct part_state s;

	/* The parts of one record follow each other. */
	for (; part != 0; part = core_find(core, &item->qid, part)) {
		if (!core_part_get(core, part, &s) || s.block != place->block)
			return false;
		if (s.part == place->part)
			return owes(&s);
	}
	return false;
}

void
notices_prune(struct notices *n, const struct core *core)
{
	uint32_t handle = 0;

	while ((handle = slab_next(&n->items, handle)) != 0) {
		const struct item *item = slab_get(&n->items, handle);
		struct place place = item->place;

		if (!is_in_core(core, item))
			item_drop(n, &place);
	}
}

void
notices_put(struct notices *n, const struct part_state *s, uint64_t seq)
{
	struct item *item;

	if (!owes(s)) {
		drop(n, s);
		return;
	}
	/* It owed before, for another reason: that is what is told. */
	if (item_find(n, s) != NULL)
		return;
	item = item_add(n, s);
	if (item == NULL)
		return;
	item->seq = seq;
	list_push_back(&n->fresh, &item->link);
}

void
notices_locate(const struct notices *n, struct part_state *s)
{
	const struct item *item = owes(s) ? item_find(n, s) : NULL;

	if (item == NULL)
		return;
	s->facts_file = item->pos.file;
	s->facts_offset = item->pos.offset;
}

/* --- reading, in the thread ----------------------------------------------- */

/* Whether the entry is the one; takes its facts. */
static bool
take(struct telling *t, const struct ledger_entry *entry)
{
	struct entry_part part;
	struct part_state s;
	struct outbuf out = { t->bytes, 0, sizeof(t->bytes) };

	if (entry->type != ENTRY_PART ||
	    entry_parse_part(&part, entry) != ERR_OK ||
	    qid_cmp(&part.common.qid, &t->qid) != 0)
		return false;
	while (entry_next_part(&part, &s)) {
		if (s.part != t->part || !owes(&s))
			continue;
		/* Longer ones are not of ours. */
		(void)!outbuf_add(&out, entry->facts);
		t->facts = outbuf_str(&out);
		t->facts_ms = s.last_try_ms > 0 ? s.last_try_ms : 0;
		return true;
	}
	return false;
}

/* The entry stands in the batch at pos. */
static void
read_batch(struct telling *t, struct ledgerread *reader)
{
	struct ledgerread_item item;

	while (ledgerread_next(reader, &item) == ERR_OK &&
	    item.kind == LEDGERREAD_ENTRY && item.offset == t->pos.offset)
		if (take(t, &item.entry))
			return;
}

/* What cannot be read is not to be had: the notice goes without. */
static void
run(struct job *job)
{
	struct telling *t = LIST_ITEM(job, struct telling, job);
	struct ledger_head head = { .number = t->pos.file, .kind = LEDGER_LOG };
	char name[LEDGER_NAME_BYTES + 1];
	struct ledgerread *reader = NULL;
	int fd;

	ledger_name_format(&head, name);
	fd = sys.openat(
	    t->ledger_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	if (ledgerread_new(&reader, fd, LEDGERREAD_ALL) == ERR_OK &&
	    ledgerread_seek(reader, t->pos.offset) == ERR_OK)
		read_batch(t, reader);
	ledgerread_free(&reader);
	(void)close(fd);
}

static void
finish(struct telling *t)
{
	t->is_ready = true;
	t->done(t);
}

static void
on_read(struct job *job)
{
	finish(LIST_ITEM(job, struct telling, job));
}

/* --- telling -------------------------------------------------------------- */

static const struct item *
item_of(const struct notices *n, const struct telling *t)
{
	struct part_state s = {
		.segment = t->segment,
		.block = t->block,
		.part = t->part,
	};

	return item_find(n, &s);
}

struct telling *
notices_tell(struct notices *n, struct store *st,
    const struct core_action *action, void (*done)(struct telling *t),
    void *arg)
{
	const struct part_state *s = &action->part;
	struct telling *t = calloc(1, sizeof(*t));
	struct outbuf reason;
	const struct item *item;

	if (t == NULL)
		return NULL;
	t->kind = action->notice;
	t->qid = s->qid;
	t->segment = s->segment;
	t->block = s->block;
	t->part = s->part;
	t->ledger_fd = n->ledger_fd;
	t->done = done;
	t->arg = arg;
	t->job = (struct job){ .run = run, .done = on_read };
	reason = (struct outbuf){ t->reason_bytes, 0, sizeof(t->reason_bytes) };
	(void)!outbuf_add(&reason, action->text);
	t->reason = outbuf_str(&reason);
	n->store = st;
	item = t->kind == NOTICE_FINAL ? item_of(n, t) : NULL;
	if (item == NULL) {
		t->is_ready = true;
	} else if (item->pos.file == 0) {
		list_push_back(&n->waits, &t->link);
	} else {
		t->pos = item->pos;
		if (store_submit(st, &t->job) != ERR_OK)
			notices_tell_free(&t);
	}
	return t;
}

void
notices_tell_free(struct telling **t)
{
	free(*t);
	*t = NULL;
}

/* Those whose entries are written now. What finds no room in the thread goes
 * without facts. */
static void
wake(struct notices *n)
{
	struct link *link, *tmp;

	LIST_FOREACH_SAFE (link, tmp, &n->waits) {
		struct telling *t = LIST_ITEM(link, struct telling, link);
		const struct item *item = item_of(n, t);

		if (item != NULL && item->pos.file == 0)
			continue;
		list_remove(&n->waits, &t->link);
		if (item != NULL)
			t->pos = item->pos;
		if (item == NULL || store_submit(n->store, &t->job) != ERR_OK)
			finish(t);
	}
}

void
notices_written(
    struct notices *n, uint64_t first, uint64_t last, struct ledger_pos pos)
{
	struct link *link, *tmp;

	LIST_FOREACH_SAFE (link, tmp, &n->fresh) {
		struct item *item = LIST_ITEM(link, struct item, link);

		if (item->seq > last)
			break;
		if (item->seq >= first)
			item_set_pos(n, item, pos);
	}
	wake(n);
}

void
notices_synced(struct notices *n, uint64_t seq)
{
	struct link *link;

	while ((link = list_first(&n->fresh)) != NULL &&
	    LIST_ITEM(link, struct item, link)->seq <= seq)
		list_remove(&n->fresh, link);
}

void
notices_stop(struct notices *n)
{
	struct link *link;

	while ((link = list_first(&n->waits)) != NULL)
		list_remove(&n->waits, link);
}
