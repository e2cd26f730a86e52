/* SPDX-License-Identifier: BSD-2-Clause */
/* own: the life of segment files that hold one record. */
#include "smtpd/own.h"

#include <stdlib.h>
#include <sys/uio.h>

#include "util/base/fatal.h"

/*
 * wanted -> in hand -> finished -> sealed
 *		     -> dropped -> spare -> in hand, or sealed at the stop
 * A failed call leads from anywhere to given up (S2). S5: no file is removed
 * here, so an empty one is kept for the next message.
 */
struct own {
	struct owns *owns;
	struct seg *seg;
	struct own_finish *fin;
};

void
owns_init(struct owns *owns, struct segs *segs)
{
	*owns = (struct owns){ .segs = segs };
	list_init(&owns->spare);
	list_init(&owns->waiting);
}

static struct own *
new_own(struct owns *owns)
{
	struct own *own;

	if (owns->n_used >= OWN_USED_MAX)
		return NULL;
	own = calloc(1, sizeof(*own));
	if (own == NULL)
		return NULL;
	*own = (struct own){ .owns = owns };
	owns->n_used++;
	return own;
}

static void
free_own(struct own **own)
{
	BUG_IF((*own)->owns->n_used == 0);
	(*own)->owns->n_used--;
	free(*own);
	*own = NULL;
}

static struct own_wait *
next_waiter(struct owns *owns)
{
	struct link *l = list_first(&owns->waiting);

	if (l == NULL)
		return NULL;
	list_remove(&owns->waiting, l);
	return LIST_ITEM(l, struct own_wait, link);
}

/* own has an empty file: somebody waits for it, or it becomes spare. */
static void
place(struct own *own)
{
	struct owns *owns = own->owns;
	struct own_wait *wait = next_waiter(owns);
	struct seg *seg = own->seg;

	if (wait != NULL) {
		wait->ready(wait, own);
		return;
	}
	free_own(&own);
	seg->arg = NULL;
	if (owns->is_stopping || owns->spare.n >= OWN_SPARE_MAX)
		seg_seal(&seg);
	else
		list_push_back(&owns->spare, &seg->link);
}

static void
opened(struct seg *seg)
{
	struct own *own = seg->arg;
	struct own_wait *wait;

	if (seg->err == ERR_OK) {
		place(own);
		return;
	}
	/* One file less for those who wait: one of them is told. */
	wait = next_waiter(own->owns);
	seg_forget(&own->seg);
	free_own(&own);
	if (wait != NULL)
		wait->ready(wait, NULL);
}

struct own *
own_take_spare(struct owns *owns)
{
	struct link *l = list_first(&owns->spare);
	struct own *own;

	if (l == NULL)
		return NULL;
	own = new_own(owns);
	if (own == NULL)
		return NULL;
	list_remove(&owns->spare, l);
	own->seg = LIST_ITEM(l, struct seg, link);
	own->seg->arg = own;
	return own;
}

bool
own_ask(struct owns *owns, struct own_wait *wait)
{
	struct own *own = new_own(owns);

	if (own == NULL)
		return false;
	own->seg = seg_open(owns->segs, 0, opened);
	if (own->seg == NULL) {
		free_own(&own);
		return false;
	}
	own->seg->arg = own;
	list_push_back(&owns->waiting, &wait->link);
	return true;
}

void
own_ask_cancel(struct owns *owns, struct own_wait *wait)
{
	if (link_is_listed(&wait->link))
		list_remove(&owns->waiting, &wait->link);
}

enum err
own_write(struct own *own, struct str bytes)
{
	struct iovec piece = { (void *)(uintptr_t)bytes.ptr, bytes.len };

	if (bytes.len == 0)
		return ERR_OK;
	return segment_own_write(own->seg->file, &piece, 1) == ERR_OK ? ERR_OK
	                                                              : ERR_IO;
}

static void
give_up(struct own *own, unsigned n_refused)
{
	struct seg *seg = own->seg;

	seg_log_failed(seg, "write", n_refused);
	free_own(&own);
	seg_give_up(&seg);
}

static void
reset_run(struct seg *seg)
{
	seg->err = segment_own_reset(seg->file);
}

static void
reset_done(struct seg *seg)
{
	if (seg->err == ERR_OK)
		place(seg->arg);
	else
		give_up(seg->arg, 0);
}

void
own_drop(struct own **own)
{
	struct own *o = *own;

	*own = NULL;
	if (o == NULL)
		return;
	if (segment_is_dead(o->seg->file))
		give_up(o, 1);
	else
		seg_work(o->seg, reset_run, reset_done);
}

static void
finish_run(struct seg *seg)
{
	struct own *own = seg->arg;

	seg->err = segment_own_finish(seg->file, &own->fin->record);
}

static void
finish_done(struct seg *seg)
{
	struct own *own = seg->arg;
	struct own_finish *fin = own->fin;

	if (seg->err != ERR_OK) {
		give_up(own, 1);
		fin->done(fin, ERR_IO);
		return;
	}
	seg->n_records = 1;
	seg_publish(seg, segment_get_bytes(seg->file));
	fin->segment = seg->number;
	free_own(&own);
	seg->arg = NULL;
	seg_seal(&seg);
	fin->done(fin, ERR_OK);
}

void
own_finish(struct own **own, struct own_finish *fin)
{
	struct own *o = *own;

	*own = NULL;
	o->fin = fin;
	seg_work(o->seg, finish_run, finish_done);
}

void
owns_stop(struct owns *owns)
{
	struct link *l, *tmp;

	owns->is_stopping = true;
	LIST_FOREACH_SAFE (l, tmp, &owns->spare) {
		struct seg *seg = LIST_ITEM(l, struct seg, link);

		list_remove(&owns->spare, l);
		seg_seal(&seg);
	}
}
