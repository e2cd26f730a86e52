/* SPDX-License-Identifier: BSD-2-Clause */
/* part: one part: its state, its deadline, its recipients.
 *
 * Where a part is (Q1), by state; rows go to columns:
 *
 *		WAITING	READY	LEASED	HELD	done
 * WAITING	.	yes	.	yes	yes	waiting
 * READY	yes	yes	yes	yes	yes	ready, notices, lonely
 * LEASED	yes	yes	.	yes	yes	a slot
 * HELD		yes	yes	.	.	yes	held
 *
 * From READY to READY a part goes when a notice comes to be owed.
 */
#include "qmgr/core/core_int.h"

#define MS_PER_S 1000
#define BITS_LOW_MS 32

static const bool moves[PART_STATE_N][PART_STATE_N] = {
	[PART_WAITING] = { [PART_READY] = true,
	    [PART_HELD] = true,
	    [PART_DONE] = true },
	[PART_READY] = { [PART_WAITING] = true,
	    [PART_READY] = true,
	    [PART_LEASED] = true,
	    [PART_HELD] = true,
	    [PART_DONE] = true },
	[PART_LEASED] = { [PART_WAITING] = true,
	    [PART_READY] = true,
	    [PART_HELD] = true,
	    [PART_DONE] = true },
	[PART_HELD] = { [PART_WAITING] = true,
	    [PART_READY] = true,
	    [PART_DONE] = true },
};

struct part *
part_get(const struct core *core, uint32_t part)
{
	return slab_get(&core->parts, part);
}

void
part_list_push(const struct core *core, struct part_list *list, uint32_t part)
{
	struct part *p = part_get(core, part);

	p->next = 0;
	p->prev = list->last;
	if (list->last == 0)
		list->first = part;
	else
		part_get(core, list->last)->next = part;
	list->last = part;
	list->n++;
}

void
part_list_remove(const struct core *core, struct part_list *list, uint32_t part)
{
	struct part *p = part_get(core, part);

	BUG_IF(list->n == 0);
	if (p->prev == 0)
		list->first = p->next;
	else
		part_get(core, p->prev)->next = p->next;
	if (p->next == 0)
		list->last = p->prev;
	else
		part_get(core, p->next)->prev = p->prev;
	p->next = p->prev = 0;
	list->n--;
}

bool
part_is_lonely(const struct part *p)
{
	return p->deaths >= PART_DEATHS_LONELY;
}

/* The list of the part's state; NULL: the state has none. */
static struct part_list *
list_of(struct core *core, struct queue *q, const struct part *p)
{
	switch ((enum part_status)p->state) {
	case PART_WAITING:
		return &q->waiting;
	case PART_READY:
		if (part_is_lonely(p))
			return &core->lonely;
		return p->is_notice ? &core->notices : &q->ready;
	case PART_HELD:
		return &q->held;
	case PART_LEASED:
	case PART_DONE:
	case PART_STATE_N:
		break;
	}
	return NULL;
}

/* The part comes among what is to be told to senders, or leaves it. */
static void
set_notice(struct core *core, struct queue *q, struct part *p, bool is_notice)
{
	struct site *s = notice_site(core);

	if (p->is_notice == is_notice)
		return;
	p->is_notice = is_notice ? 1 : 0;
	if (!is_notice)
		q->n_notices--;
	else
		q->n_notices++;
	if (part_is_lonely(p))
		return;
	if (!is_notice)
		s->n_ready--;
	else
		s->n_ready++;
	site_mark(core, s);
}

static void
leave(struct core *core, uint32_t part)
{
	struct part *p = part_get(core, part);
	struct queue *q = queue_get(core, p->queue);
	struct part_list *list = list_of(core, q, p);

	ordertab_let_go(core, p);
	if (list != NULL)
		part_list_remove(core, list, part);
	if (list == &q->ready)
		queue_less(core, q);
	set_notice(core, q, p, false);
	BUG_IF(q->n[p->state] == 0 || core->n[p->state] == 0);
	q->n[p->state]--;
	core->n[p->state]--;
}

static void
enter(struct core *core, uint32_t part)
{
	struct part *p = part_get(core, part);
	struct queue *q = queue_get(core, p->queue);
	struct part_list *list;

	set_notice(
	    core, q, p, p->state == PART_READY && notice_is_due(core, p));
	list = list_of(core, q, p);
	q->n[p->state]++;
	core->n[p->state]++;
	if (list != NULL)
		part_list_push(core, list, part);
	if (list == &q->ready)
		queue_more(core, q);
	else if (list == &core->lonely)
		queue_wake(core, q, core->now_ms);
}

