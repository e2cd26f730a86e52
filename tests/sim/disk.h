/* SPDX-License-Identifier: BSD-2-Clause */
/* disk: the simulated spool: ledger, checkpoints, and what a crash leaves. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "tests/sim/sim.h"

#define DISK_CHECKPOINT_SLICE 20
#define DISK_LEDGER_MAX 30000

static void
disk_append(struct sim_file *file, const struct sim_entry *entry)
{
	file->entries = sim_room(
	    file->entries, &file->cap, file->n, sizeof(*file->entries));
	file->entries[file->n++] = *entry;
}

/* The queue key of a part, which entries do not hold. */
static struct queue_key
disk_key(const struct part_state *part)
{
	const struct sim_msg *m = sim_msg_of(&part->qid);

	return (struct queue_key){ sim_tenant(m->tenant), STR(""),
		sim_domain(m->parts[part->part].domain) };
}

/* A part is done: each recipient has it, or failed and its sender knows. */
static void
disk_check_done(const struct sim_msg *m, const struct part_state *s)
{
	const struct sim_part *p = &m->parts[s->part];

	for (uint32_t i = 0; i < p->n_rcpts; i++) {
		enum rcpt_standing at = part_standing_get(s->standing, i);

		SIM_REQUIRE(at != RCPT_OPEN && at != RCPT_OWED,
		    "a part is done with something open");
		SIM_REQUIRE(at != RCPT_DELIVERED || p->rcpts[i].delivered > 0,
		    "LOST: told delivered, and the sink has it not");
		/* A person's cancel is told to nobody. */
		SIM_REQUIRE(at != RCPT_TOLD || m->is_silent || s->order != 0 ||
		        p->rcpts[i].told > 0,
		    "FORGOTTEN: nobody was told of a failure");
	}
}

/* What may have arrived, and was not delivered: a notice. */
static void
disk_note(const struct part_state *s)
{
	struct sim_part *p = &sim_msg_of(&s->qid)->parts[s->part];

	if (s->cause != CAUSE_POSSIBLY_DELIVERED)
		return;
	p->delay_doubts++;
	for (uint32_t i = 0; i < p->n_rcpts; i++)
		if (part_standing_get(s->standing, i) == RCPT_OWED)
			p->rcpts[i].told_doubts++;
}

/* What the ledger says is what the oracle may count. */
static void
disk_take_note(const struct part_state *s)
{
	const struct sim_msg *m = sim_msg_of(&s->qid);
	struct sim_part *p = &sim_msg_of(&s->qid)->parts[s->part];

	SIM_REQUIRE(s->tries <= p->tries, "an attempt is counted twice");
	if (s->state == PART_DONE) {
		disk_check_done(m, s);
		p->is_done = true;
	}
	if (s->cause != CAUSE_POSSIBLY_DELIVERED)
		return;
	for (uint32_t i = 0; i < p->n_rcpts; i++)
		if (part_standing_get(s->standing, i) == RCPT_OPEN)
			p->rcpts[i].doubts++;
}

static void
disk_clear(const struct core_freed *freed)
{
	struct sim_slot *slot = &sim.workers[freed->worker].slots[freed->slot];

	SIM_REQUIRE(!slot->is_filled || slot->lease == freed->lease,
	    "another lease's slot is cleared");
	*slot = (struct sim_slot){ .is_filled = false };
	core_slot_cleared(sim.core, freed->worker, freed->slot);
}

/* A fault that may be planted: a deferral is taken for written. */
static bool
disk_is_dropped(const struct sim_entry *e)
{
	return sim_is_planted("lost_deferral") && e->kind == ENTRY_PART &&
	    e->part.state == PART_WAITING;
}

/* Writes what qmgr has in its hands. is_dying: the slots are not cleared. */
static void
disk_flush(bool is_dying)
{
	if (sim.is_ledger_failing && !is_dying)
		return;
	for (size_t i = 0; i < sim.n_pending; i++) {
		const struct sim_pending *p = &sim.pending[i];

		if (!disk_is_dropped(&p->entry))
			disk_append(&sim.ledger, &p->entry);
		if (p->entry.kind == ENTRY_PART)
			disk_take_note(&p->entry.part);
		if (p->freed.lease != 0 && !is_dying)
			disk_clear(&p->freed);
	}
	sim.n_pending = 0;
	sim.n_flushes++;
}

static void
disk_sync(void)
{
	sim.n_synced = sim.ledger.n;
}

static void
disk_remember(const struct sim_entry *entry, const struct core_freed *freed)
{
	static const struct core_freed none;

	if (sim.n_pending >= SIM_PENDING)
		disk_flush(false);
	sim.pending = sim_room(
	    sim.pending, &sim.max_pending, sim.n_pending, sizeof(*sim.pending));
	sim.pending[sim.n_pending++] =
	    (struct sim_pending){ *entry, freed == NULL ? none : *freed };
}

