/* SPDX-License-Identifier: BSD-2-Clause */
/* places: descriptors of segments for leases: opened once, kept while there
 * is room. */
#include <unistd.h>

#include "qmgr/store_int.h"
#include "util/base/fatal.h"

/*
 * A place is in one of these states:
 *
 *	unused		fd -1, in the list unused
 *	opening		in the ring to_open, or in the job; has waits
 *	used		users > 0
 *	idle		users 0, in the list idle: may be taken for another
 */

static struct place *
place_of(struct places *p, const struct store_seg *seg)
{
	return seg->place == 0 ? NULL : &p->all[seg->place - 1];
}

static uint16_t
number_of(const struct places *p, const struct place *place)
{
	return (uint16_t)(place - p->all);
}

/* --- closing -------------------------------------------------------------- */

static void
close_next(struct store *st)
{
	struct places *p = &st->places;
	struct close_job *c = &p->close;

	if (c->is_out || p->n_to_close == 0)
		return;
	for (c->n = 0; c->n < OPENS_MAX && p->n_to_close > 0; c->n++)
		c->fds[c->n] = p->to_close[--p->n_to_close];
	store_run(st, &c->job, &c->is_out);
}

static void
run_close(struct job *job)
{
	struct close_job *c = LIST_ITEM(job, struct close_job, job);

	for (unsigned i = 0; i < c->n; i++)
		(void)close(c->fds[i]);
}

static void
on_closed(struct job *job)
{
	struct close_job *c = LIST_ITEM(job, struct close_job, job);
	struct store *st = LIST_ITEM(c, struct store, places.close);

	c->is_out = false;
	close_next(st);
}

/* Makes a place without users unused. */
static void
empty_place(struct store *st, struct place *place)
{
	struct places *p = &st->places;
	struct store_seg *seg = store_find(st, place->segment);

	BUG_IF(place->users > 0);
	if (seg != NULL && place_of(p, seg) == place)
		seg->place = 0;
	if (place->fd >= 0) {
		/* Should the thread not come after: it does no harm here. */
		if (p->n_to_close < STORE_PLACES)
			p->to_close[p->n_to_close++] = place->fd;
		else
			(void)close(place->fd);
	}
	place->fd = -1;
	place->segment = 0;
	if (link_is_listed(&place->link))
		list_remove(&p->idle, &place->link);
	list_push_back(&p->unused, &place->link);
	close_next(st);
}

/* --- opening -------------------------------------------------------------- */

static void
open_next(struct store *st)
{
	struct places *p = &st->places;
	struct open_job *o = &p->open;

	if (o->is_out || p->n_to_open == 0)
		return;
	for (o->n = 0; o->n < OPENS_MAX && p->n_to_open > 0; o->n++) {
		uint16_t number = p->to_open[p->first];
		struct store_seg *seg = store_find(st, p->all[number].segment);

		p->first = (p->first + 1) % STORE_PLACES;
		p->n_to_open--;
		o->items[o->n] = (struct open_item){
			.segment = p->all[number].segment,
			.place = number,
			.is_deferred = seg != NULL && seg->is_deferred,
		};
	}
	store_run(st, &o->job, &o->is_out);
}

static void
run_open(struct job *job)
{
	struct open_job *o = LIST_ITEM(job, struct open_job, job);
	struct store *st = LIST_ITEM(o, struct store, places.open);

	for (unsigned i = 0; i < o->n; i++) {
		struct open_item *item = &o->items[i];
		struct segment_head head;

		item->err = store_open_file(
		    st, item->segment, &item->fd, &head, &item->is_deferred);
	}
}

static void
give(struct place *place, uint16_t number, struct store_open *open)
{
	place->users++;
	open->fd = place->fd;
	open->place = number;
	open->generation = place->generation;
	open->done(open, ERR_OK);
}

/* Of a file that is gone, or is none, a visit tells, and holds its mail. */
static void
ask_visit(struct store *st, const struct open_item *item)
{
	struct store_seg *seg = store_find(st, item->segment);

	if (seg != NULL &&
	    (item->err == ERR_NOTFOUND || item->err == ERR_SYNTAX))
		visit_ask(st, seg);
}

/* What a lease does with an error: RANGE is a newer file, which this version
 * cannot read now. */
static enum err
open_err(enum err err)
{
	return err == ERR_RANGE ? ERR_IO : err;
}