void
part_move(struct core *core, uint32_t part, enum part_status to, int64_t due_ms)
{
	struct part *p = part_get(core, part);

	BUG_IF(!moves[p->state][to] || to == PART_DONE);
	leave(core, part);
	p->state = (unsigned)to & 7u;
	if (to == PART_HELD)
		p->mark = 0;
	if (to == PART_WAITING &&
	    (core->n[PART_WAITING] == 0 || due_ms > core->last_due_ms))
		core->last_due_ms = due_ms;
	enter(core, part);
	heap_change(&core->due, p->heap_pos, due_ms);
}

void
part_change_queue(struct core *core, uint32_t part, struct queue *to)
{
	struct part *p = part_get(core, part);
	struct queue *from = queue_get(core, p->queue);
	struct ordered *by = ordertab_of(core, p);

	BUG_IF(p->state == PART_LEASED);
	leave(core, part);
	/* They say how it fared at the site before. */
	if (p->throttles > 0) {
		p->throttles = 0;
		p->mark = 0;
	}
	p->queue = to->self;
	enter(core, part);
	if (by != NULL)
		ordertab_hold(p, by);
	if (queue_is_empty(from))
		queue_wake(core, from, core->now_ms + QUEUE_IDLE_MS);
}

/* Whole seconds in which ms ends, also before 0: no life gets shorter. */
static int32_t
seconds_up(int64_t ms)
{
	int64_t s = ms / MS_PER_S;

	if (ms % MS_PER_S > 0)
		s++;
	if (s > INT32_MAX)
		return INT32_MAX;
	return s < INT32_MIN ? INT32_MIN : (int32_t)s;
}

int64_t
part_end_ms(struct core *core, const struct part *p)
{
	struct queue *q = queue_get(core, p->queue);

	return (int64_t)p->born_s * MS_PER_S +
	    queue_policy(core, q)->backoff.life_ms;
}

void
part_make_ready(struct core *core, uint32_t part)
{
	part_move(
	    core, part, PART_READY, notice_look_ms(core, part_get(core, part)));
}

int64_t
part_due_ms(const struct core *core, const struct part *p)
{
	return heap_get(&core->due, p->heap_pos).key;
}

static bool
recipients_make(struct core *core, struct part *p, uint16_t n)
{
	struct rcpts *r;

	if (n == 1)
		return true;
	p->rcpts = slab_alloc(&core->rcpts);
	if (p->rcpts == 0)
		return false;
	r = slab_get(&core->rcpts, p->rcpts);
	r->n = r->n_open = n;
	return true;
}

/* When a message that arrived at wall clock ms was born, in boot time. What
 * seems to come from the future is new: the clock fell back. */
static int32_t
born_s(const struct core *core, int64_t arrival_ms)
{
	int64_t age_ms = core->wall_ms - arrival_ms;

	return seconds_up(core->now_ms - (age_ms > 0 ? age_ms : 0));
}

uint32_t
part_make(struct core *core, const struct part_new *new)
{
	uint32_t part = slab_alloc(&core->parts);
	int64_t ms = qid_time_ms(new->qid);
	struct part *p;

	if (ms > core->newest_ms)
		core->newest_ms = ms;
	if (part == 0)
		return 0;
	p = part_get(core, part);
	if (!recipients_make(core, p, new->n_rcpts)) {
		slab_free_item(&core->parts, part);
		return 0;
	}
	for (size_t i = QID_BYTES / 2; i < QID_BYTES; i++)
		p->qid_low = p->qid_low << 8 | new->qid->b[i];
	p->qid_ms_low = (uint32_t)ms;
	p->qid_ms_high = (uint16_t)(ms >> BITS_LOW_MS);
	p->number = new->number;
	p->segment = new->seg->self;
	p->block = new->block &CORE_BLOCK_MAX;
	p->queue = new->queue->self;
	p->born_s = born_s(core, ms);
	p->state = PART_READY;
	p->cause = CAUSE_NEW;
	p->is_silent = new->is_silent;
	p->wants_delay = new->wants_delay;
	seg_insert(core, new->seg, part);
	heap_push(&core->due, notice_look_ms(core, p), part);
	enter(core, part);
	core->admitted++;
	return part;
}

/* All that a part has, but the counts of its state. */
static bool
destroy(struct core *core, uint32_t part, bool is_done)
{
	struct part *p = part_get(core, part);
	struct queue *q = queue_get(core, p->queue);
	bool is_last;

	if (part_is_owed(core, p))
		core->owed--;
	leave(core, part);
	heap_remove(&core->due, p->heap_pos);
	is_last =
	    seg_remove(core, slab_get(&core->segs, p->segment), p, is_done);
	if (p->rcpts != 0)
		slab_free_item(&core->rcpts, p->rcpts);
	slab_free_item(&core->parts, part);
	if (queue_is_empty(q))
		queue_wake(core, q, core->now_ms + QUEUE_IDLE_MS);
	return is_last;
}