/* An order with texts that outlive the core: a condition is a tenant, a domain
 * or both, one message, or all. */
static struct order
order_copy(const struct order *order)
{
	struct order own = *order;
	struct order_match *m = &own.match;

	for (uint32_t i = 0; i < 4; i++)
		if (str_eq(m->tenant, sim_tenant(i)))
			m->tenant = sim_tenant(i);
	for (uint32_t i = 0; i < SIM_DOMAINS; i++)
		if (str_eq(m->domain, sim_domain(i)))
			m->domain = sim_domain(i);
	if (m->queue.len > 0)
		m->queue = STR("*");
	own.by = own.why = own.target = STR("");
	return own;
}

/* --- checkpoints: orders, then parts, then segments, in slices ------------ */

static void
checkpoint_begin(void)
{
	struct core_order_view view;

	disk_flush(false);
	sim.is_checkpointing = true;
	sim.checkpoint_from = sim.ledger.n;
	sim.checkpoint_part = 0;
	sim.checkpoint_seg = 0;
	sim.next_checkpoint.n = 0;
	for (uint64_t n = 0; core_order_next(sim.core, n, &view);) {
		struct sim_entry e = { .kind = ENTRY_ORDER,
			.order = order_copy(&view.order) };

		n = view.order.number;
		disk_append(&sim.next_checkpoint, &e);
	}
}

static void
checkpoint_part(uint32_t part)
{
	struct sim_entry e = { .kind = ENTRY_PART, .has_key = true };

	SIM_REQUIRE(core_part_get(sim.core, part, &e.part), "a part is gone");
	e.part.key = (struct queue_key){ .domain = { NULL, 0 } };
	disk_append(&sim.next_checkpoint, &e);
}

static void
checkpoint_segment(const struct core_segment_view *view)
{
	struct sim_entry e = { .kind = ENTRY_SEGMENT,
		.segment = view->number,
		.writer = view->writer };

	disk_append(&sim.next_checkpoint, &e);
	e.kind = ENTRY_BITS;
	e.blocks = view->blocks;
	if (e.blocks > sizeof(e.bits) * 8)
		e.blocks = sizeof(e.bits) * 8;
	if (e.blocks > 0)
		memcpy(e.bits, view->bits, (e.blocks + 7) / 8);
	disk_append(&sim.next_checkpoint, &e);
}

/* The ledger before the begin of the older of the two goes. */
static void
checkpoint_end(void)
{
	struct sim_file oldest = sim.older_checkpoint;
	size_t drop = sim.replay_from;

	disk_flush(false);
	disk_sync();
	sim.older_checkpoint = sim.checkpoint;
	sim.checkpoint = sim.next_checkpoint;
	sim.next_checkpoint = oldest;
	memmove(sim.ledger.entries, sim.ledger.entries + drop,
	    (sim.ledger.n - drop) * sizeof(*sim.ledger.entries));
	sim.ledger.n -= drop;
	sim.n_synced -= drop;
	sim.replay_from = sim.checkpoint_from - drop;
	sim.has_older = true;
	sim.is_checkpointing = false;
	sim.count.checkpoints++;
	sim_say("a checkpoint is complete");
}

static void
checkpoint_slice(void)
{
	struct core_segment_view view;

	if (!sim.is_checkpointing || sim.is_ledger_failing)
		return;
	for (int i = 0; i < DISK_CHECKPOINT_SLICE; i++) {
		if (sim.checkpoint_part != UINT32_MAX) {
			sim.checkpoint_part =
			    core_part_next(sim.core, sim.checkpoint_part);
			if (sim.checkpoint_part != 0)
				checkpoint_part(sim.checkpoint_part);
			else
				sim.checkpoint_part = UINT32_MAX;
			continue;
		}
		if (!core_segment_next(sim.core, sim.checkpoint_seg, &view)) {
			checkpoint_end();
			return;
		}
		checkpoint_segment(&view);
		sim.checkpoint_seg = view.number;
	}
}

/* --- restart -------------------------------------------------------------- */

/* False: no room. A checkpoint has parts that were done while it was written,
 * and what was admitted in their place is in the ledger: while both are read,
 * there are more than ever were. */
static bool
replay_entry(const struct sim_entry *e)
{
	struct part_state part = e->part;
	enum err err = ERR_OK;

	switch (e->kind) {
	case ENTRY_PART:
		if (e->has_key)
			part.key = disk_key(&part);
		err = core_restore(sim.core, &part);
		break;
	case ENTRY_ORDER:
		err = core_restore_order(sim.core, &e->order);
		break;
	case ENTRY_SEGMENT:
		err = core_segment_add(sim.core, e->segment, e->writer);
		break;
	case ENTRY_BITS:
		err =
		    core_restore_done(sim.core, e->segment, e->bits, e->blocks);
		break;
	case ENTRY_FORGET:
		core_segment_forget(sim.core, e->segment);
		break;
	}
	if (err == ERR_FULL)
		return false;
	SIM_REQUIRE(err == ERR_OK || err == ERR_NOTFOUND, "replay fails");
	return true;
}