static void
opened(struct store *st, const struct open_item *item)
{
	struct places *p = &st->places;
	struct place *place = &p->all[item->place];
	struct list waits;
	struct link *link;

	place->is_opening = false;
	place->fd = item->err == ERR_OK ? item->fd : -1;
	/* Nobody else takes the place while those who waited are served. */
	place->users++;
	list_init(&waits);
	while ((link = list_first(&place->waits)) != NULL) {
		list_remove(&place->waits, link);
		list_push_back(&waits, link);
	}
	while ((link = list_first(&waits)) != NULL) {
		struct store_open *open =
		    LIST_ITEM(link, struct store_open, link);

		list_remove(&waits, link);
		if (item->err == ERR_OK)
			give(place, item->place, open);
		else
			open->done(open, open_err(item->err));
	}
	if (item->err == ERR_OK)
		store_drop(st, item->place);
	else {
		place->users--;
		empty_place(st, place);
		ask_visit(st, item);
	}
}

/* Those that found no place. */
static void
serve_queued(struct store *st)
{
	struct places *p = &st->places;
	struct link *link;

	while ((link = list_first(&p->queued)) != NULL &&
	    (!list_is_empty(&p->unused) || !list_is_empty(&p->idle))) {
		list_remove(&p->queued, link);
		store_want(st, LIST_ITEM(link, struct store_open, link));
	}
}

static void
on_opened(struct job *job)
{
	struct open_job *o = LIST_ITEM(job, struct open_job, job);
	struct store *st = LIST_ITEM(o, struct store, places.open);

	for (unsigned i = 0; i < o->n; i++)
		opened(st, &o->items[i]);
	o->is_out = false;
	serve_queued(st);
	open_next(st);
}

/* A place for another segment; NULL: all are used. */
static struct place *
take_place(struct store *st)
{
	struct places *p = &st->places;
	struct link *link = list_first(&p->unused);

	if (link == NULL && !list_is_empty(&p->idle)) {
		link = list_first(&p->idle);
		empty_place(st, LIST_ITEM(link, struct place, link));
	}
	if (link == NULL)
		return NULL;
	list_remove(&p->unused, link);
	return LIST_ITEM(link, struct place, link);
}

static void
begin_opening(struct store *st, struct place *place, struct store_seg *seg)
{
	struct places *p = &st->places;
	uint16_t number = number_of(p, place);

	place->segment = seg->number;
	place->is_opening = true;
	place->generation++;
	if (place->generation == 0)
		place->generation = 1;
	seg->place = (uint16_t)(number + 1);
	p->to_open[(p->first + p->n_to_open) % STORE_PLACES] = number;
	p->n_to_open++;
}

void
store_want(struct store *st, struct store_open *open)
{
	struct places *p = &st->places;
	struct store_seg *seg = store_add(st, open->segment);
	struct place *place;

	if (seg == NULL) {
		open->done(open, ERR_IO);
		return;
	}
	place = place_of(p, seg);
	if (place != NULL && !place->is_opening) {
		if (link_is_listed(&place->link))
			list_remove(&p->idle, &place->link);
		give(place, number_of(p, place), open);
		return;
	}
	if (place == NULL) {
		place = take_place(st);
		if (place == NULL) {
			/* Bounded by the leases: each has one wish. */
			list_push_back(&p->queued, &open->link);
			return;
		}
		begin_opening(st, place, seg);
	}
	list_push_back(&place->waits, &open->link);
	open_next(st);
}

void
store_drop(struct store *st, uint16_t number)
{
	struct places *p = &st->places;
	struct place *place = &p->all[number];

	BUG_IF(place->users == 0);
	place->users--;
	if (place->users > 0)
		return;
	list_push_back(&p->idle, &place->link);
	if (place->segment == 0)
		empty_place(st, place);
	serve_queued(st);
}

void
places_forget(struct store *st, struct store_seg *seg)
{
	struct place *place = place_of(&st->places, seg);

	if (place == NULL)
		return;
	seg->place = 0;
	if (place->is_opening)
		return; /* its waits are told what the file says */
	place->segment = 0;
	if (place->users == 0)
		empty_place(st, place);
}

void
places_init(struct store *st)
{
	struct places *p = &st->places;

	list_init(&p->idle);
	list_init(&p->unused);
	list_init(&p->queued);
	for (unsigned i = 0; i < STORE_PLACES; i++) {
		p->all[i].fd = -1;
		list_init(&p->all[i].waits);
		list_push_back(&p->unused, &p->all[i].link);
	}
	p->open.job.run = run_open;
	p->open.job.done = on_opened;
	p->close.job.run = run_close;
	p->close.job.done = on_closed;
}

void
places_fini(struct store *st)
{
	struct places *p = &st->places;

	for (unsigned i = 0; i < STORE_PLACES; i++)
		if (p->all[i].fd >= 0)
			(void)close(p->all[i].fd);
	while (p->n_to_close > 0)
		(void)close(p->to_close[--p->n_to_close]);
}
