/* SPDX-License-Identifier: BSD-2-Clause */
/* tick: does what is due, in slices: parts, queues, sites, connections. */
#include "qmgr/core/core_int.h"

#define TICK_SLICE 256
#define SWEEP_SLICE 1024
#define SWEEP_MS 1000
#define SWEEP_MATCHES 16 /* of conditions, in the time of a queue */
#define MS_PER_S 1000

/* Time in which nobody looked costs no part its last try. */
void
tick_make_due(struct core *core, uint32_t part)
{
	struct part *p = part_get(core, part);
	int64_t over_ms = core->now_ms - part_end_ms(core, p);

	if (over_ms > 0 && !part_is_owed(core, p))
		p->born_s += (int32_t)(over_ms / MS_PER_S);
	part_make_ready(core, part);
}

static void
visit_ready(struct core *core, uint32_t part)
{
	const struct part *p = part_get(core, part);
	struct str why = notice_hold_up(core, p);

	if (why.len == 0)
		why = STR("it could not be delivered in time");
	/* What is owed has no end. */
	if (part_is_owed(core, p))
		heap_change(&core->due, p->heap_pos, notice_look_ms(core, p));
	else if (core->now_ms >= part_end_ms(core, p) + PART_LAST_TRY_MS)
		fate_fail(core, part, CAUSE_EXPIRED, why);
	else if (p->is_notice)
		notice_give_up_delay(core, part);
	else
		part_make_ready(core, part);
}

/* Somebody holds it, whatever was before. */
static void
remind(struct core *core, uint32_t part)
{
	struct core_action *a = core_emit(core, CORE_NOTE);
	const struct part *p = part_get(core, part);

	part_fill(core, p, &a->part);
	if (ordertab_of(core, p) != NULL)
		a->part.cause = CAUSE_OPERATOR;
	a->text = STR("held");
}

static void
part_visit(struct core *core, uint32_t part)
{
	const struct part *p = part_get(core, part);

	switch ((enum part_status)p->state) {
	case PART_WAITING:
		tick_make_due(core, part);
		break;
	case PART_READY:
		if (orderpart_takes(core, part))
			break;
		visit_ready(core, part);
		break;
	case PART_LEASED:
		lease_overdue(core, part);
		break;
	case PART_HELD:
		remind(core, part);
		heap_change(&core->due, p->heap_pos,
		    core->now_ms + PART_HELD_REMIND_MS);
		break;
	case PART_DONE:
	case PART_STATE_N:
		break;
	}
}

static bool
is_due(const struct core *core, const struct heap *h)
{
	return heap_n(h) > 0 && heap_top(h).key <= core->now_ms;
}

/* One due thing of each kind; false: nothing is due. A queue may bounce many
 * parts, and looks at the room itself. */
static bool
visit_one(struct core *core)
{
	bool any = false;

	if (is_due(core, &core->conn_due)) {
		conn_visit(
		    core, slab_get(&core->conns, heap_top(&core->conn_due).id));
		any = true;
	}
	if (is_due(core, &core->site_due)) {
		site_visit(core, site_get(core, heap_top(&core->site_due).id));
		any = true;
	}
	if (is_due(core, &core->due)) {
		part_visit(core, heap_top(&core->due).id);
		any = true;
	}
	if (is_due(core, &core->queue_due)) {
		queue_visit(
		    core, queue_get(core, heap_top(&core->queue_due).id));
		any = true;
	}
	return any;
}

static bool
drain(struct core *core)
{
	bool more = false;

	for (uint32_t i = 0; i < CORE_WORKERS_MAX; i++)
		if (core->workers[i].is_draining)
			more = worker_drain(core, i) || more;
	return more;
}

static void
sweep_sites(struct core *core)
{
	if (core->sweep_site == 0)
		stuck_begin(core);
	for (int i = 0; i < SWEEP_SLICE; i++) {
		const struct site *s;

		core->sweep_site = slab_next(&core->sites, core->sweep_site);
		if (core->sweep_site == 0) {
			core->is_sites_swept = true;
			return;
		}
		s = site_get(core, core->sweep_site);
		if (s->n_ready == 0)
			continue;
		stuck_look_at_site(core, s);
		site_mark(core, site_get(core, core->sweep_site));
	}
}

/* Queues that one is worth: comparing it with all that may stop it takes time.
 */
static uint32_t
sweep_cost(const struct core *core, const struct queue *q)
{
	if (q->stop_generation == core->stop_generation)
		return 1;
	return 1 + (core->n_suspensions + core->n_blocks) / SWEEP_MATCHES;
}

static void
sweep_queues(struct core *core)
{
	uint32_t n = 0;

	while (n < SWEEP_SLICE) {
		struct queue *q;

		core->sweep_queue = slab_next(&core->queues, core->sweep_queue);
		if (core->sweep_queue == 0) {
			core->is_sites_swept = core->is_sweeping = false;
			stuck_end(core);
			return;
		}
		q = queue_get(core, core->sweep_queue);
		n += sweep_cost(core, q);
		stuck_look_at_queue(core, q);
		queue_sweep(core, q);
	}
}

bool
core_tick(struct core *core)
{
	bool more = false;

	if (!core->is_restored)
		return false;
	if (core->now_ms >= core->sweep_ms) {
		core->sweep_ms = core->now_ms + SWEEP_MS;
		core->is_sweeping = true;
	}
	more = drain(core);
	/* Q3: whoever has ready parts has something under way. */
	if (core->is_sites_swept)
		sweep_queues(core);
	else if (core->is_sweeping)
		sweep_sites(core);
	stuck_tell(core);
	suspend_run(core);
	if (core_has_room(core))
		more = orderrun_run(core) || more;
	for (int i = 0; i < TICK_SLICE && core_has_room(core); i++)
		if (!visit_one(core))
			return more || core->is_sweeping;
	return true;
}