static void
replay_slots(uint32_t worker)
{
	SIM_REQUIRE(core_worker_add(sim.core, worker, SIM_SLOTS) == ERR_OK,
	    "no worker");
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		const struct sim_slot *s = &sim.workers[worker].slots[i];
		const struct sim_msg *m = &sim.msgs[s->msg];
		struct core_slot slot = { .lease = s->lease,
			.segment = m->segment,
			.qid = m->qid,
			.block = m->block,
			.part = (uint16_t)s->part };

		if (s->is_filled)
			SIM_REQUIRE(core_restore_lease(
			                sim.core, worker, i, &slot) == ERR_OK,
			    "a slot is not restored");
	}
}

static void
disk_unheard(uint32_t msg)
{
	sim.unheard[sim.n_unheard++] = msg;
	sim.unheard_parts += sim.msgs[msg].n_parts;
	sim.segs[sim.msgs[msg].seg].n_unheard++;
}

/* After a restart the scan finds each record that is not known. */
static void
replay_scan(void)
{
	sim.n_unheard = 0;
	sim.unheard_parts = 0;
	for (uint32_t i = 0; i < sim.n_segs; i++)
		sim.segs[i].n_unheard = 0;
	for (uint32_t i = 0; i < sim.n_msgs; i++) {
		struct sim_msg *m = &sim.msgs[i];

		m->is_announced = sim.segs[m->seg].is_gone ||
		    core_record_state(sim.core, m->segment, m->block) !=
		        CORE_RECORD_UNKNOWN;
		if (!m->is_announced)
			disk_unheard(i);
	}
}

/* Files that are there, and those that were unlinked just before the end. */
static void
replay_files(void)
{
	for (uint32_t i = 0; i < sim.n_segs; i++) {
		const struct sim_segment *s = &sim.segs[i];

		if (s->is_gone) {
			core_segment_forget(sim.core, s->number);
			continue;
		}
		SIM_REQUIRE(
		    core_segment_add(sim.core, s->number, s->writer) == ERR_OK,
		    "no segment");
		if (s->is_sealed)
			core_segment_sealed(sim.core, s->number);
	}
}

static uint64_t
replay_done(void)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < sim.n_msgs; i++)
		for (uint32_t k = 0; k < sim.msgs[i].n_parts; k++)
			done += sim.msgs[i].parts[k].is_done ? 1 : 0;
	return done;
}

static bool
replay_file(const struct sim_file *file, size_t from)
{
	for (size_t i = from; i < file->n; i++)
		if (!replay_entry(&file->entries[i]))
			return false;
	return true;
}

/* All but what needs the peers; false: the core is too small. */
static bool
replay(void)
{
	for (uint32_t i = 0; i < SIM_WORKERS; i++)
		replay_slots(i);
	sim.is_checkpointing = false;
	return replay_file(&sim.checkpoint, 0) &&
	    replay_file(&sim.ledger, sim.replay_from);
}

/* The newest checkpoint lost its name with the power, or reads and is
 * malformed: the older one counts, with all that the ledger has since. */
static void
disk_pass_over(void)
{
	struct sim_file newest = sim.checkpoint;

	if (!sim.has_older)
		return;
	sim.has_older = false;
	sim.checkpoint = sim.older_checkpoint;
	sim.older_checkpoint = newest;
	sim.older_checkpoint.n = 0;
	sim.replay_from = 0;
	sim.count.passed_over++;
	sim_say("the newest checkpoint is passed over");
}

/* The power fails: what was not synced may be gone, and what it told of may
 * happen again; the slot pages are gone. */
static void
disk_lose(void)
{
	size_t keep;

	if (sim.is_ledger_failing)
		sim.n_pending = 0;
	disk_flush(true);
	if (sim_chance(300000))
		disk_pass_over();
	keep = sim.n_synced +
	    sim_below((uint32_t)(sim.ledger.n - sim.n_synced) + 1);
	/* A batch is whole, or torn, and nothing behind it is read. */
	while (keep > 0 && sim.ledger.entries[keep - 1].more > 0)
		keep--;
	for (size_t i = keep; i < sim.ledger.n; i++) {
		const struct sim_entry *e = &sim.ledger.entries[i];
		struct sim_part *p;

		if (e->kind != ENTRY_PART)
			continue;
		p = &sim_msg_of(&e->part.qid)->parts[e->part.part];
		p->is_done = false;
		sim_doubt(p);
	}
	sim.ledger.n = sim.n_synced = keep;
}

#endif /* TESTS_SIM_DISK_H */