void
part_undo(struct core *core, uint32_t part)
{
	(void)destroy(core, part, false);
	core->admitted--;
}

bool
part_finish(struct core *core, uint32_t part)
{
	BUG_IF(!moves[part_get(core, part)->state][PART_DONE]);
	core->done++;
	return destroy(core, part, true);
}

void
part_qid(const struct core *core, const struct part *p, struct qid *qid)
{
	const struct seg *seg = slab_get(&core->segs, p->segment);
	uint64_t high = (uint64_t)p->qid_ms_high << 48 |
	    (uint64_t)p->qid_ms_low << 16 | seg->writer;

	for (unsigned i = 0; i < QID_BYTES / 2; i++) {
		qid->b[i] = (uint8_t)(high >> (56 - 8 * i));
		qid->b[QID_BYTES / 2 + i] =
		    (uint8_t)(p->qid_low >> (56 - 8 * i));
	}
}

uint32_t
part_n_rcpts(const struct core *core, const struct part *p)
{
	const struct rcpts *r;

	if (p->rcpts == 0)
		return 1;
	r = slab_get(&core->rcpts, p->rcpts);
	return r->n;
}

enum rcpt_standing
part_standing(const struct core *core, const struct part *p, uint32_t i)
{
	const struct rcpts *r;

	if (p->rcpts == 0)
		return (enum rcpt_standing)p->standing;
	r = slab_get(&core->rcpts, p->rcpts);
	return part_standing_get(r->standing, i);
}

static void
count_standing(struct rcpts *r, enum rcpt_standing standing, int by)
{
	if (standing == RCPT_OPEN)
		r->n_open = (uint16_t)(r->n_open + by);
	else if (standing == RCPT_OWED)
		r->n_owed = (uint16_t)(r->n_owed + by);
}

/* Q6: what is owed is counted where it changes. */
void
part_set_standing(
    struct core *core, struct part *p, uint32_t i, enum rcpt_standing to)
{
	bool was_owed = part_is_owed(core, p);
	struct rcpts *r;

	if (p->rcpts == 0) {
		p->standing = (unsigned)to & 3;
	} else {
		r = slab_get(&core->rcpts, p->rcpts);
		count_standing(r, part_standing_get(r->standing, i), -1);
		part_standing_set(r->standing, i, to);
		count_standing(r, to, 1);
	}
	if (part_is_owed(core, p) == was_owed)
		return;
	if (was_owed)
		core->owed--;
	else
		core->owed++;
}

bool
part_is_open(const struct core *core, const struct part *p)
{
	const struct rcpts *r;

	if (p->rcpts == 0)
		return p->standing == RCPT_OPEN;
	r = slab_get(&core->rcpts, p->rcpts);
	return r->n_open > 0;
}

bool
part_is_owed(const struct core *core, const struct part *p)
{
	const struct rcpts *r;

	if (p->rcpts == 0)
		return p->standing == RCPT_OWED;
	r = slab_get(&core->rcpts, p->rcpts);
	return r->n_owed > 0;
}

void
part_fill(
    const struct core *core, const struct part *p, struct part_state *state)
{
	const struct seg *seg = slab_get(&core->segs, p->segment);
	uint32_t n = part_n_rcpts(core, p);

	*state = (struct part_state){ .segment = seg->number,
		.block = p->block,
		.part = p->number,
		.n_rcpts = (uint16_t)n,
		.state = p->state,
		.cause = p->cause,
		.deaths = p->deaths,
		.throttles = p->throttles,
		.is_silent = p->is_silent,
		.wants_delay = p->wants_delay,
		.tries = p->tries,
		.last_code = p->last_code,
		.first_try_ms = (int64_t)p->first_try_s * MS_PER_S,
		.last_try_ms = (int64_t)p->last_try_s * MS_PER_S };
	if (ordertab_of(core, p) != NULL)
		state->order = ordertab_of(core, p)->order.number;
	part_qid(core, p, &state->qid);
	for (uint32_t i = 0; i < n; i++)
		part_standing_set(
		    state->standing, i, part_standing(core, p, i));
	if (p->state != PART_WAITING)
		return;
	state->due_ms = core->wall_ms + part_due_ms(core, p) - core->now_ms;
	if (state->due_ms <= 0)
		state->due_ms = 1;
}
